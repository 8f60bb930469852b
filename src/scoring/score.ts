import pLimit from 'p-limit';
import type { Backend, ForwardResult, Request, Scored } from '../types.ts';
import { neededSteps, type Plan, type PlannedStep, planLimits, planScoring } from './plan.ts';

/** Steps under way at once unless a backend can do more: one in the model, one waiting, so that the model never waits for this thread. */
const IN_FLIGHT = 2;

export interface ScoreOptions {
  readonly signal?: AbortSignal | undefined;
  /** Requests whose scores are wanted; all, unless told. */
  readonly wanted?: ((request: number) => boolean) | undefined;
  /** Most probable tokens wanted at each place, 1 unless told. */
  readonly topK?: number;
  /** Token ids that may not be answered: `allowedHits` then tells what is most probable without them. */
  readonly banned?: Int32Array;
  /** False where log-probabilities that are not numbers are passed on, not thrown. */
  readonly finite?: boolean;
  /** Called after each step with the number of tokens that it computed. */
  readonly onStep?: ((tokens: number) => void) | undefined;
  /** Names a request in an error. */
  readonly describe?: (request: number) => string;
}

/**
 * Walks a plan on a backend and yields each request's index and scores as soon as its last token is scored.
 * @throws the signal's reason when aborted; an Error naming the request where a log-probability is not a number
 */
export async function* score(
  requests: readonly Request[],
  plan: Plan,
  backend: Backend,
  options: ScoreOptions = {},
): AsyncGenerator<[request: number, scored: Scored], void, undefined> {
  const logprobs = requests.map((r) => new Float32Array(r.tokens.length - r.start));
  const hits = logprobs.map((l) => new Array<boolean>(l.length).fill(false));
  const { topK = 1, banned } = options;
  const allowedHits = logprobs.map((l) => new Array<boolean>(banned ? l.length : 0).fill(false));
  const tops = logprobs.map((l) => {
    const n = topK > 1 ? l.length * topK : 0;
    return { ids: new Int32Array(n), logprobs: new Float32Array(n) };
  });
  const asked = { ...(topK > 1 ? { topK } : {}), ...(banned ? { banned } : {}) };
  const open = Int32Array.from(logprobs, (l) => l.length);

  const wanted = options.wanted ?? (() => true);
  const steps = neededSteps(plan, wanted);
  const lastUse = new Map<number, PlannedStep>();
  for (const step of steps) if (step.past >= 0) lastUse.set(step.past, step);

  const limit = pLimit(backend.inFlight ?? IN_FLIGHT);
  const run = async (step: PlannedStep): Promise<ForwardResult> => {
    options.signal?.throwIfAborted();
    // A trunk that only unwanted requests build on need not be kept.
    const result = await backend.forward({
      ...step,
      ...asked,
      keep: lastUse.has(step.keep) ? step.keep : -1,
    });
    if (lastUse.get(step.past) === step) await backend.release(step.past);
    return result;
  };
  const results = steps.map((step) => limit(() => run(step)));
  // A step that fails while an earlier one is awaited must not count as an unhandled rejection.
  for (const result of results) result.catch(() => {});
  try {
    for (const [s, step] of steps.entries()) {
      const result = await results[s]!;
      options.onStep?.(step.ids.length);
      for (let i = 0; i < step.pairRow.length; i++) {
        const request = step.pairRequest[i]!;
        if (!wanted(request)) continue;
        const slot = step.pairSlot[i]!;
        const value = result.logprobs[i]!;
        if (!Number.isFinite(value) && options.finite !== false) {
          const name = options.describe?.(request) ?? `request ${request}`;
          throw new Error(
            `${name}: the model gives token ${step.pairTarget[i]} a log-probability of ${value}`,
          );
        }
        logprobs[request]![slot] = value;
        const row = step.pairRow[i]!;
        hits[request]![slot] = result.topIds[row * topK] === step.pairTarget[i];
        if (banned) allowedHits[request]![slot] = result.allowedIds[row] === step.pairTarget[i];
        if (topK > 1) {
          tops[request]!.ids.set(result.topIds.subarray(row * topK, (row + 1) * topK), slot * topK);
          tops[request]!.logprobs.set(result.topLogprobs.subarray(row * topK, (row + 1) * topK), slot * topK);
        }
        open[request] = open[request]! - 1;
        if (open[request] > 0) continue;
        const scored = { logprobs: logprobs[request]!, hits: hits[request]! };
        yield [
          request,
          {
            ...scored,
            ...(banned ? { allowedHits: allowedHits[request]! } : {}),
            ...(topK > 1 ? { top: tops[request]! } : {}),
          },
        ];
      }
    }
  } finally {
    limit.clearQueue();
  }
}

/** The scores of a handful of requests, in their order; log-probabilities that are not numbers are passed on. */
export async function scoreAll(
  model: Parameters<typeof planLimits>[0],
  requests: readonly Request[],
  backend: Backend,
  signal?: AbortSignal,
): Promise<Scored[]> {
  const scores: Scored[] = [];
  const plan = planScoring(requests, planLimits(model));
  for await (const [i, scored] of score(requests, plan, backend, { signal, finite: false }))
    scores[i] = scored;
  return scores;
}
