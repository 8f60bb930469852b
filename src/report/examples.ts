import { join } from 'node:path';
import { lengthOf, type Normalisation } from '../metrics/normalise.ts';
import { readSamplesAt, readTokens, scanLines } from '../store/read-run.ts';
import { PROMPT_LINE } from '../store/record-shape.ts';
import { promptsPath, tokensPath } from '../store/run-folder.ts';
import type { ItemText, Sample, Span, TaskText } from '../types.ts';
import type { BoardCell } from './board.ts';
import { pack } from './pack.ts';
import type { ExampleBlock, ShownAnswer, ShownExample, ShownToken } from './page-data.ts';
import { FLAGS, type TaskItems } from './task-items.ts';

/** Characters of a text and tokens of a span that are shown. */
const TEXT_LIMIT = 6000;
const SHOT_LIMIT = 1200;
const TOKEN_LIMIT = 300;

/** Why an example is worth a look, the first reason first. */
const KINDS = [
  'wrong and sure',
  'flipped by k',
  'flipped by model',
  'in training data',
  'cut',
  'tie',
] as const;
type Kind = (typeof KINDS)[number];

export interface Ranked {
  readonly item: number;
  readonly kinds: readonly Kind[];
}

/** A task's examples by interest: the foremost of each kind in turn, then those of no kind in the order of the data. */
export function rankExamples(cells: readonly BoardCell[], items: TaskItems): Ranked[] {
  const scored = items.ids.map((_, item) => interestOf(cells, items, item));
  const queues = KINDS.map((kind) =>
    [...scored.keys()]
      .filter((item) => scored[item]?.has(kind))
      .sort((a, b) => (scored[b]?.get(kind) ?? 0) - (scored[a]?.get(kind) ?? 0) || a - b),
  );
  const order = new Set<number>();
  const longest = Math.max(...queues.map((queue) => queue.length));
  for (let at = 0; at < longest; at++) {
    for (const { [at]: item } of queues) if (item !== undefined) order.add(item);
  }
  for (const item of scored.keys()) order.add(item);
  return [...order].map((item) => ({ item, kinds: KINDS.filter((kind) => scored[item]?.has(kind)) }));
}

/** The kinds of an item, each with how much it is of it. */
function interestOf(
  cells: readonly BoardCell[],
  { cells: read }: TaskItems,
  item: number,
): Map<Kind, number> {
  const found = new Map<Kind, number>();
  const raise = (kind: Kind, by: number): void => {
    found.set(kind, Math.max(found.get(kind) ?? 0, by));
  };
  const right = cells.map((_, at) => {
    const value = read[at]?.values[item];
    return value === undefined ? undefined : value >= 0.5;
  });
  for (const [at, cell] of cells.entries()) {
    const bits = read[at]?.flags[item] ?? 0;
    const margin = read[at]?.margins[item];
    if (right[at] === false && margin !== undefined && margin > 1) raise('wrong and sure', margin);
    if (bits & (1 << FLAGS.indexOf('truncated'))) raise('cut', 1);
    if (bits & (1 << FLAGS.indexOf('tie'))) raise('tie', 1);
    if (bits & (1 << FLAGS.indexOf('overlap'))) raise('in training data', right[at] ? 2 : 1);
    for (const [other, theirs] of cells.entries()) {
      if (other <= at || right[at] === undefined || right[other] === undefined || right[at] === right[other])
        continue;
      // What one more shot or a larger model breaks says more than what it mends.
      if (theirs.model === cell.model) raise('flipped by k', right[at] ? 2 : 1);
      else if (theirs.shots === cell.shots) raise('flipped by model', right[at] ? 2 : 1);
    }
  }
  return found;
}

interface Texts {
  readonly task: TaskText | undefined;
  readonly items: ReadonlyMap<string, ItemText>;
}

/** What a run kept of how a task's items read; nothing where it kept none. */
export async function readTexts(folder: string, task: string): Promise<Texts> {
  const items = new Map<string, ItemText>();
  let first: TaskText | undefined;
  await scanLines<TaskText | ItemText>(join(folder, promptsPath(task)), PROMPT_LINE, (line) => {
    if ('id' in line) items.set(line.id, line);
    else first = line;
  });
  return { task: first, items };
}

