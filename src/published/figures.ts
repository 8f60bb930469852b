import { parse } from 'csv-parse/sync';
import { messageOf, UserError } from '../errors.ts';
import type { ProtocolName } from '../types.ts';

/** Where figures come from, in the order in which they are shown. */
export const SOURCE_NAMES = [
  'GPT-2 paper',
  'GPT-3 paper',
  'lm-eval',
  'Open LLM Leaderboard v1',
  'third party',
] as const;
export type SourceName = (typeof SOURCE_NAMES)[number];

/**
 * A paper measured models of its own under its own protocol (ours of that name follows it); the others ran models that
 * anyone can have. What a third party ran is known from its note only.
 */
export const SOURCES: Readonly<Record<SourceName, { paper: boolean; protocol: ProtocolName | null }>> = {
  'GPT-2 paper': { paper: true, protocol: 'gpt2' },
  'GPT-3 paper': { paper: true, protocol: 'gpt3' },
  'lm-eval': { paper: false, protocol: 'lm-eval' },
  'Open LLM Leaderboard v1': { paper: false, protocol: 'lm-eval' },
  'third party': { paper: false, protocol: null },
};

/** One published number: a line of reports/published/*.csv, whose README tells its columns. */
export interface Figure {
  readonly source: SourceName;
  /** Empty for a figure of a data set, and its parameters null then. */
  readonly model: string;
  /** As its source counts them. */
  readonly parameters: number | null;
  /** Key of the benchmark: a task's `published`. */
  readonly task: string;
  /** As the source names it, where that is not the key. */
  readonly named: string;
  readonly metric: string;
  readonly shots: 'zero' | 'one' | 'few' | '';
  /** Examples in the prompt; null where the source does not say. */
  readonly k: number | null;
  /** Shares are 0 to 1 here, whatever they are in the file. */
  readonly value: number;
  readonly split: 'dev' | 'test' | 'test server' | '';
  readonly where: string;
  readonly note: string;
  readonly confidence: 'high' | 'medium';
}

const COLUMNS = 'source,model,params,task,named,metric,shots,k,value,unit,split,where,note,confidence'.split(
  ',',
);
const NUMBER = /^-?\d+(\.\d+)?$/;
const SCALES: Readonly<Record<string, number>> = { '': 1, M: 1e6, B: 1e9 };

/**
 * The figures of a file of reports/published.
 * @throws UserError naming the file and the line, what was expected and what was found
 */
export function parseFigures(path: string, text: string): Figure[] {
  let rows: { readonly info: { readonly lines: number }; readonly record: readonly string[] }[];
  try {
    // A wrong number of columns is told here, as everything else that is wrong with a line.
    rows = parse(text, {
      info: true,
      relaxColumnCount: true,
      skipEmptyLines: true,
    }) as unknown as typeof rows;
  } catch (error) {
    throw new UserError(`${path}: not CSV: ${messageOf(error)}`);
  }
  const header = rows[0]?.record.join(',') ?? 'nothing';
  if (header !== COLUMNS.join(','))
    throw new UserError(`${path}:1: expected the columns ${COLUMNS.join(',')}, found ${header}`);
  return rows.slice(1).map(({ info, record }) => figureOf(`${path}:${info.lines}`, record));
}

function figureOf(where: string, cells: readonly string[]): Figure {
  if (cells.length !== COLUMNS.length)
    throw new UserError(`${where}: expected ${COLUMNS.length} columns, found ${cells.length}`);
  const cell = (column: string): string => cells[COLUMNS.indexOf(column)] ?? '';
  const expect = (column: string, is: boolean, expected: string): void => {
    if (is) return;
    throw new UserError(`${where}: "${column}" expected ${expected}, found ${JSON.stringify(cell(column))}`);
  };
  const oneOf = <T extends string>(column: string, values: readonly T[]): T => {
    expect(
      column,
      values.includes(cell(column) as T),
      `one of ${values.map((v) => v || 'nothing').join(', ')}`,
    );
    return cell(column) as T;
  };
  const [, size, scale = ''] = /^(\d+(?:\.\d+)?)([MB]?)$/.exec(cell('params')) ?? [];
  expect('params', (cell('model') === '') === (size === undefined), 'a number such as 117M of a model');
  expect('k', /^\d*$/.test(cell('k')), 'a whole number or nothing');
  expect('value', NUMBER.test(cell('value')), 'a number');
  for (const column of ['task', 'metric', 'where']) expect(column, cell(column).trim() !== '', 'a text');
  const unit = oneOf('unit', ['percent', 'share', 'number']);
  return {
    source: oneOf('source', SOURCE_NAMES),
    model: cell('model'),
    parameters: size === undefined ? null : Number(size) * (SCALES[scale] ?? 1),
    task: cell('task'),
    named: cell('named'),
    metric: cell('metric'),
    shots: oneOf('shots', ['zero', 'one', 'few', '']),
    k: cell('k') === '' ? null : Number(cell('k')),
    // The decimal point is moved, not the number divided: 57.1 per cent is 0.571 exactly as it is written.
    value: Number(unit === 'percent' ? `${cell('value')}e-2` : cell('value')),
    split: oneOf('split', ['dev', 'test', 'test server', '']),
    where: cell('where'),
    note: cell('note'),
    confidence: oneOf('confidence', ['high', 'medium']),
  };
}
