/** How often a label was rightly said, wrongly said, wrongly not said and rightly not said. */
export interface Confusion {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

/** Counts predictions against golds, item by item; every label but the positive one is negative. */
export function confusionOf<T>(predictions: readonly T[], golds: readonly T[], positive: T): Confusion {
  const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
  for (const [i, prediction] of predictions.entries()) {
    const right = (prediction === positive) === (golds[i] === positive);
    counts[prediction === positive ? (right ? 'tp' : 'fp') : right ? 'tn' : 'fn']++;
  }
  return counts;
}

/**
 * Matthews's correlation coefficient of binary labels, -1 to 1 (Matthews 1975; GLUE's metric of CoLA):
 * (tp tn - fp fn) / sqrt((tp + fp) (tp + fn) (tn + fp) (tn + fn)); 0 where either side has one label only, as
 * scikit-learn has it.
 */
export function mcc({ tp, fp, fn, tn }: Confusion): number {
  const scale = Math.sqrt(tp + fp) * Math.sqrt(tp + fn) * Math.sqrt(tn + fp) * Math.sqrt(tn + fn);
  return scale === 0 ? 0 : (tp * tn - fp * fn) / scale;
}

/** F1 of one label, 2 tp / (2 tp + fp + fn); 0 where it is neither predicted nor gold, as scikit-learn has it. */
export function f1Binary<T>(predictions: readonly T[], golds: readonly T[], positive: T): number {
  const { tp, fp, fn } = confusionOf(predictions, golds, positive);
  return tp + fp + fn === 0 ? 0 : (2 * tp) / (2 * tp + fp + fn);
}

/** Pearson's r of two lists of equal length, -1 to 1. NaN where either is constant: there is no correlation then. */
export function pearson(x: readonly number[], y: readonly number[]): number {
  const [a, b] = [centred(x), centred(y)];
  const product = (p: readonly number[], q: readonly number[]): number =>
    p.reduce((sum, value, i) => sum + value * (q[i] as number), 0);
  const r = product(a, b) / Math.sqrt(product(a, a)) / Math.sqrt(product(b, b));
  return Math.max(-1, Math.min(1, r));
}

/** Exactly zeros for a constant list, whose mean may be off by rounding. */
function centred(values: readonly number[]): number[] {
  if (values.every((value) => value === values[0])) return values.map(() => 0);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

/** Spearman's rho: Pearson's r of the ranks, equal values sharing the mean of theirs. NaN where either is constant. */
export function spearman(x: readonly number[], y: readonly number[]): number {
  return pearson(ranks(x), ranks(y));
}

/** Ranks from 1. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => (values[i] as number) - (values[j] as number));
  const found = Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
    for (const i of order.slice(start, end)) found[i] = (start + end + 1) / 2;
    start = end;
  }
  return found;
}
