import { random } from './random.ts';
import { tQuantile } from './special.ts';

/**
 * A point estimate with its standard error and 95 % confidence interval, in the units of the metric.
 * The last two are null where the data hold no measure of spread (a single item or a single cluster).
 */
export interface Estimate {
  readonly value: number;
  readonly stderr: number | null;
  readonly ci95: readonly [low: number, high: number] | null;
}

/**
 * Ratio of two sums over clusters, such as log-probability per token over documents, with the linearised standard
 * error (Cochran 1977, section 6.4) and Student's t on G - 1 degrees of freedom.
 */
export function ratioInterval(numerators: readonly number[], denominators: readonly number[]): Estimate {
  const groups = numerators.length;
  const total = denominators.reduce((sum, d) => sum + d, 0);
  const value = numerators.reduce((sum, v) => sum + v, 0) / total;
  if (groups < 2) return { value, stderr: null, ci95: null };
  let squares = 0;
  for (let i = 0; i < groups; i++) squares += (numerators[i]! - value * denominators[i]!) ** 2;
  const stderr = Math.sqrt((groups / (groups - 1)) * squares) / total;
  const half = tQuantile(0.975, groups - 1) * stderr;
  return { value, stderr, ci95: [value - half, value + half] };
}

/** The 97.5 % point of the standard normal distribution. */
export const Z95 = 1.959963984540054;

/**
 * Wilson's score interval for a share of successes (Wilson 1927): it stays inside [0, 1] and keeps its
 * coverage for small n and shares near 0 or 1, where the normal interval fails.
 * The standard error is that of the mean, sqrt(p (1 - p) / (n - 1)), as lm-eval prints it.
 */
export function wilson(successes: number, n: number): Estimate {
  const p = successes / n;
  const z2 = Z95 * Z95;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Z95 / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  const low = successes === 0 ? 0 : Math.max(0, centre - half);
  const high = successes === n ? 1 : Math.min(1, centre + half);
  return { value: p, stderr: n > 1 ? Math.sqrt((p * (1 - p)) / (n - 1)) : null, ci95: [low, high] };
}

/**
 * Mean with a Student t interval. Where several values share a cluster (a passage, a story), their errors are
 * not independent: the standard error is then the cluster-robust one (Liang and Zeger 1986, with the
 * G / (G - 1) correction) on G - 1 degrees of freedom. With every value in a cluster of its own both are equal.
 */
export function meanInterval(values: readonly number[], clusters?: readonly string[]): Estimate {
  const n = values.length;
  const mean = values.reduce((sum, v) => sum + v, 0) / n;
  const sums = new Map<string, number>();
  for (let i = 0; i < n; i++) {
    const key = clusters?.[i] ?? String(i);
    sums.set(key, (sums.get(key) ?? 0) + (values[i]! - mean));
  }
  const groups = sums.size;
  if (groups < 2) return { value: mean, stderr: null, ci95: null };
  let squares = 0;
  for (const s of sums.values()) squares += s * s;
  const stderr = Math.sqrt((groups / (groups - 1)) * squares) / n;
  const half = tQuantile(0.975, groups - 1) * stderr;
  return { value: mean, stderr, ci95: [mean - half, mean + half] };
}

export const RESAMPLES = 1000;

/**
 * A statistic of a whole set with its percentile bootstrap interval over clusters drawn with replacement, by default
 * each item one (Efron and Tibshirani 1993, chapter 13; Cameron, Gelbach and Miller 2008 for clusters); the standard
 * error is the resamples' standard deviation. The stream of draws depends on the number of clusters alone, so the same
 * items always give the same interval.
 * @param clusters one an item
 */
export function bootstrapInterval(
  n: number,
  statistic: (items: Iterable<number>) => number,
  clusters?: readonly string[],
): Estimate {
  const value = statistic(Array(n).keys());
  const groups = groupsOf(n, clusters);
  if (groups.length < 2) return { value, stderr: null, ci95: null };
  const source = random('bootstrap', groups.length);
  const resamples = Array.from({ length: RESAMPLES }, () => {
    const drawn = Array.from(groups, () => groups[source.below(groups.length)] as readonly number[]);
    return statistic(drawn.flat());
  });
  return { value, ...percentileInterval(resamples) };
}

/** The items of each cluster. */
function groupsOf(n: number, clusters: readonly string[] | undefined): readonly (readonly number[])[] {
  if (!clusters) return Array.from({ length: n }, (_, i) => [i]);
  const groups = new Map<string, number[]>();
  for (const [i, cluster] of clusters.entries()) {
    const known = groups.get(cluster);
    if (known) known.push(i);
    else groups.set(cluster, [i]);
  }
  return [...groups.values()];
}

/**
 * A share whose values are all alike, 0 or 1, shows no spread, and yet a few clusters prove little: its interval is then
 * Wilson's of as many values as there are clusters. Any other estimate is given back.
 */
export function withSpread(share: Estimate, clusters: number): Estimate {
  const { value, stderr } = share;
  if (stderr !== 0 || (value !== 0 && value !== 1)) return share;
  return { ...share, ci95: wilson(value * clusters, clusters).ci95 };
}

/** The 2.5 and 97.5 % points of resampled values, interpolated, and their standard deviation. */
export function percentileInterval(resamples: readonly number[]): Pick<Estimate, 'stderr' | 'ci95'> {
  const values = Float64Array.from(resamples).sort();
  const last = values.length - 1;
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  const at = (share: number): number => {
    const below = Math.floor(share * last);
    const [low, high] = [values[below]!, values[Math.min(below + 1, last)]!];
    return low + (high - low) * (share * last - below);
  };
  return { stderr: Math.sqrt(squares / last), ci95: [at(0.025), at(0.975)] };
}