export interface ExampleSource {
  readonly task: number;
  readonly cells: readonly BoardCell[];
  readonly items: TaskItems;
  readonly texts: Texts;
  /** Index of a number of shots in the board. */
  readonly shotsAt: (shots: number | 'max') => number;
}

/** The block of some examples with their answers in every cell. */
export async function exampleBlock(source: ExampleSource, chosen: readonly Ranked[]): Promise<ExampleBlock> {
  const { cells, items, texts, task } = source;
  const strings = indexer();
  const shots = indexer();
  const answers: ShownAnswer[][] = chosen.map(() => []);
  const golds: (number | string)[] = chosen.map(() => '');
  const found: (readonly string[])[] = chosen.map(() => []);
  for (const [at, cell] of cells.entries()) {
    const read = items.cells[at];
    const wanted = chosen.flatMap(({ item }, number) => {
      const place = read?.places[item];
      return place ? [{ number, place }] : [];
    });
    if (!read || wanted.length === 0) continue;
    const samples = await readSamplesAt(
      read.path,
      wanted.map(({ place }) => place),
    );
    const vocabulary = await vocabularyOf(cell);
    const shownShot = (id: string): number =>
      shots.at(clip(texts.items.get(id)?.shot ?? `(example ${id})`, SHOT_LIMIT));
    for (const [i, sample] of samples.entries()) {
      const { number } = wanted[i] as { number: number };
      const text = texts.items.get(sample.id);
      if (sample.gold !== undefined) golds[number] = sample.gold;
      if (sample.overlap)
        found[number] = sample.overlap.where.map(
          (w) => `${w.file}, document ${w.document}: ${clip(w.text, 300)}`,
        );
      answers[number]?.push({
        ...answerOf(cell, sample, text),
        shots: source.shotsAt(cell.shots),
        behind: (sample.shots ?? []).map(shownShot),
        spans: (sample.spans ?? []).map((span) => shownSpan(span, vocabulary, strings)),
      });
    }
  }
  const examples = chosen.map(({ item, kinds }, number): ShownExample => {
    const id = items.ids[item] as string;
    const text = texts.items.get(id);
    const cluster = items.clusters[item] as string;
    const { context, behind, choices } = text ?? {};
    const gold = golds[number] as number | string;
    return {
      id: clip(id, 300),
      ...(cluster === id ? {} : { cluster: clip(cluster, 300) }),
      kinds,
      ...(context === undefined ? {} : { context: clipStart(context, TEXT_LIMIT) }),
      ...(behind === undefined ? {} : { behind: clipStart(behind, TEXT_LIMIT) }),
      ...(choices === undefined ? {} : { choices: choices.map((choice) => clip(choice, SHOT_LIMIT)) }),
      gold: typeof gold === 'string' ? clip(gold, SHOT_LIMIT) : gold,
      ...(found[number]?.length ? { found: found[number] } : {}),
      answers: answers[number] as ShownAnswer[],
    };
  });
  const { descriptions = ['', ''], separator = '\n' } = texts.task ?? {};
  return {
    ...{ task, total: items.ids.length, metric: cells[0]?.result.primary ?? '', descriptions, separator },
    ...{ tokens: strings.list, shots: shots.list, examples },
  };
}

const vocabularies = new WeakMap<object, Map<string, Promise<readonly string[]>>>();

/** Read once for all tasks of a run. */
function vocabularyOf({ run, result }: BoardCell): Promise<readonly string[]> {
  const known = vocabularies.get(run) ?? new Map<string, Promise<readonly string[]>>();
  vocabularies.set(run, known);
  const read = known.get(result.model) ?? readTokens(join(run.folder, tokensPath(result.model)));
  known.set(result.model, read);
  return read;
}

