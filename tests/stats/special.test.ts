import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Z95 } from '../../src/stats/interval.ts';
import { incompleteBeta, logGamma, tCdf, tQuantile } from '../../src/stats/special.ts';

/** Made with scipy: see make_stats.py beside the file. */
const vectors = JSON.parse(readFileSync(new URL('../vectors/stats.json', import.meta.url), 'utf8')) as Record<
  'logGamma' | 'incompleteBeta' | 'tCdf' | 'tQuantile',
  number[][]
>;

/** Largest difference from the reference, relative to its size; where that is below `floor`, to `floor`. */
function largest(
  rows: readonly number[][],
  f: (...args: number[]) => number,
  floor: number,
): { difference: number; at: string } {
  let worst = { difference: 0, at: '' };
  for (const row of rows) {
    const wanted = row.at(-1)!;
    const off = Math.abs(f(...row.slice(0, -1)) - wanted) / Math.max(Math.abs(wanted), floor);
    if (!(off <= worst.difference)) worst = { difference: off, at: row.join(', ') };
  }
  return worst;
}

describe('special functions equal scipy', () => {
  test('logGamma', () => {
    const worst = largest(vectors.logGamma, logGamma, 1);
    expect(worst.difference, worst.at).toBeLessThan(1e-14);
    for (const x of [1, 2]) expect(Math.abs(logGamma(x))).toBeLessThan(1e-14);
    let factorial = 1;
    for (let n = 1; n < 20; n++) {
      expect(Math.exp(logGamma(n)) / factorial).toBeCloseTo(1, 12);
      factorial *= n;
    }
  });

  test('incompleteBeta, into tails of 1e-160', () => {
    const worst = largest(vectors.incompleteBeta, incompleteBeta, 1e-300);
    expect(worst.difference, worst.at).toBeLessThan(1e-11);
    expect(Math.min(...vectors.incompleteBeta.map((row) => row[3]!).filter((v) => v > 0))).toBeLessThan(
      1e-150,
    );
  });

  test('incompleteBeta at and beyond its ends, and mirrored', () => {
    expect([-1, 0, 1, 2].map((x) => incompleteBeta(2, 3, x))).toEqual([0, 0, 1, 1]);
    for (const [a, b, x] of [
      [0.5, 7, 0.1],
      [12, 0.5, 0.8],
      [3, 3, 0.5],
    ] as const)
      expect(incompleteBeta(a, b, x)).toBeCloseTo(1 - incompleteBeta(b, a, 1 - x), 13);
    expect(incompleteBeta(1, 1, 0.37)).toBeCloseTo(0.37, 14);
  });

  test('tCdf', () => {
    const usual = vectors.tCdf.filter(([, df]) => df! < 10_000);
    expect(largest(usual, tCdf, 1).difference).toBeLessThan(1e-10);
    // Here df / (df + t^2) has lost t's digits to rounding.
    expect(largest(vectors.tCdf, tCdf, 1).difference).toBeLessThan(1e-8);
  });

  test('tQuantile', () => {
    const worst = largest(vectors.tQuantile, tQuantile, 1);
    expect(worst.difference, worst.at).toBeLessThan(2e-10);
    expect(tQuantile(0.5, 3)).toBe(0);
  });
});

test('tQuantile undoes tCdf, is odd around a half, falls with df and ends at the normal', () => {
  for (const df of [1, 2, 5, 40, 1000]) {
    for (const p of [0.01, 0.2, 0.6, 0.975, 0.999]) {
      expect(tCdf(tQuantile(p, df), df)).toBeCloseTo(p, 10);
      expect(tQuantile(1 - p, df)).toBeCloseTo(-tQuantile(p, df), 8);
    }
  }
  const falling = [1, 2, 3, 10, 100, 10_000, 1_000_000].map((df) => tQuantile(0.975, df));
  expect([...falling].sort((a, b) => b - a)).toEqual(falling);
  expect(falling.at(-1)).toBeCloseTo(Z95, 5);
  expect(tQuantile(0.975, 1)).toBeCloseTo(Math.tan(Math.PI * 0.475), 9);
});
