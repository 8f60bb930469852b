import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { difference, fisher, welch } from '../../src/stats/disjoint.ts';
import { wilson } from '../../src/stats/interval.ts';

type Mean = Parameters<typeof welch>[0];

/** Made with scipy: see make_stats.py beside the file. */
const vectors = JSON.parse(readFileSync(new URL('../vectors/stats.json', import.meta.url), 'utf8')) as {
  fisher: { a: [number, number]; b: [number, number]; p: number; ci95: [number, number] }[];
  welch: { a: Mean; b: Mean; p: number }[];
};

const share = ([successes, n]: [number, number]): { successes: number; n: number } => ({ successes, n });

test.each(vectors.fisher)("Fisher's exact test and Newcombe's interval of $a and $b", ({ a, b, p, ci95 }) => {
  expect(Math.abs(fisher(share(a), share(b)) / p - 1)).toBeLessThan(1e-8);
  expect(fisher(share(b), share(a))).toBeCloseTo(p, 10);
  const found = difference(wilson(...a), wilson(...b));
  expect(found.value).toBeCloseTo(a[0] / a[1] - b[0] / b[1], 12);
  for (const side of [0, 1] as const) expect(found.ci95?.[side]).toBeCloseTo(ci95[side], 9);
});

test.each(vectors.welch)("Welch's test gives p = $p", ({ a, b, p }) => {
  expect(Math.abs((welch(a, b) ?? Number.NaN) / p - 1)).toBeLessThan(1e-8);
});

test('without spread there is no interval, and equal values do not differ', () => {
  const one = { value: 1, stderr: null, ci95: null };
  expect(difference(one, { value: 3, stderr: 1, ci95: [2, 4] })).toEqual({
    value: -2,
    stderr: null,
    ci95: null,
  });
  expect(welch({ value: 1, stderr: 0, df: 3 }, { value: 1, stderr: 0, df: 3 })).toBe(1);
  expect(welch({ value: 1, stderr: 0, df: 1 }, { value: 0, stderr: 0, df: 1 })).toBeNull();
});
