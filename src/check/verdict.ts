import { holm } from '../stats/holm.ts';
import { Z95 } from '../stats/interval.ts';
import { normalQuantile } from '../stats/special.ts';
import { type CellPair, cellName, type Paired } from './pair.ts';
import { type CellTest, isLikelihood, testCell, type Unit } from './tests.ts';

export type Verdict = 'regressed' | 'inconclusive' | 'improved' | 'pass';

export interface Thresholds {
  /** Probability of a false alarm among all tests. */
  readonly alpha: number;
  /** A loss that is smaller is no regression, however certain. */
  readonly minEffect: Readonly<Record<Unit, number>>;
  /** A loss that must be ruled out for a pass. */
  readonly margin: Readonly<Record<Unit, number>>;
}

export const THRESHOLDS: Thresholds = {
  alpha: 0.05,
  minEffect: { points: 0.5, nats: 0.01 },
  margin: { points: 2, nats: 0.02 },
};

export interface JudgedTest extends CellTest {
  /** Holm's adjustment over all tests. */
  readonly adjusted: number;
  readonly verdict: Verdict;
  /** Items that would settle an inconclusive test if the change stays what it is; null where it can't be said. */
  readonly needed: number | null;
}

export interface JudgedCell {
  readonly task: string;
  readonly shots: number | 'max';
  readonly verdict: Verdict;
  readonly tests: readonly JudgedTest[];
}

export interface CheckResult {
  readonly verdict: Verdict;
  readonly thresholds: Thresholds;
  readonly tests: number;
  readonly cells: readonly JudgedCell[];
  readonly notes: readonly string[];
}

/** From worst to best: what a whole is when its parts are these. */
const ORDER: readonly Verdict[] = ['regressed', 'inconclusive', 'improved', 'pass'];

/** Tests every cell and judges them together. */
export function checkRuns({ cells, notes }: Paired, thresholds: Thresholds): CheckResult {
  const draws = drawsFor(cells.length, thresholds.alpha);
  const tests = cells.map((cell) => testCell(cell, draws));
  return judgeTests(tests, thresholds, [...notes, ...untestedNotes(cells, tests)]);
}

/** What a reader would take for tested, and is not: the metrics of sets that are no sum over items. */
export function untestedNotes(cells: readonly CellPair[], tests: readonly (readonly CellTest[])[]): string[] {
  return cells.flatMap((cell, i) => {
    const own = tests[i] ?? [];
    const { primary } = cell.before;
    if (own.length === 0) return [`${name(cell)} has no value that is tested.`];
    if (isLikelihood(primary) || own.some(({ metric }) => metric === primary)) return [];
    return [`${name(cell)}: ${primary} is not tested, its log-probabilities are.`];
  });
}

/** Random signs that can give p-values which Holm's first step rejects: two tests a cell, with room below. */
export function drawsFor(cells: number, alpha: number): number {
  return Math.max(9_999, Math.ceil((40 * cells) / alpha));
}

function name({ before }: CellPair): string {
  return cellName(before);
}

/** The verdicts on tests, a list a cell. */
export function judgeTests(
  tests: readonly (readonly CellTest[])[],
  thresholds: Thresholds,
  notes: readonly string[] = [],
): CheckResult {
  const all = tests.flat();
  const adjusted = holm(all.map(({ p }) => p));
  const byTest = new Map(all.map((test, i) => [test, adjusted[i] as number]));
  const cells = tests.flatMap((own): JudgedCell[] => {
    const [first] = own;
    if (!first) return [];
    const judged = own.map((test) => judge(test, byTest.get(test) as number, all.length, thresholds));
    return [{ task: first.task, shots: first.shots, verdict: worst(judged), tests: judged }];
  });
  return { verdict: worst(cells), thresholds, tests: all.length, cells, notes };
}

function worst(parts: readonly { readonly verdict: Verdict }[]): Verdict {
  return ORDER.find((verdict) => parts.some((part) => part.verdict === verdict)) ?? 'inconclusive';
}

/** One side's share of 0.05: that of an interval's lower bound. */
const ONE_SIDED = 0.025;

function judge(test: CellTest, adjusted: number, tests: number, thresholds: Thresholds): JudgedTest {
  const { alpha, minEffect, margin } = thresholds;
  const { change, ci95, equal, unit } = test;
  const certain = adjusted <= alpha && Math.abs(change) >= minEffect[unit];
  const { lossP } = test;
  const within = lossP === undefined ? ci95 !== null && ci95[0] > -margin[unit] : lossP <= ONE_SIDED;
  const held = equal || within;
  const verdict: Verdict =
    certain && change < 0 ? 'regressed' : certain && change > 0 ? 'improved' : held ? 'pass' : 'inconclusive';
  const needed = verdict === 'inconclusive' ? itemsNeeded(test, tests, thresholds) : null;
  return { ...test, adjusted, verdict, needed };
}

/**
 * Items for which either end is reached if the change and the spread of the differences stay what they are: the bound
 * above the margin, or a loss that Holm's first step finds.
 */
function itemsNeeded(test: CellTest, tests: number, { alpha, minEffect, margin }: Thresholds): number | null {
  const { n, clusters, change, ci95, unit, p, lossP } = test;
  if (lossP !== undefined) {
    // Evidence of a sequential test grows by the same factor with every item.
    const times = [Math.log(ONE_SIDED) / Math.log(lossP), Math.log(alpha / tests) / Math.log(p)];
    const least = Math.min(...times.filter((t) => Number.isFinite(t) && t > 1));
    return Number.isFinite(least) ? Math.ceil(n * least) : null;
  }
  // Where nothing changed the interval narrows with the clusters themselves.
  if (test.lost === 0 && test.won === 0) {
    const units = Math.ceil((Z95 ** 2 * (100 - margin.points)) / Math.max(margin.points, 1e-9)) + 1;
    return Math.ceil((units * n) / clusters);
  }
  if (ci95 === null) return null;
  const half = Math.max(change - ci95[0], 1e-12);
  // Widths shrink with the root of n.
  const times: number[] = [];
  if (change > -margin[unit]) times.push((half / (change + margin[unit])) ** 2);
  if (change <= -minEffect[unit]) {
    const byWidth = (((half / Z95) * normalQuantile(1 - alpha / (2 * tests))) / -change) ** 2;
    // Fewer changed clusters than this can't be rejected, whatever they say.
    const changed = Math.max(1, test.lost === null ? clusters : test.lost + (test.won ?? 0));
    times.push(Math.max(byWidth, Math.log2((2 * tests) / alpha) / Math.min(changed, clusters)));
  }
  if (times.length === 0) return null;
  return Math.ceil(Math.max(n * Math.min(...times), n + 1));
}

/** 1 where anything regressed, else 3 where anything is inconclusive and that fails, else 0. */
export function exitCode({ verdict }: CheckResult, onInconclusive: 'pass' | 'fail'): 0 | 1 | 3 {
  if (verdict === 'regressed') return 1;
  return verdict === 'inconclusive' && onInconclusive === 'fail' ? 3 : 0;
}
