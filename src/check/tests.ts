import { mcc } from '../metrics/correlation.ts';
import { bleuScore } from '../metrics/text/bleu.ts';
import { chrfScore } from '../metrics/text/chrf.ts';
import type { Estimate } from '../stats/interval.ts';
import {
  labelSwap,
  mcnemar,
  type PairedCounts,
  pairedBootstrap,
  pairedMean,
  pairedShares,
  signFlip,
  type TestOutcome,
} from '../stats/paired.ts';
import type { CellPair, ItemPair } from './pair.ts';

/** One value of a cell, tested. Changes are in points of 100 for scores and in nats a token for log-probabilities. */
export interface CellTest {
  readonly task: string;
  readonly shots: number | 'max';
  readonly metric: string;
  readonly unit: Unit;
  readonly n: number;
  readonly clusters: number;
  readonly baseline: number;
  readonly candidate: number;
  readonly change: number;
  readonly ci95: readonly [low: number, high: number] | null;
  readonly method: 'mcnemar' | 'sign-flip' | 'label-swap' | 'e-process';
  /** Items that were answered worse and better; null for log-probabilities and metrics of the whole set. */
  readonly lost: number | null;
  readonly won: number | null;
  /** Two-sided, and the smallest that so few items could have given. */
  readonly p: number;
  readonly floor: number;
  /** Of a sequential test: the p-value of a loss beyond the margin. Else the interval tells. */
  readonly lossP?: number;
  /** Every log-probability of the cell is what it was, but for rounding. */
  readonly equal: boolean;
}

export type Unit = 'points' | 'nats';

/** Log-probabilities of a continuation that are nearer than this, in nats, are equal but for rounding. */
const SAME = 2e-3;

/** A metric that is the log-probability on some scale. */
export function isLikelihood(metric: string): boolean {
  return /^(ppl|bp|logprob)/.test(metric);
}

/**
 * Tests a cell's primary metric and its mean log-probability of the right answer, each where it has one. A
 * perplexity is the log-probability on another scale: it is tested once.
 * @param draws random signs or swaps at most
 */
export function testCell(pair: CellPair, draws: number): CellTest[] {
  const { before, items } = pair;
  const { primary } = before;
  const tests: CellTest[] = [];
  const isProbability = isLikelihood(primary);
  if (!isProbability && items.every((item) => item.before.counts !== null && item.after.counts !== null))
    tests.push(ofSet(pair, draws));
  else if (!isProbability && items.every((item) => item.before.value !== null && item.after.value !== null))
    tests.push(ofItems(pair, draws));
  if (items.every((item) => item.before.logprob !== null && item.after.logprob !== null))
    tests.push(ofLogprobs(pair, draws));
  return tests;
}

function common({ before, items }: CellPair): Pick<CellTest, 'task' | 'shots' | 'n' | 'clusters' | 'equal'> {
  return {
    task: before.task.name,
    shots: before.shots,
    n: items.length,
    clusters: new Set(items.map((item) => item.before.cluster)).size,
    equal: items.every(isEqual),
  };
}

function isEqual({ before, after }: ItemPair): boolean {
  return (
    before.sums.length > 0 &&
    before.sums.length === after.sums.length &&
    before.sums.every((sum, i) => Math.abs(sum - (after.sums[i] as number)) <= SAME)
  );
}

/** A metric that is the mean of its items': shares of right answers, F1. */
function ofItems(pair: CellPair, draws: number): CellTest {
  const { items, before } = pair;
  const shared = common(pair);
  const value = (side: keyof ItemPair): number[] => items.map((item) => item[side].value as number);
  const [a, b] = [value('before'), value('after')];
  const differences = b.map((v, i) => v - (a[i] as number));
  const lost = differences.filter((d) => d < 0).length;
  const won = differences.filter((d) => d > 0).length;
  const isExact = shared.clusters === shared.n && [...a, ...b].every((v) => v === 0 || v === 1);
  const estimate = isExact
    ? pairedShares(lost, won, shared.n)
    : pairedMean(differences, clustersOf(items), 1);
  const outcome = isExact ? mcnemar(lost, won) : signFlip(sumsByCluster(items, differences), draws);
  return {
    ...shared,
    metric: before.primary,
    unit: 'points',
    baseline: meanOf(a),
    candidate: meanOf(b),
    ...scaled(estimate, 100),
    method: isExact ? 'mcnemar' : 'sign-flip',
    ...{ lost, won, ...outcome },
  };
}

