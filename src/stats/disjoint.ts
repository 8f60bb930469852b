import type { Estimate } from './interval.ts';
import { logGamma, tCdf } from './special.ts';

/**
 * The difference a - b of estimates from disjoint sets of items, with the interval that their own intervals give
 * (Zou and Donner 2008, "MOVER": of two Wilson intervals it is Newcombe's hybrid score interval).
 */
export function difference(a: Estimate, b: Estimate): Estimate {
  const value = a.value - b.value;
  const stderr = a.stderr === null || b.stderr === null ? null : Math.hypot(a.stderr, b.stderr);
  if (a.ci95 === null || b.ci95 === null) return { value, stderr, ci95: null };
  const low = value - Math.hypot(a.value - a.ci95[0], b.ci95[1] - b.value);
  const high = value + Math.hypot(a.ci95[1] - a.value, b.value - b.ci95[0]);
  return { value, stderr, ci95: [low, high] };
}

/**
 * Welch's t-test of two means from their standard errors, two-sided; `df` are the degrees of freedom of each. Null where
 * neither varies and they differ: a few equal values on either side have no spread to judge by.
 */
export function welch(
  a: { readonly value: number; readonly stderr: number; readonly df: number },
  b: { readonly value: number; readonly stderr: number; readonly df: number },
): number | null {
  const [u, v] = [a.stderr ** 2, b.stderr ** 2];
  if (u + v === 0) return a.value === b.value ? 1 : null;
  const t = (a.value - b.value) / Math.sqrt(u + v);
  const df = (u + v) ** 2 / (u ** 2 / a.df + v ** 2 / b.df);
  return Math.min(1, 2 * tCdf(-Math.abs(t), df));
}

/** Fisher's exact test of two shares, two-sided: the sum over all tables at most as probable as this one. */
export function fisher(
  a: { readonly successes: number; readonly n: number },
  b: { readonly successes: number; readonly n: number },
): number {
  const successes = a.successes + b.successes;
  const all = a.n + b.n;
  const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
  const logProbability = (k: number): number =>
    logChoose(a.n, k) + logChoose(b.n, successes - k) - logChoose(all, successes);
  // Equally probable tables differ in their last digits.
  const own = logProbability(a.successes) + 1e-9;
  let sum = 0;
  for (let k = Math.max(0, successes - b.n); k <= Math.min(a.n, successes); k++) {
    const log = logProbability(k);
    if (log <= own) sum += Math.exp(log);
  }
  return Math.min(1, sum);
}
