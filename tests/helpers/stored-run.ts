import type { StoredCell, StoredItem, StoredRun } from '../../src/check/items.ts';
import { cell, record } from './record.ts';

/** An item as the gate keeps it, with whatever a test says differs. */
function item(i: number, differs: Partial<StoredItem> = {}): StoredItem {
  return {
    id: `item-${i}`,
    cluster: `item-${i}`,
    prompt: 'p',
    unscored: null,
    value: 1,
    logprob: -2,
    units: 2,
    sums: [-2, -3],
    counts: null,
    answer: 0,
    ...differs,
  };
}

/** So many items, each made of its number. */
export function items(n: number, differs: (i: number) => Partial<StoredItem> = () => ({})): StoredItem[] {
  return Array.from({ length: n }, (_, i) => item(i, differs(i)));
}

export function storedCell(own: readonly StoredItem[], differs: Partial<StoredCell> = {}): StoredCell {
  const { spec } = record([cell()]);
  return {
    model: './gpt2',
    task: { ...(spec.tasks[0] as StoredCell['task']), name: 'anli-r1' },
    shots: 0,
    draws: 1,
    primary: 'acc',
    chance: 1 / 3,
    value: 0.5,
    window: null,
    items: own,
    ...differs,
  };
}

export function storedRun(cells: readonly StoredCell[], differs: Partial<StoredRun> = {}): StoredRun {
  const { spec, environment } = record([cell()]);
  return { path: 'runs/a', folder: null, model: './gpt2', spec, environment, cells, ...differs };
}
