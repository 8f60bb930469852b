import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { holm } from '../../src/stats/holm.ts';
import {
  binomialCdf,
  labelSwap,
  mcnemar,
  pairedBootstrap,
  pairedMean,
  pairedShares,
  signFlip,
} from '../../src/stats/paired.ts';
import { pairedPower, requiredPairs } from '../../src/stats/power.ts';
import { random } from '../../src/stats/random.ts';
import { normalCdf, normalQuantile } from '../../src/stats/special.ts';

const vectors = JSON.parse(readFileSync(new URL('../vectors/paired.json', import.meta.url), 'utf8'));
const DRAWS = 9_999;

describe('against scipy', () => {
  test('the normal distribution', () => {
    for (const [x, p] of vectors.normalCdf) expect(normalCdf(x) / p).toBeCloseTo(1, 11);
    for (const [p, x] of vectors.normalQuantile) expect(normalQuantile(p)).toBeCloseTo(x, 10);
  });

  test('the binomial distribution, and McNemar', () => {
    for (const [k, n, p, expected] of vectors.binomialCdf)
      expect(binomialCdf(k, n, p)).toBeCloseTo(expected, 12);
    for (const [lost, won, p] of vectors.mcnemar) {
      expect(mcnemar(lost, won).p).toBeCloseTo(p, 10);
      expect(mcnemar(won, lost).p).toBeCloseTo(p, 10);
    }
    expect(mcnemar(0, 0)).toEqual({ p: 1, floor: 1 });
    expect(mcnemar(0, 6).p).toBeCloseTo(mcnemar(0, 6).floor, 12);
  });

  test('sign flips, all of them', () => {
    for (const { sums, p } of vectors.signFlip) expect(signFlip(sums, DRAWS).p).toBeCloseTo(p, 12);
    expect(signFlip([], DRAWS)).toEqual({ p: 1, floor: 1 });
    expect(signFlip([0, 0, 3], DRAWS)).toEqual({ p: 1, floor: 1 });
  });

  test("Tango's interval", () => {
    for (const { lost, won, n, ci95 } of vectors.tango) {
      const found = pairedShares(lost, won, n);
      expect(found.value).toBeCloseTo((won - lost) / n, 12);
      for (const side of [0, 1] as const) expect(found.ci95?.[side]).toBeCloseTo(ci95[side], 8);
    }
  });

  test("Holm's adjustment and McNemar's power", () => {
    for (const { ps, adjusted } of vectors.holm) {
      for (const [i, p] of holm(ps).entries()) expect(p).toBeCloseTo(adjusted[i], 12);
    }
    expect(holm([])).toEqual([]);
    for (const [discordance, effect, n, alpha, power] of vectors.power)
      expect(pairedPower({ discordance, effect }, n, alpha)).toBeCloseTo(power, 10);
    const effect = { discordance: 0.2, effect: 0.03 };
    const n = requiredPairs(effect, { alpha: 0.05, power: 0.8 });
    expect(pairedPower(effect, n, 0.05)).toBeGreaterThanOrEqual(0.8);
    expect(pairedPower(effect, n - 10, 0.05)).toBeLessThan(0.8);
  });
});

describe('random signs', () => {
  const source = random('test sums');
  const sums = Array.from({ length: 40 }, () => source.next() - 0.45);

  test('agree with the normal tail, and are the same every time', () => {
    const total = sums.reduce((a, b) => a + b, 0);
    const expected = 2 * normalCdf(-Math.abs(total) / Math.hypot(...sums));
    const { p, floor } = signFlip(sums, 200_000);
    expect(Math.abs(p / expected - 1)).toBeLessThan(0.35);
    expect(floor).toBe(1 / 200_001);
    expect(signFlip(sums, 200_000)).toEqual(signFlip(sums, 200_000));
  });

  test('of the clusters that count for the exact test, give its p-value', () => {
    const few = sums.slice(0, 16).map((s) => s + 0.25);
    const exact = signFlip(few, DRAWS).p;
    // A seventeenth that is next to nothing makes it random.
    expect(Math.abs(signFlip([...few, 1e-12], 40_000).p / exact - 1)).toBeLessThan(0.35);
  });

  test('never give a p-value below their resolution', () => {
    const all = Array<number>(60).fill(1);
    expect(signFlip(all, 999)).toEqual({ p: 1 / 1000, floor: 1 / 1000 });
    expect(signFlip(Array<number>(5).fill(1), 999).p).toBe(2 / 32);
  });
});

