import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Estimate, meanInterval, ratioInterval, wilson } from '../../src/stats/interval.ts';

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
