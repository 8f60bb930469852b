import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columnsSeen, type Segment, treesOf } from '../../../src/models/exports/chains.ts';
import type { ForwardStep } from '../../../src/types.ts';

/** Depth-first intervals of a forest given by each token's depth, at most one below the token before. */
const steps = fc.array(fc.nat(6), { minLength: 1, maxLength: 40 }).map((wishes) => {
  const depths: number[] = [];
  for (const wish of wishes) depths.push(Math.min(wish, (depths.at(-1) ?? -1) + 1));
  const exit = depths.map((depth, i) => {
    const end = depths.findIndex((other, j) => j > i && other <= depth);
    return end < 0 ? depths.length : end;
  });
  return { enter: Int32Array.from(depths, (_, i) => i), exit: Int32Array.from(exit) };
});

/** Every way from a root to a leaf. */
function chainsOf(trees: readonly Segment[], above: readonly number[] = []): number[][] {
  return trees.flatMap(({ tokens, children }) => {
    const own = [...above, ...tokens];
    return children.length === 0 ? [own] : chainsOf(children, own);
  });
}

test('the chains of a step hold, up to each token, exactly what it sees', () => {
  fc.assert(
    fc.property(steps, ({ enter, exit }) => {
      const chains = chainsOf(treesOf({ enter, exit }));
      const met = new Set<number>();
      for (const chain of chains) {
        for (const [at, token] of chain.entries()) {
          met.add(token);
          const seen = [...enter.keys()].filter(
            (j) => enter[j]! <= enter[token]! && enter[token]! < exit[j]!,
          );
          expect(chain.slice(0, at + 1)).toEqual(seen);
        }
      }
      expect(met.size).toBe(enter.length);
    }),
  );
});

test('a segment ends where the tree branches', () => {
  // 0 1 (2 3 | 4 (5 | 6)) | 7
  const enter = Int32Array.from([0, 1, 2, 3, 4, 5, 6, 7]);
  const exit = Int32Array.from([7, 7, 4, 4, 7, 6, 7, 8]);
  const leaf = (...tokens: number[]): Segment => ({ tokens, children: [] });
  expect(treesOf({ enter, exit })).toEqual([
    { tokens: [0, 1], children: [leaf(2, 3), { tokens: [4], children: [leaf(5), leaf(6)] }] },
    leaf(7),
  ]);
});

test('a token sees the columns whose interval holds it, and a trunk without a view as a whole', () => {
  const step = { enter: Int32Array.of(12), pastView: undefined };
  const view = { enter: Int32Array.of(0, 10, 0, 11, 20), exit: Int32Array.of(30, 20, 0, 13, 30) };
  expect(columnsSeen(step as unknown as ForwardStep, 0, 3)).toEqual([0, 1, 2]);
  expect(columnsSeen({ ...step, pastView: view } as unknown as ForwardStep, 0, 5)).toEqual([0, 1, 3]);
});

test('columns come in the order of the text, wherever they lie', () => {
  const view = { enter: Int32Array.of(11, 0, 12, 0, 3), exit: Int32Array.of(20, 30, 13, 30, 5) };
  const step = { enter: Int32Array.of(12), pastView: view } as unknown as ForwardStep;
  expect(columnsSeen(step, 0, 5)).toEqual([1, 3, 0, 2]);
});
