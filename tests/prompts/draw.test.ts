import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DrawKey, shotDrawer, subset } from '../../src/prompts/draw.ts';
import type { Example } from '../../src/types.ts';

interface Numbered extends Example {
  readonly question: string;
}

const numbered = (n: number, questions = n): Numbered[] =>
  Array.from({ length: n }, (_, i) => ({ id: `item-${i}`, question: `q${i % questions}` }));
const keyOf = (example: Example): string => (example as Numbered).question;
const KEY: DrawKey = { seed: 1, task: 'task', draw: 0, kind: 'fixed' };
const ids = (shots: readonly Example[]): string[] => shots.map((s) => s.id);

const kind = fc.constantFrom('fixed' as const, 'per-example' as const);
/** A pool with duplicates (fewer questions than items), a key, an item's place and a number of shots. */
const cases = fc.record({
  n: fc.integer({ min: 1, max: 60 }),
  questions: fc.integer({ min: 1, max: 60 }),
  seed: fc.nat(1000),
  draw: fc.nat(3),
  kind,
  at: fc.nat(),
  k: fc.nat(40),
});

describe('shotDrawer', () => {
  test('never gives the item, a duplicate of it, or a shot twice; and all it can', () => {
    fc.assert(
      fc.property(cases, ({ n, questions, seed, draw, kind, at, k }) => {
        const pool = numbered(n, questions);
        const item = pool[at % n]!;
        const shots = shotDrawer(pool, keyOf, { seed, task: 't', draw, kind })(item, k);
        expect(shots).not.toContain(item);
        expect(shots.map(keyOf)).not.toContain(item.question);
        expect(new Set(shots).size).toBe(shots.length);
        const others = pool.filter((e) => e.question !== item.question).length;
        expect(shots).toHaveLength(Math.min(k, others));
      }),
      { numRuns: 500 },
    );
  });

  test("first: the pool's own order in every draw, without the item and its duplicates", () => {
    const pool = numbered(8, 4);
    for (const draw of [0, 1]) {
      const shots = shotDrawer(pool, keyOf, { ...KEY, kind: 'first', draw });
      expect(ids(shots(pool[1]!, 4))).toEqual(['item-0', 'item-2', 'item-3', 'item-4']);
    }
  });

  test('an item of another split is kept from its duplicate in the pool', () => {
    const pool = numbered(12, 4);
    const item: Numbered = { id: 'test-0', question: 'q2' };
    for (const kind of ['fixed', 'per-example'] as const) {
      const shots = shotDrawer(pool, keyOf, { ...KEY, kind })(item, 99);
      expect(shots).toHaveLength(9);
      expect(shots.map(keyOf)).not.toContain('q2');
    }
  });

  test('shots at a smaller k are the first of those at a larger one', () => {
    fc.assert(
      fc.property(cases, ({ n, questions, seed, draw, kind, at, k }) => {
        const pool = numbered(n, questions);
        const shots = shotDrawer(pool, keyOf, { seed, task: 't', draw, kind });
        const item = pool[at % n]!;
        expect(ids(shots(item, k))).toEqual(ids(shots(item, 40)).slice(0, k));
      }),
    );
  });

  test.each(['fixed', 'per-example'] as const)(
    '%s: neither order, limit nor what ran before matters',
    (kind) => {
      const pool = numbered(50, 45);
      const key = { ...KEY, kind };
      const whole = shotDrawer(pool, keyOf, key);
      const wanted = pool.map((item) => ids(whole(item, 5)));
      const backwards = shotDrawer(pool, keyOf, key);
      expect(
        [...pool]
          .reverse()
          .map((item) => ids(backwards(item, 5)))
          .reverse(),
      ).toEqual(wanted);
      const limited = shotDrawer(pool, keyOf, key);
      for (const item of subset(pool, 7, 1, 'task')) {
        limited(item, 32);
        expect(ids(limited(item, 5))).toEqual(wanted[pool.indexOf(item)]);
      }
    },
  );

  test('fixed: one order for all items, but for what each leaves out', () => {
    const pool = numbered(40, 36);
    const shots = shotDrawer(pool, keyOf, KEY);
    const order = ids(shots({ id: 'another', question: 'none' } as Numbered, 40));
    expect([...order].sort()).toEqual(ids(pool).sort());
    for (const item of pool) {
      const own = new Set(pool.filter((e) => e.question === item.question).map((e) => e.id));
      expect(ids(shots(item, 40))).toEqual(order.filter((id) => !own.has(id)));
    }
  });

  test('per-example: an order of its own for each item, by its id', () => {
    const pool = numbered(40);
    const shots = shotDrawer(pool, keyOf, { ...KEY, kind: 'per-example' });
    expect(new Set(pool.map((item) => ids(shots(item, 5)).join())).size).toBeGreaterThan(35);
    const same = (id: string): string[] => ids(shots({ id, question: 'none' } as Numbered, 8));
    expect(same('a')).toEqual(same('a'));
    expect(same('a')).not.toEqual(same('b'));
  });

  test('seed, task, number of the draw and kind each give another order', () => {
    const pool = numbered(60);
    const item: Numbered = { id: 'x', question: 'none' };
    const keys: DrawKey[] = [
      KEY,
      { ...KEY, seed: 2 },
      { ...KEY, task: 'other' },
      { ...KEY, draw: 1 },
      { ...KEY, kind: 'per-example' },
    ];
    const orders = keys.map((key) => ids(shotDrawer(pool, keyOf, key)(item, 60)).join());
    expect(new Set(orders).size).toBe(keys.length);
    expect(ids(shotDrawer([...pool], keyOf, { ...KEY })(item, 60)).join()).toBe(orders[0]);
  });

  test('no shots asked, none drawn: the question of no example is read', () => {
    const never = (): string => {
      throw new Error('read');
    };
    expect(shotDrawer(numbered(5), never, KEY)(numbered(5)[0]!, 0)).toEqual([]);
    expect(shotDrawer([], keyOf, KEY)(numbered(1)[0]!, 3)).toEqual([]);
  });

  test('over many draws every example serves about as often', () => {
    const pool = numbered(10);
    const item: Numbered = { id: 'x', question: 'none' };
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 3000; draw++) {
      const [shot] = shotDrawer(pool, keyOf, { ...KEY, draw })(item, 1);
      counts.set(shot!.id, (counts.get(shot!.id) ?? 0) + 1);
    }
    // Chi-square of 9 degrees of freedom: above 34 once in 10,000.
    expect([...counts.values()].reduce((sum, c) => sum + (c - 300) ** 2 / 300, 0)).toBeLessThan(34);
    expect(counts.size).toBe(10);
  });
});

