import { createHash } from 'node:crypto';
import type { Backend, ForwardStep, Request } from '../../src/types.ts';

type Visible = readonly (readonly [id: number, position: number])[];

/** The log-probability that the hash backend gives a target behind a list of visible (id, position) pairs. */
export function hashLogprob(visible: Visible, target: number): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([visible, target]))
    .digest();
  return Math.fround(-(digest.readUInt32LE(0) / 2 ** 28));
}

/** The most probable token of the hash backend: one of the ids 0 to 3. */
export function hashTop(visible: Visible): number {
  return createHash('sha256').update(JSON.stringify(visible)).digest()[0]! % 4;
}

/**
 * The K most probable tokens of the hash backend, descending. The first is always as probable; how far the next fall
 * behind is in eighths, so that sums of different texts are often equal.
 */
export function hashTopK(visible: Visible, k: number): { ids: number[]; logprobs: number[] } {
  const gaps = createHash('sha256').update(JSON.stringify(visible)).digest();
  const logprobs = [-1];
  while (logprobs.length < k) logprobs.push(logprobs.at(-1)! - ((gaps[logprobs.length % 32]! % 6) + 1) / 8);
  return { ids: logprobs.map((_, i) => hashTop(visible) + i), logprobs };
}

/**
 * A backend without a model whose scores are a hash of exactly what each token sees, so that a wrong mask,
 * position, trunk or row changes a number. It also counts what it is asked.
 */
export function hashBackend(): Backend & {
  readonly steps: ForwardStep[];
  readonly open: Map<number, Visible>;
} {
  const steps: ForwardStep[] = [];
  const open = new Map<number, Visible>();
  return {
    steps,
    open,
    async forward(step) {
      steps.push(step);
      const past = step.past < 0 ? [] : open.get(step.past);
      if (!past) throw new Error(`trunk ${step.past} is not open`);
      const own = Array.from(step.ids, (id, i) => [id, step.positions[i]!] as const);
      const view = step.pastView;
      const seenBy = (i: number): Visible =>
        [
          ...past.filter(
            (_, j) => !view || (view.enter[j]! <= step.enter[i]! && step.enter[i]! < view.exit[j]!),
          ),
          ...own.filter((_, j) => step.enter[j]! <= step.enter[i]! && step.enter[i]! < step.exit[j]!),
        ].sort(([, a], [, b]) => a - b);
      if (step.write) {
        const cache = [...past];
        for (const [i, column] of step.write.entries()) {
          if (column >= cache.length) throw new Error(`column ${column} is beyond the cache`);
          cache[column] = own[i]!;
        }
        open.set(step.past, cache);
      }
      if (step.keep >= 0) {
        const all = seenBy(own.length - 1);
        if (all.length !== past.length + own.length) throw new Error('a kept trunk must be one chain');
        open.set(step.keep, all);
      }
      const views = Array.from(step.rows, seenBy);
      const top = views.map((view) => hashTopK(view, step.topK ?? 1));
      return {
        logprobs: Float32Array.from(step.pairRow, (row, i) => hashLogprob(views[row]!, step.pairTarget[i]!)),
        topIds: Int32Array.from(top.flatMap(({ ids }) => ids)),
        topLogprobs: Float32Array.from(top.flatMap(({ logprobs }) => logprobs)),
        allowedIds: new Int32Array(0),
      };
    },
    async allocate(cache, columns, from) {
      const old = from < 0 ? [] : open.get(from);
      if (!old) throw new Error(`trunk ${from} is not open`);
      open.set(cache, [...old, ...Array<readonly [number, number]>(columns - old.length).fill([-1, -1])]);
    },
    async release(trunk) {
      if (!open.delete(trunk)) throw new Error(`trunk ${trunk} is released twice`);
    },
    async close() {},
  };
}

/** What the hash backend must say of a request, from its tokens alone. */
export function hashScores(request: Request): { logprobs: number[]; hits: boolean[] } {
  const logprobs: number[] = [];
  const hits: boolean[] = [];
  for (let i = request.start; i < request.tokens.length; i++) {
    const visible = Array.from(request.tokens.subarray(0, i), (id, position) => [id, position] as const);
    logprobs.push(hashLogprob(visible, request.tokens[i]!));
    hits.push(hashTop(visible) === request.tokens[i]);
  }
  return { logprobs, hits };
}
