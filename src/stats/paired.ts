import { type Estimate, meanInterval, Z95 } from './interval.ts';
import { type Random, random } from './random.ts';
import { incompleteBeta, tQuantile } from './special.ts';

/** A two-sided p-value, and the smallest that the test could have given on data of this size. */
export interface TestOutcome {
  readonly p: number;
  readonly floor: number;
}

/** P(X <= k) of X successes in n trials that succeed with probability p. */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  return k >= n ? 1 : incompleteBeta(n - k, k + 1, 1 - p);
}

/**
 * McNemar's exact test of paired right and wrong answers, two-sided: under no difference an item that changed was
 * lost or won with equal probability (McNemar 1947).
 */
export function mcnemar(lost: number, won: number): TestOutcome {
  const changed = lost + won;
  const p = Math.min(1, 2 * binomialCdf(Math.min(lost, won), changed, 0.5));
  return { p, floor: Math.min(1, 2 ** (1 - changed)) };
}

/** Clusters up to which every assignment of signs is counted. */
const MOST_EXACT = 16;
/** Exceedances after which random signs say enough: the p-value is then known to about a tenth. */
const ENOUGH = 100;

/**
 * Sign-flip test of a sum over clusters, two-sided: under no difference a cluster's sum has either sign with equal
 * probability, whatever its items have in common. Exact for few clusters, else by random signs: p is then
 * (1 + exceedances) / (1 + draws), or h / draws where h exceedances came first (Besag and Clifford 1991); both are
 * never too small on average.
 * @param sums one a cluster
 * @param draws random assignments at most
 */
export function signFlip(sums: readonly number[], draws: number): TestOutcome {
  const moved = sums.filter((s) => s !== 0);
  const size = moved.reduce((sum, s) => sum + Math.abs(s), 0);
  const total = moved.reduce((sum, s) => sum + s, 0);
  // Sums of the same numbers in another order differ in their last digits.
  const observed = Math.abs(total) - 1e-9 * size;
  if (moved.length <= MOST_EXACT) {
    const all = 2 ** moved.length;
    const flipped = subsetSums(moved);
    let count = 0;
    for (const part of flipped) if (Math.abs(total - 2 * part) >= observed) count++;
    return { p: count / all, floor: Math.min(1, 2 / all) };
  }
  // Subset sums of eight clusters at a time: a random byte flips eight.
  const tables: Float64Array[] = [];
  for (let from = 0; from < moved.length; from += 8) tables.push(subsetSums(moved.slice(from, from + 8)));
  const source = random('sign flips', moved.length);
  return countDraws(draws, 2 ** (1 - moved.length), () => {
    let part = 0;
    for (let i = 0; i < tables.length; i += 4) {
      const word = source.below(2 ** 32);
      for (let j = i; j < i + 4 && j < tables.length; j++) {
        const table = tables[j] as Float64Array;
        part += table[(word >>> (8 * (j - i))) & (table.length - 1)] as number;
      }
    }
    return Math.abs(total - 2 * part) >= observed;
  });
}

/** The sums of all subsets; the bits of an index say which values are in. */
function subsetSums(values: readonly number[]): Float64Array {
  const sums = new Float64Array(2 ** values.length);
  for (const [i, value] of values.entries()) {
    const half = 2 ** i;
    for (let j = 0; j < half; j++) sums[half + j] = (sums[j] as number) + value;
  }
  return sums;
}

function countDraws(draws: number, least: number, exceeds: () => boolean): TestOutcome {
  const floor = Math.max(least, 1 / (1 + draws));
  let count = 0;
  for (let draw = 1; draw <= draws; draw++) {
    if (!exceeds()) continue;
    count++;
    if (count === ENOUGH) return { p: count / draw, floor };
  }
  return { p: (1 + count) / (1 + draws), floor };
}

/** What a metric of a whole set is made of on both sides: counts by cluster, [clusters][counts], and their score. */
export interface PairedCounts {
  readonly before: readonly (readonly number[])[];
  readonly after: readonly (readonly number[])[];
  readonly score: (sum: readonly number[]) => number;
}

/**
 * Randomisation test of a metric of the whole set, two-sided: under no difference the two sides of a cluster may
 * change places (Riezler and Maxwell 2005, "approximate randomization"). The p-value is as in `signFlip`.
 */
export function labelSwap({ before, after, score }: PairedCounts, draws: number): TestOutcome {
  const [first, second] = [sumOf(before), sumOf(after)];
  const observed = Math.abs(score(second) - score(first)) - 1e-9;
  const changes = after
    .map((counts, g) => counts.map((count, i) => count - (before[g]?.[i] ?? 0)))
    .filter((change) => change.some((c) => c !== 0));
  if (changes.length === 0) return { p: 1, floor: 1 };
  const source = random('label swaps', changes.length);
  const bits = bitsOf(source);
  return countDraws(draws, 2 ** (1 - changes.length), () => {
    const [a, b] = [Array.from(first), Array.from(second)];
    for (const change of changes) {
      if (!bits()) continue;
      for (let i = 0; i < change.length; i++) {
        a[i] = (a[i] as number) + (change[i] as number);
        b[i] = (b[i] as number) - (change[i] as number);
      }
    }
    return Math.abs(score(b) - score(a)) >= observed;
  });
}

