import type { Estimate } from '../stats/interval.ts';
import type { Summary } from '../types.ts';

/**
 * Signs that a cell's scores come from a broken model or pipeline, not from a weak one, as sentences.
 * @param primary the primary metric's estimate
 * @param chance what guessing gives of it, null where that has no meaning
 */
export function alarmsOf(
  samples: readonly Summary[],
  primary: Estimate | undefined,
  chance: number | null,
): string[] {
  const scored = samples.filter((s) => s.status === 'scored');
  if (scored.length < 10) return [];
  const alarms: string[] = [];
  const [first] = scored;
  if (scored.every((s) => s.lowest === first?.lowest && s.highest === first.lowest)) {
    alarms.push(first?.lowest === 0 ? 'every log-probability is 0' : 'all log-probabilities are equal');
  }
  const predictions = new Set(scored.map((s) => s.prediction));
  const [only] = predictions;
  if (predictions.size === 1 && typeof only === 'number')
    alarms.push(`every item is answered with choice ${only + 1}`);
  const high = primary?.ci95?.[1];
  if (chance !== null && high !== undefined && high < chance)
    alarms.push('worse than guessing, beyond what chance explains');
  return alarms;
}
