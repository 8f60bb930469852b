import type { Sample } from '../types.ts';

/** Signs that a cell's scores come from a broken model or pipeline, not from a weak one, as sentences. */
export function alarmsOf(samples: readonly Sample[]): string[] {
  const scored = samples.filter((s) => s.status === 'scored' && s.spans !== undefined);
  if (scored.length < 10) return [];
  const alarms: string[] = [];
  const logprobs = scored.flatMap((s) => s.spans?.flatMap((span) => span.logprobs) ?? []);
  const first = logprobs[0];
  if (logprobs.every((l) => l === 0)) alarms.push('every log-probability is 0');
  else if (logprobs.every((l) => l === first)) alarms.push('all log-probabilities are equal');
  const predictions = new Set(scored.map((s) => s.prediction));
  const [only] = predictions;
  if (predictions.size === 1 && typeof only === 'number')
    alarms.push(`every item is answered with choice ${only + 1}`);
  return alarms;
}
