import { describe, expect, test } from 'vitest';
import { random } from '../../src/stats/random.ts';
import {
  changedAnswers,
  type EProcess,
  lossAtLeast,
  meanIsZero,
  symmetric,
} from '../../src/stats/sequential.ts';

/** The p-value after each of the differences. */
const path = (process: EProcess, differences: readonly number[]): number[] =>
  differences.map((difference) => {
    process.add(difference);
    return process.p;
  });
/** 1 / the value, at most 1. */
const asP = (values: readonly number[]): number[] => values.map((value) => 1 / Math.max(1, value));

const source = random('sequential by hand', 1);
const differences = Array.from({ length: 40 }, () => source.next() * 1.6 - 1);

test('changed answers: five lost in a row, by hand', () => {
  const process = changedAnswers();
  for (let i = 0; i < 5; i++) process.add(-1);
  // 2^5 5! 0! / 6! = 32 / 6
  expect(process.p).toBeCloseTo(6 / 32, 12);
  process.add(0);
  expect(process.p).toBeCloseTo(6 / 32, 12);
  // What comes later may speak against what came before.
  for (let i = 0; i < 5; i++) process.add(1);
  expect(process.p).toBe(1);
  for (let i = 0; i < 20; i++) process.add(1);
  expect(process.p).toBeLessThan(6 / 32);
});

test('a loss of a margin at least: half on the stakes that bet against it, half on no loss at all', () => {
  const used = [0, 0.2, 0, 0.4, ...differences.map((d) => -d), -1, -1, -1];
  const margin = 0.05;
  const capital = (stake: number, n: number): number =>
    used.slice(0, n).reduce((c, d) => c * (1 + (stake * (d + margin)) / (1 + margin)), 1);
  const stakes = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64];
  const unharmed = (n: number): number => (used.slice(0, n).some((d) => d < 0) ? 0 : (1 - margin) ** -n);
  const expected = asP(
    used.map(
      (_, i) => stakes.reduce((sum, stake) => sum + capital(stake, i + 1), 0) / 14 + unharmed(i + 1) / 2,
    ),
  );
  for (const [i, p] of path(lossAtLeast(margin), used).entries())
    expect(p).toBeCloseTo(expected[i] as number, 10);
  expect(Math.min(...expected)).toBeLessThan(1);
});

test('a mean of 0: the mean over stakes of both signs', () => {
  const expected = asP(
    differences.map((_, i) => {
      const capital = (stake: number): number =>
        differences.slice(0, i + 1).reduce((c, d) => c * (1 + stake * d), 1);
      const stakes = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64].flatMap((s) => [s, -s]);
      return stakes.reduce((sum, stake) => sum + capital(stake), 0) / 14;
    }),
  );
  for (const [i, p] of path(meanIsZero(), differences).entries())
    expect(p).toBeCloseTo(expected[i] as number, 10);
});

describe('symmetric differences: the mixture, integrated by numbers', () => {
  const EFFECT = 0.15;
  /** Of exp(l S - l^2 V / 2) over l normal with that deviation, or its upper half. */
  function mixture(s: number, v: number, side: 0 | 1): number {
    const [most, steps] = [12 * EFFECT, 40_000];
    const width = (2 * most) / steps;
    let sum = 0;
    for (let i = 0; i < steps; i++) {
      const l = -most + (i + 0.5) * width;
      if (side === 1 && l < 0) continue;
      const density = Math.exp(-(l ** 2) / (2 * EFFECT ** 2)) / (EFFECT * Math.sqrt(2 * Math.PI));
      sum += (side === 1 ? 2 : 1) * density * Math.exp(l * s - (l ** 2 * v) / 2) * width;
    }
    return sum;
  }

  test.each([0, 1] as const)('side %i', (side) => {
    const used = [0, 0, ...differences.slice(0, 12), ...Array.from({ length: 24 }, (_, i) => 0.3 + i / 40)];
    let [squares, s, v] = [0, 0, 0];
    const values = used.map((d, i) => {
      const scale = Math.sqrt(squares / Math.max(1, i));
      squares += d * d;
      if (scale === 0) return 1;
      s += d / scale;
      v += (d / scale) ** 2;
      return mixture(s, v, side);
    });
    const expected = asP(values);
    for (const [i, p] of path(symmetric(side), used).entries())
      expect(p).toBeCloseTo(expected[i] as number, 6);
    expect(Math.min(...expected)).toBeLessThan(0.5);
  });
});
