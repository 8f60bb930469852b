import { normalCdf, normalQuantile } from './special.ts';

/** A difference of paired shares: the share of items that change their answer, and lost less won of all items. */
export interface PairedEffect {
  readonly discordance: number;
  readonly effect: number;
}

/** The probability that McNemar's test of n pairs rejects, two-sided, in the normal approximation (Connor 1987). */
export function pairedPower({ discordance, effect }: PairedEffect, n: number, alpha: number): number {
  const spread = Math.sqrt(discordance - effect * effect);
  const limit = normalQuantile(1 - alpha / 2) * Math.sqrt(discordance);
  const shift = Math.abs(effect) * Math.sqrt(n);
  return normalCdf((shift - limit) / spread) + normalCdf((-shift - limit) / spread);
}

/** Pairs for which that probability reaches `power`. */
export function requiredPairs(
  { discordance, effect }: PairedEffect,
  { alpha, power }: { readonly alpha: number; readonly power: number },
): number {
  const a = normalQuantile(1 - alpha / 2) * Math.sqrt(discordance);
  const b = normalQuantile(power) * Math.sqrt(discordance - effect * effect);
  return Math.ceil(((a + b) / effect) ** 2);
}
