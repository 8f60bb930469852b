import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutShards, cutUnits, type Work } from '../../src/evaluate/units.ts';
import type { Slice } from '../../src/types.ts';

const work: Work[] = [
  { model: 'small', task: 'a', weight: 1, tokens: [10, 10, 10, 10] },
  { model: 'small', task: 'b', weight: 1, tokens: [20, 20] },
  { model: 'large', task: 'a', weight: 10, tokens: [10, 10, 10, 10] },
  { model: 'large', task: 'b', weight: 10, tokens: [20, 20] },
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
          tokens: fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 40 }),
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
      { model: 'small', task: 'a', from: 0, to: 4 },
      { model: 'small', task: 'b', from: 0, to: 2 },
      { model: 'large', task: 'a', from: 0, to: 4 },
    ],
    [{ model: 'large', task: 'b', from: 0, to: 2 }],
  ]);
});

test('more shards than items leave some empty', () => {
  const parts = cutShards([{ model: 'm', task: 't', weight: 1, tokens: [1, 1] }], 5);
  expect(parts.map((slices) => items(slices).length)).toEqual([0, 1, 0, 1, 0]);
  expect(cutShards([], 3)).toEqual([[], [], []]);
});

test('every item is in one shard, in order, and no shard is more than an item from its share', () => {
  fc.assert(
    fc.property(works, fc.integer({ min: 1, max: 20 }), (list, n) => {
      const parts = cutShards(list, n);
      expect(parts).toHaveLength(n);
      expect(items(parts.flat())).toEqual(all(list));
      const cost = new Map<string, number>(
        list.flatMap(({ model, task, weight, tokens }) =>
          tokens.map((t, i) => [`${model} ${task} ${i}`, weight * t] as const),
        ),
      );
      const total = [...cost.values()].reduce((a, b) => a + b, 0);
      const most = Math.max(0, ...cost.values());
      for (const part of parts) {
        const own = items(part).reduce((sum, item) => sum + (cost.get(item) ?? 0), 0);
        expect(Math.abs(own - total / n)).toBeLessThanOrEqual(most * (1 + 1e-9));
      }
    }),
  );
});

test('units are of one model each, follow one another, and hold all items once', () => {
  fc.assert(
    fc.property(works, fc.integer({ min: 1, max: 20_000 }), (list, tokens) => {
      const units = cutUnits(list, tokens);
      expect(items(units.flatMap(({ slices }) => slices)).sort()).toEqual(all(list).sort());
      for (const { model, slices } of units) {
        expect(slices.length).toBeGreaterThan(0);
        expect(slices.every((slice) => slice.model === model)).toBe(true);
      }
      const models = units.map(({ model }) => model);
      expect(models.filter((model, i) => model !== models[i - 1])).toEqual([...new Set(models)]);
    }),
  );
});

test('a unit may hold several small tasks, and a large one has several', () => {
  expect(cutUnits(work, 80).map(({ slices }) => slices.length)).toEqual([2, 2]);
  expect(cutUnits(work, 20)).toHaveLength(8);
});
