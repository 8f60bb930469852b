import { random, shuffled } from '../stats/random.ts';
import type { DrawKind, Example } from '../types.ts';

/** What a draw of shots depends on, and nothing else: not on limits, order, shards or what ran before. */
export interface DrawKey {
  readonly seed: number;
  readonly task: string;
  /** Number of the draw, from 0. */
  readonly draw: number;
  readonly kind: DrawKind;
}

/**
 * Gives each example its shots. A draw is one seeded order of the pool (for per-example draws, one an example);
 * for `first`, the pool's own;
 * an example takes the first k that are neither itself nor its duplicate nor of its cluster (a passage with other
 * questions gives answers away), so that its shots at a smaller k are the first of those at a larger one.
 * @param keyOf equal for examples that are duplicates of each other
 */
export function shotDrawer(
  pool: readonly Example[],
  keyOf: (example: Example) => string,
  key: DrawKey,
): (example: Example, k: number) => Example[] {
  const keys = new Map<Example, string>();
  const cachedKey = (example: Example): string => {
    const known = keys.get(example) ?? keyOf(example);
    keys.set(example, known);
    return known;
  };
  const order = (...more: readonly string[]): ((i: number) => Example | undefined) => {
    const indexes =
      key.kind === 'first'
        ? pool.keys()
        : shuffled(pool.length, random('shots', key.seed, key.task, key.draw, ...more));
    const drawn: Example[] = [];
    return (i) => {
      while (drawn.length <= i) {
        const next = indexes.next();
        if (next.done) return undefined;
        drawn.push(pool[next.value] as Example);
      }
      return drawn[i];
    };
  };
  const fixed = order();

  return (example, k) => {
    const at = key.kind === 'per-example' ? order(example.id) : fixed;
    const own = k > 0 ? cachedKey(example) : '';
    const shots: Example[] = [];
    for (let i = 0; shots.length < k; i++) {
      const shot = at(i);
      if (!shot) break;
      const related = shot.cluster !== undefined && shot.cluster === example.cluster;
      if (shot !== example && !related && cachedKey(shot) !== own) shots.push(shot);
    }
    return shots;
  };
}

/** A seeded random subset of n examples in the order of the data; a smaller one is part of a larger one. */
export function subset<T>(examples: readonly T[], n: number, seed: number, task: string): T[] {
  const chosen: number[] = [];
  for (const index of shuffled(examples.length, random('limit', seed, task))) {
    if (chosen.length === n) break;
    chosen.push(index);
  }
  return chosen.sort((a, b) => a - b).map((i) => examples[i] as T);
}
