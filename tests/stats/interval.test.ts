import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bootstrapInterval,
  type Estimate,
  meanInterval,
  percentileInterval,
  ratioInterval,
  wilson,
  withSpread,
} from '../../src/stats/interval.ts';

interface Mean {
  readonly values: number[];
  readonly clusters?: string[];
  readonly value: number;
  readonly stderr: number;
  readonly ci95: [number, number];
}

/** Made with scipy and numpy: see make_stats.py beside the file. */
const vectors = JSON.parse(readFileSync(new URL('../vectors/stats.json', import.meta.url), 'utf8')) as {
  wilson: (Estimate & { readonly k: number; readonly n: number })[];
  mean: Mean[];
  clustered: Mean[];
  ratio: (Estimate & { readonly numerators: number[]; readonly denominators: number[] })[];
};

function expectEstimate(found: Estimate, wanted: Estimate): void {
  const size = Math.max(1, Math.abs(wanted.value));
  expect(Math.abs(found.value - wanted.value)).toBeLessThan(1e-12 * size);
  if (wanted.stderr === null) expect(found.stderr).toBeNull();
  else
    expect(Math.abs((found.stderr ?? NaN) / (wanted.stderr || 1) - (wanted.stderr && 1))).toBeLessThan(1e-8);
  expect(found.ci95).toHaveLength(2);
  for (const side of [0, 1] as const)
    expect(Math.abs((found.ci95?.[side] ?? NaN) - wanted.ci95![side])).toBeLessThan(1e-9 * size);
}

describe('wilson', () => {
  test.each(vectors.wilson)('$k of $n equals scipy', ({ k, n, ...wanted }) =>
    expectEstimate(wilson(k, n), wanted),
  );

  test('stays in [0, 1], holds the share, mirrors, and touches an end only where no item disagrees', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.nat(), (n, seed) => {
        const k = seed % (n + 1);
        const { value, ci95 } = wilson(k, n);
        const [low, high] = ci95!;
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low <= value && value <= high).toBe(true);
        expect([low === 0, high === 1]).toEqual([k === 0, k === n]);
        const mirrored = wilson(n - k, n).ci95!;
        expect(low).toBeCloseTo(1 - mirrored[1], 12);
      }),
    );
  });
});

describe('meanInterval', () => {
  test.each(vectors.mean)('plain t: case %# equals scipy', (wanted) => {
    expectEstimate(meanInterval(wanted.values), wanted);
  });

  test.each(vectors.clustered)('clustered: case %# equals the sandwich in numpy', (wanted) => {
    const found = meanInterval(wanted.values, wanted.clusters);
    expectEstimate(found, wanted);
    expect(found.stderr).not.toBeCloseTo(meanInterval(wanted.values).stderr!, 6);
  });

  test('clusters of one are no clusters, and neither order nor names matter', () => {
    const values = [0.1, 4, -2, 2.5, 9];
    const plain = meanInterval(values);
    expectEstimate(meanInterval(values, ['a', 'b', 'c', 'd', 'e']), plain);
    expectEstimate(meanInterval([...values].reverse()), plain);
    const two = meanInterval(values, ['a', 'a', 'b', 'b', 'b']);
    expectEstimate(meanInterval([9, 2.5, -2, 4, 0.1], ['x', 'x', 'x', '__proto__', '__proto__']), two);
  });

  test('no measure of spread: nothing is claimed', () => {
    expect(meanInterval([3])).toEqual({ value: 3, stderr: null, ci95: null });
    expect(meanInterval([1, 2, 6], ['a', 'a', 'a'])).toEqual({ value: 3, stderr: null, ci95: null });
  });

  test('every item written out twice under one cluster changes nothing', () => {
    const values = [1, 5, 2, 2, 8, 3];
    const names = values.map((_, i) => `c${i}`);
    expectEstimate(meanInterval([...values, ...values], [...names, ...names]), meanInterval(values));
  });
});

