import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { random, shuffled } from '../../src/stats/random.ts';

/** Made with Python's integers: see make_stats.py beside the file. */
const vectors = JSON.parse(readFileSync(new URL('../vectors/stats.json', import.meta.url), 'utf8')) as {
  random: { readonly key: (string | number)[]; readonly words: number[] }[];
};

const first = (n: number, ...key: (string | number)[]): number[] => {
  const source = random(...key);
  return Array.from({ length: n }, () => source.next() * 2 ** 32);
};

describe('random', () => {
  test.each(vectors.random)('key $key equals xoshiro128** in Python', ({ key, words }) => {
    expect(first(words.length, ...key)).toEqual(words);
  });

  test('one key by hand: these numbers never change, or every draw does', () => {
    expect(first(4, 'shots', 1234, 'lambada', 0)).toEqual([2851715274, 2223169268, 2050807246, 3077455934]);
    const source = random('shots', 1234, 'lambada', 0);
    expect(Array.from({ length: 10 }, () => source.below(10))).toEqual([4, 8, 6, 4, 0, 6, 9, 7, 1, 7]);
    expect([...shuffled(10, random('limit', 1234, 'lambada'))]).toEqual([7, 8, 4, 9, 0, 3, 6, 5, 2, 1]);
  });

  test('equal keys give equal streams that do not disturb each other', () => {
    const [a, b] = [random('x', 1), random('x', 1)];
    a.next();
    const rest = Array.from({ length: 20 }, () => a.next());
    b.next();
    expect(Array.from({ length: 20 }, () => b.next())).toEqual(rest);
  });

  test('keys differ by type, order, place of the cut and every part', () => {
    const keys = [
      [],
      ['a'],
      ['a', 'b'],
      ['ab'],
      ['b', 'a'],
      [1],
      ['1'],
      [1, 1],
      [11],
      ['a,b'],
      ['a","b'],
      ['a', 0],
    ];
    expect(new Set(keys.map((key) => first(2, ...key).join())).size).toBe(keys.length);
  });

  test('below(n) stays below n and favours none of few', () => {
    const source = random('dice');
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i++) counts[source.below(6)]! += 1;
    // Chi-square of 5 degrees of freedom: above 25.7 once in 10,000 keys, and this key is fixed.
    expect(counts.reduce((sum, c) => sum + (c - 10_000) ** 2 / 10_000, 0)).toBeLessThan(25.7);
    expect(random('one').below(1)).toBe(0);
    expect(random('all').below(2 ** 32)).toBe(first(1, 'all')[0]);
  });

  test('below(n) has no modulo bias', () => {
    // A plain remainder by 3 * 2^30 would fall below 2^30 half of the time, not a third.
    const source = random('bias');
    let low = 0;
    for (let i = 0; i < 30_000; i++) if (source.below(3 * 2 ** 30) < 2 ** 30) low++;
    expect(Math.abs(low / 30_000 - 1 / 3)).toBeLessThan(0.012);
  });

  test('next() is uniform in [0, 1)', () => {
    const values = first(20_000, 'uniform').map((word) => word / 2 ** 32);
    expect(values.every((v) => v >= 0 && v < 1)).toBe(true);
    expect(values.reduce((sum, v) => sum + v, 0) / values.length).toBeCloseTo(0.5, 2);
    expect(values.reduce((sum, v) => sum + (v - 0.5) ** 2, 0) / values.length).toBeCloseTo(1 / 12, 2);
  });
});

describe('shuffled', () => {
  test('is a permutation', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(), (n, seed) => {
        const order = [...shuffled(n, random('order', seed))];
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  test('gives every order of four as often', () => {
    const counts = new Map<string, number>();
    const source = random('orders');
    for (let i = 0; i < 24_000; i++) {
      const order = [...shuffled(4, source)].join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // Chi-square of 23 degrees of freedom: above 58 less than once in 10,000 keys.
    expect([...counts.values()].reduce((sum, c) => sum + (c - 1000) ** 2 / 1000, 0)).toBeLessThan(58);
  });

  test('is the order of a plain Fisher and Yates shuffle', () => {
    const source = random('plain');
    const list = Array.from({ length: 50 }, (_, i) => i);
    for (let i = 0; i < list.length; i++) {
      const j = i + source.below(list.length - i);
      [list[i], list[j]] = [list[j]!, list[i]!];
    }
    expect([...shuffled(50, random('plain'))]).toEqual(list);
  });

  test('k of a billion cost k draws', () => {
    const source = random('large');
    let draws = 0;
    const counting = {
      ...source,
      below(n: number) {
        draws++;
        return source.below(n);
      },
    };
    const order = shuffled(1_000_000_000, counting);
    const taken = Array.from({ length: 100 }, () => order.next().value as number);
    expect(new Set(taken).size).toBe(100);
    expect(draws).toBe(100);
  });
});
