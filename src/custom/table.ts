import { basename, extname } from 'node:path';
import type { DataRecord } from '../data/records.ts';
import { UserError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { bestOf, squadF1 } from '../metrics/text/squad.ts';
import {
  type ChoiceProtocol,
  defineTask,
  type GenerateProtocol,
  type SpanProtocol,
  type Task,
} from '../task.ts';
import type { Example } from '../types.ts';
import { readOwnRecords } from './file.ts';

/** What the items of a table ask for, by the column that their answers stand in. */
type Kind = 'target' | 'choices' | 'references';

/** An item of a table. */
interface Row extends Example {
  /** Without spaces at its end. */
  readonly context: string;
  /** Of a target: itself, behind the space that parts it from the context. */
  readonly target: string;
  /** Texts to choose among; empty of other kinds. */
  readonly choices: readonly string[];
  /** Index of the right choice. */
  readonly answer: number;
  /** Right answers; empty of other kinds. */
  readonly references: readonly string[];
}

/**
 * The task of a table: a file of items with the columns (in JSONL, the keys) `context` and one of
 * - `target`: the continuation whose log-likelihood is asked;
 * - `choices` and `answer`: which choice is the most probable? In a table, one cell with "|" between the choices, or
 *   a JSON list, or the columns choice1, choice2 and so on; in JSONL a list. White space around a choice goes.
 *   `answer` is a choice's text, or its number from 0 where no choice reads so; in JSONL a string is always the text
 *   and a number always the number;
 * - `references` (or `reference`): the model writes a line; is it one of them?
 *
 * `id` and `cluster` may stand beside them. One space stands between context and answer, unless the context ends
 * with a line break or the target begins with white space; a blank line between shots, which are the other items.
 * @throws UserError naming file and line where an item is malformed or ambiguous
 */
export async function tableTask(path: string): Promise<Task> {
  const scored = await readOwnRecords(path);
  const isTable = extname(path).toLowerCase() !== '.jsonl';
  const kind = kindOf(scored.records[0] as DataRecord, `${path}:1`);
  const decode = (record: DataRecord): Row => {
    const where = `${path}:${isTable ? 1 : record.line}`;
    const own = kindOf(record, where);
    if (own !== kind)
      throw new UserError(`${where}: expected "${kind}" as in the first item, found "${own}"`);
    return rowOf(record, own, isTable);
  };
  const rows = scored.records.map((record) => ({ ...decode(record), line: record.line }));
  const lines = new Map<string, number>();
  for (const { id, line } of rows) {
    const before = lines.get(id);
    if (before !== undefined)
      throw new UserError(`${path}:${line}: the id "${id}" is that of line ${before}, too`);
    lines.set(id, line);
  }
  const chance = rows.reduce((sum, row) => sum + 1 / row.choices.length, 0) / rows.length;
  const task = defineTask<Row>({
    name: nameOf(path),
    version: 1,
    title: `Items of ${basename(path)}`,
    dataset: path,
    split: 'all',
    shotSplits: [],
    decode,
    protocols: { own: wording(kind, path, rows) },
    protocol: 'own',
    chance: kind === 'choices' ? chance : null,
  });
  return { ...task, file: { path, sha256: scored.sha256, data: { scored } } };
}

/** "My Task_v2.csv" is the task my-task-v2. */
function nameOf(path: string): string {
  const words = basename(path, extname(path)).toLowerCase();
  const name = words.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
  if (name === '')
    throw new UserError(`${path}: expected a file name with letters a to z or digits, the task's name`);
  return name;
}

const ANSWERS: Readonly<Record<Kind, RegExp>> = {
  target: /^target$/,
  choices: /^(choices|choice\d+|answer)$/,
  references: /^references?$/,
};
const BESIDE: readonly string[] = ['context', 'id', 'cluster'];

/** What a record asks for, by its columns. */
function kindOf(record: DataRecord, where: string): Kind {
  const keys = record.keys();
  const list = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');
  const found = (Object.keys(ANSWERS) as Kind[]).filter((kind) =>
    keys.some((key) => ANSWERS[kind].test(key)),
  );
  const expected = 'expected "context" and one of "target", "choices" with "answer", "references"';
  const [kind, second] = found;
  if (!keys.includes('context') || kind === undefined || second !== undefined)
    throw new UserError(`${where}: ${expected}, found ${list(keys)}`);
  const unknown = keys.find((key) => !BESIDE.includes(key) && !ANSWERS[kind].test(key));
  if (unknown !== undefined) {
    throw new UserError(`${where}: "${unknown}" is not a column of a task: ${expected}; "id", "cluster"`);
  }
  if (kind === 'choices') {
    const numbered = keys.filter((key) => /^choice\d/.test(key));
    const inOrder = numbered.every((_, i) => numbered.includes(`choice${i + 1}`));
    const alone = keys.includes('choices') ? numbered.length === 0 : numbered.length > 1;
    if (!keys.includes('answer') || !alone || !inOrder) {
      const form = '"answer" and either "choices" or "choice1", "choice2" and so on';
      throw new UserError(`${where}: expected ${form}, found ${list(keys)}`);
    }
  }
  if (keys.includes('reference') && keys.includes('references'))
    throw new UserError(`${where}: expected "reference" or "references", found both`);
  return kind;
}

function rowOf(record: DataRecord, kind: Kind, isTable: boolean): Row {
  const context = record.string('context').replace(/[ \t]+$/, '');
  if (context.trim() === '') record.fail('"context" is empty');
  const target = kind === 'target' ? record.string('target') : '';
  if (kind === 'target' && target.trim() === '') record.fail('"target" is empty');
  const choices = kind === 'choices' ? choicesOf(record, isTable) : [];
  const references = kind === 'references' ? referencesOf(record, isTable) : [];
  const cluster = record.has('cluster') ? record.string('cluster') : '';
  return {
    id: idOf(record),
    ...(cluster === '' ? {} : { cluster }),
    context,
    target: /^\s/.test(target) ? target : gap({ context }) + target,
    choices,
    answer: kind === 'choices' ? answerOf(record, choices, isTable) : -1,
    references,
  };
}

/** Between a context and its answer. */
function gap({ context }: Pick<Row, 'context'>): string {
  return /\s$/.test(context) ? '' : ' ';
}

function idOf(record: DataRecord): string {
  if (!record.has('id')) return String(record.line);
  const id = record.value('id');
  if (typeof id === 'number') return String(id);
  return record.string('id').trim() || record.fail('"id" is empty');
}

function choicesOf(record: DataRecord, isTable: boolean): readonly string[] {
  const numbered = record.keys().filter((key) => /^choice\d/.test(key));
  const cells = numbered.map((_, i) => record.string(`choice${i + 1}`).trim());
  // Items may have fewer choices than there are columns.
  while (cells.at(-1) === '') cells.pop();
  const choices = numbered.length > 0 ? cells : listOf(record, 'choices', isTable);
  if (choices.length < 2) record.fail(`expected two choices at least, found ${choices.length}`);
  if (choices.includes('')) record.fail(`choice ${choices.indexOf('')}, from 0, is empty`);
  const twice = choices.find((choice, i) => choices.indexOf(choice) < i);
  if (twice !== undefined) record.fail(`the choice "${twice}" stands there twice`);
  return choices;
}

function referencesOf(record: DataRecord, isTable: boolean): readonly string[] {
  const references = record.has('references')
    ? listOf(record, 'references', isTable)
    : [record.string('reference').trim()];
  if (references.length === 0 || references.includes('')) record.fail('a reference is empty');
  if (references.some((text) => text.includes('\n')))
    record.fail('a reference holds a line break, but the text that the model writes ends at the first');
  return references;
}

/** A list of texts: in JSONL as it is; in a table's cell a JSON list, or texts between bars. */
function listOf(record: DataRecord, key: string, isTable: boolean): readonly string[] {
  if (!isTable) return record.strings(key).map((text) => text.trim());
  const cell = record.string(key).trim();
  if (!/^\[\s*"/.test(cell)) return cell.split('|').map((text) => text.trim());
  let list: unknown;
  try {
    list = parseJson(cell);
  } catch {
    list = undefined;
  }
  if (!Array.isArray(list) || !list.every((text) => typeof text === 'string'))
    return record.fail(`"${key}" begins as a JSON list, but is no list of strings: ${cell}`);
  return list.map((text: string) => text.trim());
}

/** The index of the right choice. */
function answerOf(record: DataRecord, choices: readonly string[], isTable: boolean): number {
  const value = record.value('answer');
  const isNumber = typeof value === 'number';
  const text = isNumber ? '' : record.string('answer').trim();
  const byText = choices.indexOf(text);
  const isIndex = isTable && /^(0|[1-9]\d*)$/.test(text);
  const number = isNumber ? value : isIndex ? Number(text) : -1;
  const byNumber = Number.isInteger(number) && number >= 0 && number < choices.length ? number : -1;
  if (byText >= 0 && byNumber >= 0 && byText !== byNumber) {
    record.fail(
      `"answer" ${text} is the text of one choice and the number of another: in a .jsonl file a string is a choice's text and a number its number`,
    );
  }
  const answer = Math.max(byText, byNumber);
  const found = isNumber ? String(value) : `"${text}"`;
  if (answer < 0) {
    const numbers = `its number from 0 to ${choices.length - 1}`;
    record.fail(`"answer" expected one of the choices (${choices.join(', ')}) or ${numbers}, found ${found}`);
  }
  return answer;
}

/** Tokens that a written answer has at most, unless its line ends before. */
const MAX_TOKENS = 64;

function wording(
  kind: Kind,
  source: string,
  rows: readonly Row[],
): SpanProtocol<Row> | ChoiceProtocol<Row> | GenerateProtocol<Row> {
  const shared = { source, context: (row: Row) => row.context, separator: '\n\n', draw: 'fixed' } as const;
  switch (kind) {
    case 'target': {
      // A perplexity per word is one only where every target is a word.
      const areWords = rows.every((row) => /^\s*\S+\s*$/.test(row.target));
      return {
        ...shared,
        kind: 'span',
        continuation: (row) => row.target,
        shot: (row) => row.context + row.target,
        metrics: ['acc', 'logprob_gold', ...(areWords ? (['ppl_word'] as const) : [])],
      };
    }
    case 'choices':
      return {
        ...shared,
        kind: 'choice',
        choices: (row) => row.choices,
        gold: (row) => row.answer,
        delimiter: gap,
        shot: (row) => row.context + gap(row) + row.choices[row.answer],
        metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
      };
    case 'references':
      return {
        ...shared,
        kind: 'generate',
        stop: ['\n'],
        maxTokens: MAX_TOKENS,
        gold: (row) => row.references[0] as string,
        judge: (row, text) => ({
          em: row.references.includes(text.trim()) ? 1 : 0,
          f1: bestOf(text, row.references, squadF1),
        }),
        shot: (row) => row.context + gap(row) + row.references[0],
        metrics: ['em', 'f1'],
      };
  }
}
