import type { Backend, ForwardResult, ForwardStep } from '../../types.ts';
import type { Engine } from './engine.ts';
import type { PromptScores } from './reply.ts';

/** A step of a served model is a whole sequence of its own: its plans share nothing, since the server keeps nothing. */
export function servedBackend(
  engine: Pick<Engine, 'score' | 'complete'>,
  inFlight: number,
  close: () => void,
): Backend {
  const never = (): never => {
    throw new Error('a served model keeps no keys and values');
  };
  return {
    inFlight,
    forward: (step) => forward(engine, step),
    complete: (prompt) => engine.complete(prompt),
    async allocate() {
      never();
    },
    async release() {
      never();
    },
    async close() {
      close();
    },
  };
}

/**
 * Asks for a sequence once for each token that is scored behind its end. All other targets stand in the sequence
 * itself, and the first answer tells them.
 */
async function forward(engine: Pick<Engine, 'score'>, step: ForwardStep): Promise<ForwardResult> {
  const { ids, rows, pairRow, pairTarget } = step;
  if (step.past >= 0 || step.keep >= 0 || (step.topK ?? 1) > 1)
    throw new Error('a served model scores whole sequences only');
  const last = ids.length - 1;
  const behind = new Set<number>();
  for (const [i, row] of pairRow.entries()) if (rows[row] === last) behind.add(pairTarget[i] as number);
  // Equal sequences of the plan end in different tokens.
  const targets = [...behind].sort((a, b) => a - b);
  const start = (rows[0] as number) + 1;
  const scored = await Promise.all(
    (targets.length > 0 ? targets : [undefined]).map((target) =>
      engine.score(target === undefined ? ids : [...ids, target], Math.min(start, ids.length), step.banned),
    ),
  );
  const first = scored[0];
  if (!first) throw new Error('a step asks for nothing');

  const logprobs = Float32Array.from(pairRow, (row, i) => {
    const at = rows[row] as number;
    if (at === last) return scored[targets.indexOf(pairTarget[i] as number)]?.logprobs[at + 1] as number;
    if (ids[at + 1] !== pairTarget[i]) throw new Error('a target does not stand in its sequence');
    return first.logprobs[at + 1] as number;
  });
  // Of other tokens than the targets nobody asks.
  const targetsWhere = (is: (scores: PromptScores, at: number) => boolean | undefined): Int32Array =>
    Int32Array.from(rows, (at) => {
      if (at < last) return is(first, at + 1) ? (ids[at + 1] as number) : -1;
      return targets.find((_, t) => is(scored[t] as PromptScores, at + 1)) ?? -1;
    });
  return {
    logprobs,
    topIds: targetsWhere(({ greedy }, at) => greedy[at]),
    topLogprobs: new Float32Array(rows.length),
    allowedIds: step.banned ? targetsWhere(({ allowed }, at) => allowed?.[at]) : new Int32Array(0),
  };
}
