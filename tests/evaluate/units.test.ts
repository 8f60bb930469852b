import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BLOCK_ITEMS } from '../../src/evaluate/blocks.ts';
import { cutShards, cutUnits, type Work } from '../../src/evaluate/units.ts';
import type { Slice } from '../../src/record.ts';

const B = BLOCK_ITEMS;
/** So many blocks of items of so many tokens. */
const blocks = (n: number, tokens: number): number[] => Array.from({ length: n * B }, () => tokens);
const work: Work[] = [
  { model: 'small', task: 'a', weight: 1, tokens: blocks(4, 10) },
  { model: 'small', task: 'b', weight: 1, tokens: blocks(2, 20) },
  { model: 'large', task: 'a', weight: 10, tokens: blocks(4, 10) },
  { model: 'large', task: 'b', weight: 10, tokens: blocks(2, 20) },
];

const works = fc
  .uniqueArray(fc.tuple(fc.constantFrom('m', 'n', 'o'), fc.constantFrom('s', 't', 'u')), {
    selector: String,
    maxLength: 9,
  })
  .chain((pairs) =>
    fc.tuple(
      ...pairs.sort().map(([model, task]) =>
        fc.record({
          model: fc.constant(model),
          task: fc.constant(task),
          weight: fc.constant({ m: 1, n: 7, o: 1e9 }[model] as number),
          tokens: fc
            .tuple(fc.integer({ min: 0, max: 3 * B }), fc.integer({ min: 1, max: 5000 }))
            .map(([length, most]) => Array.from({ length }, (_, i) => 1 + ((i * 7919) % most))),
        }),
      ),
    ),
  );

/** Items as text, in the order of the slices. */
const items = (slices: readonly Slice[]): string[] =>
  slices.flatMap(({ model, task, from, to }) =>
    Array.from({ length: to - from }, (_, i) => `${model} ${task} ${from + i}`),
  );
const all = (list: readonly Work[]): string[] =>
  list.flatMap(({ model, task, tokens }) => tokens.map((_, i) => `${model} ${task} ${i}`));

test('shards have equal costs, not equal numbers of items', () => {
  expect(cutShards(work, 2)).toEqual([
    [
      { model: 'small', task: 'a', from: 0, to: 4 * B },
      { model: 'small', task: 'b', from: 0, to: 2 * B },
      { model: 'large', task: 'a', from: 0, to: 4 * B },
    ],
    [{ model: 'large', task: 'b', from: 0, to: 2 * B }],
  ]);
});

test('more shards than blocks leave some empty', () => {
  const parts = cutShards([{ model: 'm', task: 't', weight: 1, tokens: blocks(2, 1) }], 5);
  expect(parts.map((slices) => items(slices).length)).toEqual([0, B, 0, B, 0]);
  expect(cutShards([], 3)).toEqual([[], [], []]);
});

test('every item is in one shard, in order and in whole blocks, and no shard is more than a block from its share', () => {
  fc.assert(
    fc.property(works, fc.integer({ min: 1, max: 20 }), (list, n) => {
      const parts = cutShards(list, n);
      expect(parts).toHaveLength(n);
      expect(items(parts.flat())).toEqual(all(list));
      const costOf = ({ model, task, from, to }: Slice): number => {
        const { weight, tokens } = list.find((one) => one.model === model && one.task === task)!;
        return weight * tokens.slice(from, to).reduce((a, b) => a + b, 0);
      };
      const whole = list.flatMap(({ model, task, tokens }) =>
        Array.from({ length: Math.ceil(tokens.length / B) }, (_, i) =>
          costOf({ model, task, from: i * B, to: (i + 1) * B }),
        ),
      );
      const total = whole.reduce((a, b) => a + b, 0);
      for (const part of parts) {
        for (const { from } of part) expect(from % B).toBe(0);
        const own = part.reduce((sum, slice) => sum + costOf(slice), 0);
        expect(Math.abs(own - total / n)).toBeLessThanOrEqual(Math.max(0, ...whole) * (1 + 1e-9));
      }
    }),
    { numRuns: 30 },
  );
});

test('units are of one model each, follow one another, and hold all items once', () => {
  fc.assert(
    fc.property(works, fc.integer({ min: 1, max: 2_000_000 }), (list, tokens) => {
      const units = cutUnits(list, tokens);
      expect(items(units.flatMap(({ slices }) => slices))).toEqual(all(list));
      for (const { model, slices } of units) {
        expect(slices.length).toBeGreaterThan(0);
        expect(slices.every((slice) => slice.model === model)).toBe(true);
      }
      const models = units.map(({ model }) => model);
      expect(models.filter((model, i) => model !== models[i - 1])).toEqual([...new Set(models)]);
    }),
    { numRuns: 30 },
  );
});

test('a unit may hold several small tasks, and a large one has several', () => {
  expect(cutUnits(work, 80 * B).map(({ slices }) => slices.length)).toEqual([2, 2]);
  expect(cutUnits(work, 20 * B)).toHaveLength(8);
});
