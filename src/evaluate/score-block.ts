import { judge, type ScoredProtocol } from '../metrics/sample.ts';
import { planLimits, planScoring } from '../scoring/plan.ts';
import { score } from '../scoring/score.ts';
import type { Request, Sample, Scored, Tokenizer } from '../types.ts';
import type { BlockContext, Item } from './blocks.ts';
import { digits, scoredSample } from './sample-of.ts';

/** Scores the open items of a block; the plan is the whole block's, so that a resumed run's steps are the same. */
export async function scoreBlock(
  block: readonly Item[],
  open: readonly boolean[],
  protocol: ScoredProtocol,
  { task, model, backend, cache, signal, onStep, finish, counts }: BlockContext,
): Promise<void> {
  // Where tokens have no ids, it can't be told which of them are banned.
  const banned = model.served?.tellsIds === false ? undefined : bannedTokens(protocol, model.tokenizer);
  const owners = block.flatMap((item, i) => item.prompt.requests.map((_, pair) => ({ item: i, pair })));
  const requests = block.flatMap((item) => item.prompt.requests);
  const plan = planScoring(requests, planLimits(model.architecture));
  const itemOf = (request: number): number => owners[request]?.item ?? -1;
  counts.requested += plan.tokensRequested;
  counts.planned += plan.tokensComputed;

  const partly = new Map<number, Scored[]>();
  const take = (request: number, scored: Scored): void => {
    const { item: index, pair } = owners[request] as { item: number; pair: number };
    const item = block[index] as Item;
    const parts = partly.get(index) ?? [];
    parts[pair] = scored;
    partly.set(index, parts);
    if (Object.keys(parts).length < item.prompt.requests.length) return;
    partly.delete(index);
    counts.scored += parts.reduce((sum, s) => sum + s.logprobs.length, 0);
    finish(item, sampleOf(item, protocol, parts));
  };
  const missing = new Set<number>();
  for (const [i, request] of requests.entries()) {
    if (!open[itemOf(i)]) continue;
    const known = cache?.get(request, banned);
    if (known) take(i, known);
    else missing.add(i);
  }
  if (missing.size === 0) return;
  const scoring = score(requests, plan, await backend(), {
    signal,
    wanted: (request) => missing.has(request),
    onStep,
    ...(banned ? { banned } : {}),
    describe: (request) => `${task.task.name}, item ${block[itemOf(request)]?.prompt.example.id}`,
  });
  for await (const [request, scored] of scoring) {
    cache?.put(requests[request] as Request, scored, banned);
    take(request, scored);
  }
}

/** Tokens that are a word by themselves, a space before it. */
function bannedTokens(protocol: ScoredProtocol, tokenizer: Tokenizer): Int32Array | undefined {
  if (protocol.kind !== 'span' || !protocol.neverAnswers) return undefined;
  const ids = protocol.neverAnswers.map((word) => tokenizer.encode(` ${word}`, { prefix: false }));
  return Int32Array.from(ids.flatMap((tokens) => (tokens.length === 1 ? tokens : [])));
}

function sampleOf(item: Item, protocol: ScoredProtocol, parts: readonly Scored[]): Sample {
  const { example, requests } = item.prompt;
  const spans = parts.map((scored, i) => ({
    tokens: Array.from(requests[i]?.tokens.subarray(requests[i]?.start) ?? []),
    logprobs: Array.from(scored.logprobs, digits),
    hits: scored.hits,
  }));
  return scoredSample(item, spans, judge(protocol, example, parts));
}
