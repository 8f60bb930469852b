import type { Judged } from '../metrics/sample.ts';
import type { Flag, Sample, Span } from '../types.ts';
import type { Item } from './blocks.ts';

/** What is known of an item before anything is computed. */
function shared({ cell, prompt }: Item): Omit<Sample, 'status' | 'flags'> {
  const { example } = prompt;
  return {
    id: example.id,
    ...(example.cluster === undefined ? {} : { cluster: example.cluster }),
    ...(example.group === undefined ? {} : { group: example.group }),
    prompt: prompt.hash,
    shots: prompt.shotIds,
    shots_requested: cell.shots,
    shots_used: prompt.shotIds.length,
    tokens_dropped: prompt.truncated,
  };
}

function flagsOf({ prompt }: Item): Flag[] {
  const flags: Flag[] = [];
  if (prompt.truncated > 0) flags.push('truncated');
  if (prompt.requests.some((r) => r.merged)) flags.push('boundary');
  return flags;
}

/** The sample of an item that can't be scored, and why. */
export function unscoredSample(item: Item, reason: string): Sample {
  return { ...shared(item), status: 'unscored', reason, flags: flagsOf(item) };
}

/** The sample of an item from its tokens' scores and what they come to. */
export function scoredSample(item: Item, spans: readonly Span[], { tie, ...judged }: Judged): Sample {
  const flags = flagsOf(item);
  if (tie) flags.push('tie');
  return { ...shared(item), status: 'scored', spans, ...judged, flags };
}

/** Nine digits give every float32 back. */
export function digits(logprob: number): number {
  return Number(logprob.toPrecision(9));
}
