import type { OverlapComparison, OverlapPart } from '../record.ts';
import { difference, fisher, welch } from '../stats/disjoint.ts';
import type { Estimate } from '../stats/interval.ts';
import { degreesOf } from '../stats/special.ts';
import type { MetricName } from '../task.ts';
import type { Summary } from '../types.ts';
import { reduceDraws, reduceMetric } from './reduce.ts';

/**
 * A metric on all items, on those that stand in a training corpus (dirty) and on the others (clean), as GPT-3's
 * Table C.1 has them, and clean against dirty, which share no item.
 * @param draws of each draw of shots, its samples in the same order
 */
export function compareOverlap(
  metric: MetricName,
  draws: readonly (readonly Summary[])[],
): Pick<OverlapComparison, 'metric' | 'all' | 'clean' | 'dirty' | 'relative' | 'difference'> {
  const isDirty = (sample: Summary): boolean => sample.flags.includes('overlap');
  const parts = {
    all: draws,
    clean: draws.map((samples) => samples.filter((sample) => !isDirty(sample))),
    dirty: draws.map((samples) => samples.filter(isDirty)),
  };
  const [all, clean, dirty] = [parts.all, parts.clean, parts.dirty].map((own) => partOf(metric, own));
  const [a, b] = [clean?.estimate, dirty?.estimate];
  return {
    metric,
    all: all as OverlapPart,
    clean: clean as OverlapPart,
    dirty: dirty as OverlapPart,
    relative: a && all?.estimate && all.estimate.value !== 0 ? a.value / all.estimate.value - 1 : null,
    difference: a && b ? { ...difference(a, b), p: test(metric, parts.clean, parts.dirty, a, b) } : null,
  };
}

function partOf(metric: MetricName, draws: readonly (readonly Summary[])[]): OverlapPart {
  const [first = []] = draws;
  const isScored = (_: Summary, i: number): boolean => draws.every((own) => own[i]?.status === 'scored');
  const estimate = draws.length === 1 ? reduceMetric(metric, first) : reduceDraws(metric, draws);
  return { n: first.filter(isScored).length, estimate: estimate ?? null };
}

/** Fisher's exact test of right and wrong answers to items that share nothing, Welch's of everything else. */
function test(
  metric: MetricName,
  clean: readonly (readonly Summary[])[],
  dirty: readonly (readonly Summary[])[],
  a: Estimate,
  b: Estimate,
): number | null {
  const [own, other] = [clean, dirty].map((draws) => (draws[0] ?? []).filter((s) => s.status === 'scored'));
  if (!own || !other) return null;
  const values = (samples: readonly Summary[]): number[] => samples.flatMap((s) => s.values?.[metric] ?? []);
  const [x, y] = [values(own), values(other)];
  const clusters = (samples: readonly Summary[]): number =>
    new Set(samples.map((s) => s.cluster ?? s.id)).size;
  const isApart = clusters([...own, ...other]) === own.length + other.length;
  const isExact = clean.length === 1 && isApart && x.length === own.length && y.length === other.length;
  if (isExact && [...x, ...y].every((v) => v === 0 || v === 1)) {
    const count = (list: readonly number[]): { successes: number; n: number } => ({
      successes: list.filter((v) => v === 1).length,
      n: list.length,
    });
    return fisher(count(x), count(y));
  }
  // A perplexity is compared as the mean log-probability that it is made of.
  const side = (
    { value, stderr, ci95 }: Estimate,
    samples: readonly Summary[],
  ): Parameters<typeof welch>[0] | null => {
    if (stderr === null || ci95 === null) return null;
    const isLog = metric.startsWith('ppl');
    const at = (x: number): number => (isLog ? Math.log(x) : x);
    const own = { value: at(value), stderr: isLog ? stderr / value : stderr };
    // Over draws the interval has the degrees of freedom; one end may have been cut.
    const width = Math.max(own.value - at(ci95[0]), at(ci95[1]) - own.value) / own.stderr;
    const df = clean.length === 1 || own.stderr === 0 ? clusters(samples) - 1 : degreesOf(width);
    return { ...own, df };
  };
  const [u, v] = [side(a, own), side(b, other)];
  return u && v && welch(u, v);
}
