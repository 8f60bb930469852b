import { bootstrapInterval, type Estimate, meanInterval } from './interval.ts';
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
  return combined(items, new Set(clusters).size - 1, draws, d - 1);
}

/**
 * Mean over D draws of a statistic of n items, crossed as above: the variance over items is that of bootstrap resamples
 * of clusters, the same in all draws, and that over draws the one of the D scores. (Resampling the draws too would
 * hold too seldom: of three draws the least one is the worst that it can imagine.)
 * @param clusters one an item, D of at least 2
 */
export function crossedBootstrap(
  d: number,
  clusters: readonly string[],
  statistic: (draw: number, items: Iterable<number>) => number,
): Estimate {
  const n = clusters.length;
  const draws = [...Array(d).keys()];
  const meanOver = (items: Iterable<number>): number => {
    const chosen = [...items];
    return draws.reduce((sum, draw) => sum + statistic(draw, chosen), 0) / d;
  };
  const items = bootstrapInterval(n, meanOver, clusters);
  const scores = meanInterval(draws.map((draw) => statistic(draw, Array(n).keys())));
  return combined(items, new Set(clusters).size - 1, scores, d - 1);
}

/** The two variances added, on Satterthwaite's degrees of freedom. */
function combined(items: Estimate, itemDegrees: number, draws: Estimate, drawDegrees: number): Estimate {
  const { value } = items;
  if (items.stderr === null || draws.stderr === null) return { value, stderr: null, ci95: null };
  const [ofItems, ofDraws] = [items.stderr ** 2, draws.stderr ** 2];
  const variance = ofItems + ofDraws;
  if (variance === 0) return { value, stderr: 0, ci95: [value, value] };
  const degrees = variance ** 2 / (ofItems ** 2 / itemDegrees + ofDraws ** 2 / drawDegrees);
  const half = tQuantile(0.975, degrees) * Math.sqrt(variance);
  return { value, stderr: Math.sqrt(variance), ci95: [value - half, value + half] };
}