describe('metrics of the whole set', () => {
  const rate = ([a = 0, b = 0]: readonly number[]): number => a / b;
  const rows = (hits: readonly number[]): number[][] => hits.map((h) => [h, 1]);
  const before = rows([1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1]);
  const after = rows([0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1]);

  test('swapped labels of a mean are flipped signs', () => {
    const swapped = labelSwap({ before, after, score: rate }, 40_000);
    const flipped = mcnemar(8, 0);
    expect(Math.abs(swapped.p / flipped.p - 1)).toBeLessThan(0.3);
    expect(labelSwap({ before, after: before, score: rate }, 99)).toEqual({ p: 1, floor: 1 });
  });

  test("the bootstrap's interval of a mean is that of the mean", () => {
    const differences = after.map(([a = 0], i) => a - (before[i]?.[0] ?? 0));
    const mean = pairedMean(
      differences,
      differences.map((_, i) => String(i)),
      null,
    );
    const found = pairedBootstrap({ before, after, score: rate }, 1);
    expect(found.value).toBeCloseTo(mean.value, 12);
    expect(Math.abs((found.stderr ?? 0) / (mean.stderr ?? 1) - 1)).toBeLessThan(0.1);
    // Student's, of so few; the resampled ends lie within.
    for (const side of [0, 1]) {
      const [own = 0, expected = 0] = [found.ci95?.[side], mean.ci95?.[side]];
      expect(Math.abs(own - expected)).toBeLessThan(0.05);
    }
    const two = pairedBootstrap({ before: rows([1, 0]), after: rows([0, 0]), score: rate }, 1);
    expect(two.ci95?.[0]).toBeLessThan(-1);
    expect(two.ci95?.[1]).toBeGreaterThan(0);
    // Nothing changed: as of shares, so many unchanged say that little.
    const same = pairedBootstrap({ before, after: before, score: rate }, 1);
    expect([same.value, same.stderr]).toEqual([0, 0]);
    expect(same.ci95?.[0]).toBeCloseTo(-3.8414588 / 23.8414588, 7);
    expect(same.ci95?.[1]).toBeCloseTo(3.8414588 / 23.8414588, 7);
    expect(pairedBootstrap({ before: [[1, 1]], after: [[0, 1]], score: rate }, 1).ci95).toBeNull();
  });
});

test('a few clusters in which nothing changed prove little', () => {
  const same = Array<number>(20).fill(0);
  const clusters = same.map((_, i) => String(i % 5));
  expect(pairedMean(same, clusters, 1).ci95?.[0]).toBeLessThan(-0.4);
  expect(pairedMean(same, clusters, null).ci95).toEqual([0, 0]);
  expect(pairedShares(0, 0, 10).ci95?.[0]).toBeLessThan(-0.2);
});

test('paired shares: the standard error is that of the mean of -1, 0 and 1', () => {
  for (const [lost, won, n] of [
    [3, 8, 50],
    [1, 0, 2],
    [0, 0, 9],
  ] as const) {
    const value = (won - lost) / n;
    const squares = lost * (-1 - value) ** 2 + won * (1 - value) ** 2 + (n - lost - won) * value ** 2;
    expect(pairedShares(lost, won, n).stderr).toBeCloseTo(Math.sqrt(squares / (n - 1) / n), 12);
  }
  expect(pairedShares(1, 0, 1).stderr).toBeNull();
  // All lost: the score is without bound at one end.
  expect(pairedShares(4, 0, 4).ci95?.[0]).toBeCloseTo(-1, 12);
  expect(pairedShares(4, 0, 4).ci95?.[1]).toBeLessThan(0);
});

test('a bounded difference: the interval reaches as far as that of clusters of which none changed', () => {
  const z = 1.959963984540054;
  const clusters = Array.from({ length: 8 }, (_, i) => String(i % 4));
  const least = (0.5 * z ** 2) / (4 + z ** 2);
  const one = [0.01, 0, 0, 0, 0, 0, 0, 0];
  const [low, high] = pairedMean(one, clusters, 0.5).ci95!;
  expect(low).toBeCloseTo(0.01 / 8 - least, 12);
  expect(high).toBeCloseTo(0.01 / 8 + least, 12);
  // Where the differences themselves say more, they stay.
  const wide = [0.5, -0.5, 0.5, -0.5, -0.5, 0.5, 0.5, 0.1];
  expect(pairedMean(wide, clusters, 0.01)).toEqual(pairedMean(wide, clusters, null));
  expect(pairedMean([1], ['a'], 1).ci95).toBeNull();
});
