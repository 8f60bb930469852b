import { type Estimate, meanInterval, percentileInterval, RESAMPLES } from './interval.ts';
import { random } from './random.ts';
import { tQuantile } from './special.ts';

/**
 * Mean of D draws by n items, crossed, with an interval that holds for new items and new draws alike: the variance of
 * the item means' mean (cluster-robust) plus that of the draw means' mean; Student's t with Satterthwaite's degrees
 * of freedom. What neither items nor draws explain counts in both. Taking it off once (Searle, Casella and McCulloch
 * 1992, section 4.4) gives an estimate that is too small too often: with three draws it held the truth in 92 % of
 * simulations where this holds it in 95 %.
 * @param values [D][n], D of at least 2
 */
export function crossedInterval(
  values: readonly (readonly number[])[],
  clusters: readonly string[],
): Estimate {
  const [d, n] = [values.length, clusters.length];
  const items = meanInterval(
    clusters.map((_, i) => values.reduce((sum, draw) => sum + draw[i]!, 0) / d),
    clusters,
  );
  const draws = meanInterval(values.map((draw) => draw.reduce((sum, v) => sum + v, 0) / n));
  const { value } = items;
  if (items.stderr === null || draws.stderr === null) return { value, stderr: null, ci95: null };
  const [ofItems, ofDraws] = [items.stderr ** 2, draws.stderr ** 2];
  const variance = ofItems + ofDraws;
  if (variance === 0) return { value, stderr: 0, ci95: [value, value] };
  const itemDegrees = new Set(clusters).size - 1;
  const degrees = variance ** 2 / (ofItems ** 2 / itemDegrees + ofDraws ** 2 / (d - 1));
  const half = tQuantile(0.975, degrees) * Math.sqrt(variance);
  return { value, stderr: Math.sqrt(variance), ci95: [value - half, value + half] };
}

/**
 * Mean over D draws of a statistic of n items, with its percentile bootstrap interval: each resample draws draws and
 * items with replacement (the pigeonhole bootstrap of Owen 2007, which is a little conservative).
 */
export function crossedBootstrap(
  d: number,
  n: number,
  statistic: (draw: number, items: Iterable<number>) => number,
): Estimate {
  const over = (draws: readonly number[], items: () => Iterable<number>): number =>
    draws.reduce((sum, draw) => sum + statistic(draw, items()), 0) / d;
  const value = over([...Array(d).keys()], () => Array(n).keys());
  if (n < 2) return { value, stderr: null, ci95: null };
  const source = random('crossed bootstrap', d, n);
  const resamples = Array.from({ length: RESAMPLES }, () => {
    const items = Uint32Array.from({ length: n }, () => source.below(n));
    return over(
      Array.from({ length: d }, () => source.below(d)),
      () => items,
    );
  });
  return { value, ...percentileInterval(resamples) };
}