describe('ratioInterval', () => {
  test.each(vectors.ratio)(
    'case %# equals the sandwich in numpy',
    ({ numerators, denominators, ...wanted }) =>
      expectEstimate(ratioInterval(numerators, denominators), wanted),
  );

  test('is the mean where all denominators are 1, scales with them, and claims nothing from one text', () => {
    const values = [-3, -1.5, -9, -2];
    expectEstimate(ratioInterval(values, [1, 1, 1, 1]), meanInterval(values));
    const tens = ratioInterval(values, [10, 10, 10, 10]);
    expectEstimate(tens, meanInterval(values.map((v) => v / 10)));
    expect(ratioInterval([-6], [4])).toEqual({ value: -1.5, stderr: null, ci95: null });
  });

  test('long texts weigh by their length', () => {
    expect(ratioInterval([-10, -1000], [10, 500]).value).toBeCloseTo(-1010 / 510, 14);
  });
});

describe('the bootstrap', () => {
  test('points between resampled values are interpolated, in any order', () => {
    const values = Array.from({ length: 41 }, (_, i) => (i * 17) % 41);
    const { stderr, ci95 } = percentileInterval(values);
    // Places 1 and 39 of 0 to 40.
    expect(ci95).toEqual([1, 39]);
    // The variance of 0 to 40 is 41 * 42 / 12.
    expect(stderr).toBeCloseTo(Math.sqrt((41 * 42) / 12), 12);
    // Places 0.075 and 2.925 of these four.
    const four = percentileInterval([8, 1, 2, 4]).ci95!;
    expect(four[0]).toBeCloseTo(1.075, 12);
    expect(four[1]).toBeCloseTo(7.7, 12);
  });

  test('of a mean it is near the normal interval, and a function of the number of items alone', () => {
    const items = Array.from({ length: 200 }, (_, i) => (i * 7) % 11);
    const mean = (chosen: Iterable<number>): number => {
      const list = [...chosen].map((i) => items[i] as number);
      return list.reduce((a, b) => a + b, 0) / list.length;
    };
    const { value, stderr, ci95 } = bootstrapInterval(items.length, mean);
    const own = items.reduce((a, b) => a + b, 0) / 200;
    const error = Math.sqrt(items.reduce((sum, v) => sum + (v - own) ** 2, 0) / 199 / 200);
    expect(value).toBe(own);
    expect(stderr! / error).toBeGreaterThan(0.93);
    expect(stderr! / error).toBeLessThan(1.07);
    expect(Math.abs(ci95![0] - (own - 1.96 * error))).toBeLessThan(0.15 * error);
    expect(Math.abs(ci95![1] - (own + 1.96 * error))).toBeLessThan(0.15 * error);
    expect(bootstrapInterval(items.length, mean)).toEqual({ value, stderr, ci95 });
  });

  test('clusters are drawn whole', () => {
    const own = Array.from({ length: 60 }, (_, i) => (Math.floor(i / 6) * 7) % 11);
    const clusters = own.map((_, i) => String(Math.floor(i / 6)));
    const mean = (chosen: Iterable<number>): number => {
      const list = [...chosen].map((i) => own[i] as number);
      return list.reduce((a, b) => a + b, 0) / list.length;
    };
    const found = bootstrapInterval(60, mean, clusters);
    const robust = meanInterval(own, clusters);
    expect(found.value).toBe(robust.value);
    expect(found.stderr! / robust.stderr!).toBeGreaterThan(0.85);
    expect(found.stderr! / robust.stderr!).toBeLessThan(1.1);
    expect(bootstrapInterval(60, mean).stderr!).toBeLessThan(0.6 * found.stderr!);
    expect(bootstrapInterval(2, mean, ['a', 'a']).ci95).toBeNull();
  });

  test('a share of equal values is as wide as its clusters are few', () => {
    const all = meanInterval([1, 1, 1, 1], ['a', 'a', 'b', 'b']);
    expect(withSpread(all, 2).ci95).toEqual(wilson(2, 2).ci95);
    const none = meanInterval([0, 0, 0]);
    expect(withSpread(none, 3).ci95).toEqual(wilson(0, 3).ci95);
    const some = meanInterval([0, 1, 1]);
    expect(withSpread(some, 3)).toBe(some);
  });

  test('of one item there is none', () => {
    expect(bootstrapInterval(1, () => 3)).toEqual({ value: 3, stderr: null, ci95: null });
    expect(bootstrapInterval(2, () => 3)).toEqual({ value: 3, stderr: 0, ci95: [3, 3] });
  });
});