function answerOf(
  cell: BoardCell,
  sample: Sample,
  text: ItemText | undefined,
): Omit<ShownAnswer, 'shots' | 'behind' | 'spans'> {
  const { prediction = null, values, flags = [], tokens_dropped, reason, spans = [] } = sample;
  return {
    model: cell.model,
    value: sample.status === 'scored' ? (values?.[cell.result.primary] ?? null) : null,
    ...(reason === undefined ? {} : { reason: clip(reason, 300) }),
    prediction: typeof prediction === 'string' ? clip(prediction, SHOT_LIMIT) : prediction,
    flags,
    cut: tokens_dropped ?? 0,
    more: spans.map(({ tokens }) => Math.max(0, tokens.length - TOKEN_LIMIT)),
    ...(text?.choices ? { scores: scoresOf(text, spans) } : {}),
  };
}

const BY: readonly Normalisation[] = ['sum', 'token', 'character', 'byte'];

/** Of each choice: its log-likelihood in all, per token, character and byte, and less that without the question. */
function scoresOf({ choices = [] }: ItemText, spans: readonly Span[]): (number | null)[][] {
  return choices.map((choice, i) => {
    const logprob = sumOf(spans[i]);
    if (logprob === null) return [];
    const score = {
      logprob,
      tokens: spans[i]?.tokens.length ?? 0,
      characters: [...choice].length,
      bytes: Buffer.byteLength(choice),
    };
    const alone = sumOf(spans[choices.length + i]);
    return [
      ...BY.map((by) => round(logprob / lengthOf(score, by))),
      ...(alone === null ? [] : [round(logprob - alone)]),
    ];
  });
}

function sumOf(span: Span | undefined): number | null {
  return span ? span.logprobs.reduce((sum, l) => sum + l, 0) : null;
}

const round = (value: number): number | null => (Number.isFinite(value) ? Number(value.toFixed(3)) : null);

function shownSpan(
  { tokens, logprobs, hits }: Span,
  vocabulary: readonly string[],
  strings: Indexer,
): ShownToken[] {
  return tokens
    .slice(0, TOKEN_LIMIT)
    .map(
      (id, i): ShownToken => [
        strings.at(clip(vocabulary[id] ?? `[${id}]`, 200)),
        Number((logprobs[i] ?? 0).toFixed(2)),
        hits[i] ? 1 : 0,
      ],
    );
}

interface Indexer {
  readonly list: string[];
  at(text: string): number;
}

function indexer(): Indexer {
  const list: string[] = [];
  const known = new Map<string, number>();
  return {
    list,
    at(text) {
      const at = known.get(text) ?? list.push(text) - 1;
      known.set(text, at);
      return at;
    },
  };
}

/** The beginning of a text; a cut is said. */
function clip(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length - limit} more characters)`;
}

/** The end of a text, which is what the answer stands behind; a cut is said. */
function clipStart(text: string, limit: number): string {
  return text.length <= limit ? text : `(${text.length - limit} characters before) …${text.slice(-limit)}`;
}

/** Examples that are packed to see how many fit. */
const TRIAL = 12;

/** As many of the foremost examples as fit so many bytes, packed; null where none does. */
export async function packExamples(
  source: ExampleSource,
  ranked: readonly Ranked[],
  limit: { readonly bytes: number; readonly count: number },
): Promise<string | null> {
  const most = Math.min(limit.count, ranked.length);
  const packed = async (count: number): Promise<string> =>
    pack(JSON.stringify(await exampleBlock(source, ranked.slice(0, count))));
  let count = Math.min(TRIAL, most);
  let best: string | null = null;
  if (count < most) {
    const trial = await packed(count);
    if (trial.length <= limit.bytes) best = trial;
    count = Math.min(most, Math.floor((count * limit.bytes * 0.95) / trial.length));
  }
  // More examples share more text and tokens: what does not fit is off by little.
  while (count > 0 && (best === null || count > TRIAL)) {
    const found = await packed(count);
    if (found.length <= limit.bytes) return found;
    count = Math.min(count - 1, Math.floor((count * limit.bytes * 0.95) / found.length));
  }
  return best;
}
