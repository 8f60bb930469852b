import { holm } from './holm.ts';
import { type Estimate, wilson, Z95 } from './interval.ts';
import { binomialCdf } from './paired.ts';
import { degreesOf, tCdf } from './special.ts';

/** A score with what is needed to hold it against chance. */
export interface ScoreAtStep extends Estimate {
  readonly step: number;
  readonly n: number;
}

/**
 * Probability of at least this score by guessing: binomial where the score's interval is that of a share of
 * independent right answers; else Student's t with the degrees of freedom of its interval, and 1 where it has none.
 */
export function guessing(score: ScoreAtStep, chance: number): number {
  const { value, stderr, n, ci95 } = score;
  const right = Math.round(value * n);
  if (isShare(score)) return 1 - binomialCdf(right - 1, n, chance);
  if (stderr === null || ci95 === null) return 1;
  if (stderr === 0) return value === 1 && chance < 1 ? chance ** unitsOf(ci95[0]) : 1;
  // One end of the interval may have been cut at 0 or 1.
  const width = Math.max(value - ci95[0], ci95[1] - value) / stderr;
  return 1 - tCdf((value - chance) / stderr, degreesOf(width));
}

function isShare({ value, n, ci95 }: ScoreAtStep): boolean {
  const right = Math.round(value * n);
  const own = wilson(right, n);
  const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9;
  return ci95 !== null && near(own.value, value) && own.ci95 !== null && near(own.ci95[0], ci95[0]);
}

/** How many independent answers, all right, have a Wilson interval with this lower end: n / (n + z^2). */
function unitsOf(low: number): number {
  return low < 1 ? (Z95 ** 2 * low) / (1 - low) : 1;
}

/**
 * For each series of scores, the first step from which a score is beyond chance: Holm over all steps of all series.
 * Null where none is.
 */
export function firstBeyondChance(
  series: readonly { readonly chance: number; readonly scores: readonly ScoreAtStep[] }[],
  alpha: number,
): (number | null)[] {
  const ps = series.map(({ chance, scores }) => scores.map((score) => guessing(score, chance)));
  const adjusted = holm(ps.flat());
  let at = 0;
  return series.map(({ scores }) => {
    const own = adjusted.slice(at, at + scores.length);
    at += scores.length;
    const beyond = scores.filter((_, i) => (own[i] as number) <= alpha).map(({ step }) => step);
    return beyond.length === 0 ? null : Math.min(...beyond);
  });
}
