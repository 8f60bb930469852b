import { UserError } from '../errors.ts';
import type { ModelIdentity, TaskIdentity } from '../record.ts';
import type { StoredCell, StoredItem, StoredRun } from './items.ts';

/** A cell in two runs, and the items that both have scored, in the order of their ids. */
export interface CellPair {
  readonly before: StoredCell;
  readonly after: StoredCell;
  readonly items: readonly ItemPair[];
}

export interface ItemPair {
  readonly before: StoredItem;
  readonly after: StoredItem;
}

export interface Paired {
  readonly cells: readonly CellPair[];
  /** What a reader must know before believing the comparison, a sentence each. */
  readonly notes: readonly string[];
}

const IDENTITY = [
  'version',
  'protocol',
  'dataset_sha256',
  'file_sha256',
  'draw',
  'rescored',
] as const satisfies (keyof TaskIdentity)[];

/**
 * Pairs every cell of a baseline with the candidate's, item by item. The same tasks, data, wording, shots and windows
 * are asked for; models, devices and precisions may differ.
 * @param part the candidate may hold a part of the items
 * @throws UserError of one sentence where something differs that scores depend on
 */
export function pairRuns(
  before: StoredRun,
  after: StoredRun,
  { part = false }: { readonly part?: boolean } = {},
): Paired {
  const notes: string[] = [];
  const cells = before.cells.map((cell) => {
    const name = cellName(cell);
    const other = after.cells.find((c) => c.task.name === cell.task.name && c.shots === cell.shots);
    if (!other)
      throw notComparable(`${name} is in the baseline ${before.path} and not in the candidate ${after.path}`);
    if (other.items.length === 0 && cell.items.length > 0)
      throw notComparable(`${name} has no items in the candidate ${after.path}`);
    for (const key of IDENTITY) differ(name, key, cell.task[key], other.task[key]);
    for (const key of ['primary', 'draws'] as const) differ(name, key, cell[key], other[key]);
    differ(name, 'window', cell.window?.context, other.window?.context);
    differ(name, 'stride', cell.window?.stride, other.window?.stride);
    if (cell.items.length === 0) notes.push(`${name} has no items in the baseline and is not compared.`);
    return { before: cell, after: other, items: pairItems(name, cell, other, part) };
  });
  const more = after.cells.filter(
    (cell) => !before.cells.some((c) => c.task.name === cell.task.name && c.shots === cell.shots),
  );
  if (more.length > 0)
    notes.push(`Not in the baseline, and so not compared: ${more.map(cellName).join(', ')}.`);
  if (modelOf(before)?.tokenizer_sha256 !== modelOf(after)?.tokenizer_sha256)
    notes.push('The tokenizers differ: log-probabilities are counted per token of the baseline.');
  const on = ({ environment, spec }: StoredRun): string =>
    `${environment.backends[0]?.device ?? spec.device} in ${spec.dtype}`;
  if (on(before) !== on(after))
    notes.push(`The baseline was computed on ${on(before)}, the candidate on ${on(after)}.`);
  return { cells: cells.filter(({ items }) => items.length > 0), notes };
}

export function cellName({ task, shots }: Pick<StoredCell, 'task' | 'shots'>): string {
  return `${task.name} at k = ${shots}`;
}

export function modelOf({ spec, model }: StoredRun): ModelIdentity | undefined {
  return spec.models.find(({ ref }) => ref === model);
}

function pairItems(name: string, before: StoredCell, after: StoredCell, part: boolean): readonly ItemPair[] {
  const others = new Map(after.items.map((item) => [item.id, item]));
  const missing = before.items.filter(({ id }) => !others.has(id));
  const strangers = after.items.length + missing.length - before.items.length;
  if (strangers > 0 || (missing.length > 0 && !part)) {
    throw notComparable(
      `${name} has ${before.items.length} items in the baseline and ${after.items.length} in the candidate, of which ${before.items.length - missing.length} are the same`,
    );
  }
  const pairs: ItemPair[] = [];
  for (const own of before.items) {
    const other = others.get(own.id);
    if (!other) continue;
    if (own.prompt !== other.prompt)
      throw notComparable(`${name}: item ${own.id} is asked with another prompt (${wording(before, after)})`);
    if (own.unscored === null && other.unscored !== null)
      throw notComparable(
        `${name}: item ${own.id} is scored in the baseline and not in the candidate (${other.unscored})`,
      );
    if (own.unscored === null) pairs.push({ before: own, after: other });
  }
  return pairs;
}

function wording({ shots }: StoredCell, after: StoredCell): string {
  return shots === 0 && after.shots === 0
    ? 'its wording differs'
    : 'its wording or its shots differ: other seeds, or windows that hold other numbers of shots';
}

function differ(name: string, what: string, before: unknown, after: unknown): void {
  if (before === after) return;
  const short = (value: unknown): string =>
    value === undefined ? 'none' : typeof value === 'string' ? value.slice(0, 12) : String(value);
  throw notComparable(
    `${name}: ${what} is ${short(before)} in the baseline and ${short(after)} in the candidate`,
  );
}

function notComparable(sentence: string): UserError {
  return new UserError(`not comparable: ${sentence}`);
}
