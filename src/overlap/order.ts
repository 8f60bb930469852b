import { random, shuffled } from '../stats/random.ts';

/** Items of one window: the indexes of their texts, one behind the other in the data set's order. */
export type OrderRun = readonly number[];

/**
 * Cuts a data set into runs of neighbours that a window holds in whatever order, so that every item is in one run; a
 * run of one says nothing and is left out.
 * @param lengths tokens of each item with what separates it from the next
 * @param window tokens that a run may have
 * @param most items of a run
 */
export function orderRuns(lengths: readonly number[], window: number, most: number): OrderRun[] {
  const runs: number[][] = [[]];
  let used = 0;
  for (const [item, length] of lengths.entries()) {
    const run = runs.at(-1) as number[];
    if (run.length > 0 && (used + length > window || run.length >= most)) {
      runs.push([item]);
      used = length;
    } else {
      run.push(item);
      used += length;
    }
  }
  return runs.filter((run) => run.length > 1);
}

/** A run in its own order, then in random ones: what is drawn depends on the key and the run's first item alone. */
export function ordersOf(
  run: OrderRun,
  permutations: number,
  ...key: readonly (string | number)[]
): OrderRun[] {
  const source = random('order', ...key, run[0] as number);
  const drawn = Array.from({ length: permutations }, () =>
    [...shuffled(run.length, source)].map((i) => run[i] as number),
  );
  return [run, ...drawn];
}

/** What the orders of a data set's runs say together. */
export interface OrderEvidence {
  /** Log-likelihood of the data set's own order, in nats, less the mean of the random ones', an item. */
  readonly advantage: number;
  /** Of seeing so good an own order were all orders alike to the model: exact, at least 1 / (permutations + 1). */
  readonly p: number;
}

/**
 * The permutation test of Oren et al. 2023 (Proving Test Set Contamination in Black Box Language Models, section 3),
 * with the shuffles kept within runs: the j-th orders of all runs are one order of the whole set, and a model that has
 * not seen the file finds its own order no more probable than those. Ties count against the finding.
 * @param totals [runs, 1 + permutations] log-likelihoods in nats, the own order's first
 */
export function orderEvidence(totals: readonly (readonly number[])[], items: number): OrderEvidence {
  const [own = Number.NaN, ...others] = (totals[0] ?? []).map((_, j) =>
    totals.reduce((sum, run) => sum + (run[j] as number), 0),
  );
  const mean = others.reduce((sum, other) => sum + other, 0) / others.length;
  const asGood = others.filter((other) => other >= own).length;
  return { advantage: (own - mean) / items, p: (1 + asGood) / (1 + others.length) };
}