function bitsOf(source: Random): () => boolean {
  let [word, left] = [0, 0];
  return () => {
    if (left === 0) [word, left] = [source.below(2 ** 32), 32];
    left--;
    const bit = (word & 1) === 1;
    word >>>= 1;
    return bit;
  };
}

function sumOf(rows: readonly (readonly number[])[]): number[] {
  const sum: number[] = [];
  for (const row of rows) for (const [i, value] of row.entries()) sum[i] = (sum[i] ?? 0) + value;
  return sum;
}

const BOOTSTRAPS = 2000;

/**
 * The change of a metric of the whole set with its paired percentile bootstrap interval over clusters, widened to
 * Student's t of the resamples' standard deviation where that is wider, as it is for few clusters.
 * @param bound the largest change that the metric can have: where nothing changed at all the interval is what so many
 *   unchanged clusters leave open, as in `pairedMean`
 */
export function pairedBootstrap({ before, after, score }: PairedCounts, bound: number): Estimate {
  const groups = before.length;
  const value = score(sumOf(after)) - score(sumOf(before));
  if (groups < 2) return { value, stderr: null, ci95: null };
  const source = random('paired bootstrap', groups);
  const width = before[0]?.length ?? 0;
  const found = Float64Array.from({ length: BOOTSTRAPS }, () => {
    const [a, b] = [Array<number>(width).fill(0), Array<number>(width).fill(0)];
    for (let g = 0; g < groups; g++) {
      const at = source.below(groups);
      const [x, y] = [before[at] as readonly number[], after[at] as readonly number[]];
      for (let i = 0; i < width; i++) {
        a[i] = (a[i] as number) + (x[i] as number);
        b[i] = (b[i] as number) + (y[i] as number);
      }
    }
    return score(b) - score(a);
  }).sort();
  const mean = found.reduce((sum, v) => sum + v, 0) / BOOTSTRAPS;
  const squares = found.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  const at = (share: number): number => found[Math.round(share * (BOOTSTRAPS - 1))] as number;
  const stderr = Math.sqrt(squares / (BOOTSTRAPS - 1));
  const half = stderr > 0 ? tQuantile(0.975, groups - 1) * stderr : leastHalf(bound, groups);
  return { value, stderr, ci95: [Math.min(at(0.025), value - half), Math.max(at(0.975), value + half)] };
}

/** Half the width that an interval of a change has at least: Wilson's for none of G clusters changed. */
function leastHalf(bound: number, groups: number): number {
  return (bound * Z95 ** 2) / (groups + Z95 ** 2);
}

/**
 * The difference of two paired shares, (won - lost) / n, with Tango's score interval (Tango 1998), which has a width
 * even where nothing changed: ten equal answers do not show that a thousand would be.
 */
export function pairedShares(lost: number, won: number, n: number): Estimate {
  const value = (won - lost) / n;
  const stderr = n > 1 ? Math.sqrt(Math.max(0, (won + lost) / n - value * value) / (n - 1)) : null;
  const score = (delta: number): number => {
    const a = 2 * n;
    const b = -lost - won + (2 * n - won + lost) * delta;
    const c = -lost * delta * (1 - delta);
    const q = (Math.sqrt(Math.max(0, b * b - 4 * a * c)) - b) / (2 * a);
    const spread = n * (2 * q + delta * (1 - delta));
    const gap = won - lost - n * delta;
    return spread <= 0 ? Math.sign(gap) * Infinity : gap / Math.sqrt(spread);
  };
  // The score falls as the difference supposed rises.
  const solve = (target: number, from: number, to: number): number => {
    let [low, high] = [from, to];
    for (let i = 0; i < 60; i++) {
      const mid = (low + high) / 2;
      if (score(mid) > target) low = mid;
      else high = mid;
    }
    return (low + high) / 2;
  };
  return { value, stderr, ci95: [solve(Z95, -1, value), solve(-Z95, value, 1)] };
}

/**
 * The mean of paired differences with a Student t interval, robust to clusters. `bound` is the largest difference
 * that a value can have: the interval then reaches at least as far as the one of G clusters of which none changed, so
 * that a few clusters in which nothing happened prove little.
 */
export function pairedMean(
  differences: readonly number[],
  clusters: readonly string[],
  bound: number | null,
): Estimate {
  const estimate = meanInterval(differences, clusters);
  if (bound === null || estimate.ci95 === null) return estimate;
  const groups = new Set(clusters).size;
  const least = leastHalf(bound, groups);
  const { value } = estimate;
  const [low, high] = estimate.ci95;
  return { ...estimate, ci95: [Math.min(low, value - least), Math.max(high, value + least)] };
}