describe('subset', () => {
  test('has n distinct items in the order of the data, and nests', () => {
    fc.assert(
      fc.property(fc.nat(80), fc.nat(90), fc.nat(90), fc.nat(1000), (size, a, b, seed) => {
        const items = numbered(size);
        const [small, large] = [Math.min(a, b), Math.max(a, b)].map((n) => subset(items, n, seed, 't')) as [
          Numbered[],
          Numbered[],
        ];
        expect(small).toHaveLength(Math.min(a, b, size));
        expect(new Set(small).size).toBe(small.length);
        expect(small.every((item) => large.includes(item))).toBe(true);
        const places = large.map((item) => items.indexOf(item));
        expect([...places].sort((x, y) => x - y)).toEqual(places);
      }),
    );
  });

  test('of all or more is all; another seed or task is another subset', () => {
    const items = numbered(200);
    expect(subset(items, 200, 1, 't')).toEqual(items);
    expect(subset(items, 999, 1, 't')).toEqual(items);
    const one = ids(subset(items, 20, 1, 't'));
    expect(ids(subset(items, 20, 1, 't'))).toEqual(one);
    expect(ids(subset(items, 20, 2, 't'))).not.toEqual(one);
    expect(ids(subset(items, 20, 1, 'u'))).not.toEqual(one);
  });
});
