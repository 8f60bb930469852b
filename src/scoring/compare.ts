import type { Scored } from '../types.ts';

/** How far two backends are apart on the same requests. Log-probabilities in nats. */
export interface Difference {
  readonly tokens: number;
  /** Mean and largest absolute difference of one token's log-probability. */
  readonly mean: number;
  readonly max: number;
}

/** Compares the scores of the same requests; a log-probability that is not a number differs infinitely. */
export function compareScores(reference: readonly Scored[], found: readonly Scored[]): Difference {
  let [tokens, sum, max] = [0, 0, 0];
  for (const [i, { logprobs }] of reference.entries()) {
    for (const [t, logprob] of logprobs.entries()) {
      const apart = Math.abs(logprob - (found[i]?.logprobs[t] ?? Number.NaN));
      const difference = Number.isNaN(apart) ? Infinity : apart;
      tokens++;
      sum += difference;
      max = Math.max(max, difference);
    }
  }
  return { tokens, mean: tokens === 0 ? 0 : sum / tokens, max };
}
