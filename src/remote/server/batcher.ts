import { BATCH, type Generated, type GenerationRequest, generate } from '../../scoring/generate.ts';
import { planLimits, planScoring } from '../../scoring/plan.ts';
import { score } from '../../scoring/score.ts';
import type { Backend, Request, Scored } from '../../types.ts';

/** What waits for the model. */
interface Job<Asked, Answer> {
  readonly asked: Asked;
  readonly signal: AbortSignal;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** All places of a request but the first, and how many most probable tokens are wanted at each: at least 2. */
export interface ScoreAsked {
  readonly request: Request;
  readonly topK: number;
}

/** Gathers what waits together into batches: one at a time is computed, and what comes meanwhile is the next one. */
export interface Batcher {
  /** @throws the signal's reason when aborted before its batch */
  score(asked: ScoreAsked, signal: AbortSignal): Promise<Scored>;
  generate(asked: GenerationRequest, signal: AbortSignal): Promise<Generated>;
  /** Jobs that wait, the batch under way not counted. */
  readonly waiting: () => number;
}

export interface BatcherModel {
  readonly architecture: Parameters<typeof planLimits>[0];
  readonly contextLength: number;
  readonly endTokens: readonly number[];
}

/** Tokens of a batch of scores: enough to share what is common, few enough not to keep a short one waiting long. */
const BATCH_TOKENS = 16_384;

export function openBatcher(model: BatcherModel, backend: Backend): Batcher {
  const scores: Job<ScoreAsked, Scored>[] = [];
  const texts: Job<GenerationRequest, Generated>[] = [];
  let busy = false;
  let scoredLast = false;

  const scoreBatch = async (jobs: readonly Job<ScoreAsked, Scored>[]): Promise<void> => {
    const requests = jobs.map(({ asked }) => asked.request);
    const topK = Math.max(...jobs.map(({ asked }) => asked.topK));
    const plan = planScoring(requests, planLimits(model.architecture));
    for await (const [i, scored] of score(requests, plan, backend, { topK })) jobs[i]?.resolve(scored);
  };
  const generateBatch = async (jobs: readonly Job<GenerationRequest, Generated>[]): Promise<void> => {
    const { contextLength, endTokens } = model;
    const requests = jobs.map(({ asked }) => asked);
    for await (const [i, text] of generate(requests, backend, { contextLength, endTokens }))
      jobs[i]?.resolve(text);
  };
  const attempt = async <Asked, Answer>(
    jobs: readonly Job<Asked, Answer>[],
    run: (jobs: readonly Job<Asked, Answer>[]) => Promise<void>,
  ): Promise<void> => {
    try {
      if (jobs.length > 0) await run(jobs);
    } catch (error) {
      // Those that have their answer are not touched by it.
      for (const { reject } of jobs) reject(error);
    }
  };

  const work = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    // The prompts of one request, and requests that came at once, are one batch.
    await new Promise(setImmediate);
    while (scores.length + texts.length > 0) {
      // Where both wait they take turns.
      scoredLast = scores.length > 0 && (texts.length === 0 || !scoredLast);
      if (scoredLast) await attempt(takeScores(scores), scoreBatch);
      else await attempt(open(texts.splice(0, BATCH)), generateBatch);
    }
    busy = false;
  };
  const push = <Asked, Answer>(
    queue: Job<Asked, Answer>[],
    asked: Asked,
    signal: AbortSignal,
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      queue.push({ asked, signal, resolve, reject });
      void work();
    });

  return {
    score: (asked, signal) => push(scores, asked, signal),
    generate: (asked, signal) => push(texts, asked, signal),
    waiting: () => scores.length + texts.length,
  };
}

/** Takes the first jobs, as many as a batch may have tokens. */
function takeScores(queue: Job<ScoreAsked, Scored>[]): Job<ScoreAsked, Scored>[] {
  let count = 0;
  for (let tokens = 0; count < queue.length; count++) {
    tokens += queue[count]?.asked.request.tokens.length ?? 0;
    if (count > 0 && tokens > BATCH_TOKENS) break;
  }
  return open(queue.splice(0, count));
}

/** Jobs whose client still waits; the others are rejected. */
function open<Asked, Answer>(jobs: readonly Job<Asked, Answer>[]): Job<Asked, Answer>[] {
  return jobs.filter(({ signal, reject }) => {
    if (signal.aborted) reject(signal.reason);
    return !signal.aborted;
  });
}