/** The mean log-probability, a token of the baseline's: the units are the same on both sides. */
function ofLogprobs(pair: CellPair, draws: number): CellTest {
  const { items } = pair;
  const units = items.reduce((sum, { before }) => sum + before.units, 0);
  const differences = items.map(
    ({ before, after }) => (after.logprob as number) - (before.logprob as number),
  );
  const total = (side: keyof ItemPair): number =>
    items.reduce((sum, item) => sum + (item[side].logprob as number), 0) / units;
  return {
    ...common(pair),
    metric: 'logprob_gold',
    unit: 'nats',
    baseline: total('before'),
    candidate: total('after'),
    ...scaled(pairedMean(differences, clustersOf(items), null), items.length / units),
    method: 'sign-flip',
    lost: null,
    won: null,
    ...signFlip(sumsByCluster(items, differences), draws),
  };
}

/** A metric of the whole set, from its sufficient statistics. */
function ofSet(pair: CellPair, draws: number): CellTest {
  const { before, items } = pair;
  const score = scoreOf(before.primary, before.draws);
  const counts = (side: keyof ItemPair): number[][] =>
    rowsByCluster(
      items,
      items.map((item) => item[side].counts as readonly number[]),
    );
  const paired: PairedCounts = { before: counts('before'), after: counts('after'), score };
  const scale = /^(f1_binary|mcc)$/.test(before.primary) ? 100 : 1;
  const outcome: TestOutcome = labelSwap(paired, draws);
  return {
    ...common(pair),
    metric: before.primary,
    unit: 'points',
    baseline: score(columnSums(paired.before)),
    candidate: score(columnSums(paired.after)),
    ...scaled(pairedBootstrap(paired, before.primary === 'mcc' ? 2 : 100 / scale), scale),
    method: 'label-swap',
    lost: null,
    won: null,
    ...outcome,
  };
}

/** A metric of the whole set from summed counts, those of several draws one behind the other: the mean over draws. */
function scoreOf(metric: string, draws: number): (sum: readonly number[]) => number {
  const one =
    metric === 'chrf'
      ? chrfScore
      : metric === 'f1_binary'
        ? ([both = 0, either = 0]: readonly number[]) => (either === 0 ? 0 : (2 * both) / either)
        : metric === 'mcc'
          ? ([tp = 0, fp = 0, fn = 0, tn = 0]: readonly number[]) => mcc({ tp, fp, fn, tn })
          : (sum: readonly number[]) => bleuScore(sum, 'exp');
  if (draws === 1) return one;
  return (sum) => {
    const width = sum.length / draws;
    let total = 0;
    for (let d = 0; d < draws; d++) total += one(sum.slice(d * width, (d + 1) * width));
    return total / draws;
  };
}

function scaled({ value, ci95 }: Estimate, by: number): Pick<CellTest, 'change' | 'ci95'> {
  return { change: value * by, ci95: ci95 && [ci95[0] * by, ci95[1] * by] };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function clustersOf(items: readonly ItemPair[]): string[] {
  return items.map((item) => item.before.cluster);
}

function sumsByCluster(items: readonly ItemPair[], values: readonly number[]): number[] {
  return rowsByCluster(
    items,
    values.map((v) => [v]),
  ).map(([sum = 0]) => sum);
}

function rowsByCluster(items: readonly ItemPair[], rows: readonly (readonly number[])[]): number[][] {
  const sums = new Map<string, number[]>();
  for (const [i, { before }] of items.entries()) {
    const row = rows[i] as readonly number[];
    const known = sums.get(before.cluster);
    if (!known) sums.set(before.cluster, [...row]);
    else for (const [j, value] of row.entries()) known[j] = (known[j] ?? 0) + value;
  }
  return [...sums.values()];
}

function columnSums(rows: readonly (readonly number[])[]): number[] {
  const sum: number[] = [];
  for (const row of rows) for (const [i, value] of row.entries()) sum[i] = (sum[i] ?? 0) + value;
  return sum;
}
