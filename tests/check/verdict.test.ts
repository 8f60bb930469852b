import { describe, expect, test } from 'vitest';
import { pairRuns } from '../../src/check/pair.ts';
import type { CellTest } from '../../src/check/tests.ts';
import { checkRuns, exitCode, judgeTests, THRESHOLDS } from '../../src/check/verdict.ts';
import { pairedShares } from '../../src/stats/paired.ts';
import { items, storedCell, storedRun } from '../helpers/stored-run.ts';

function aTest(differs: Partial<CellTest> = {}): CellTest {
  return {
    ...{ task: 'anli-r1', shots: 0, metric: 'acc', unit: 'points', n: 400, clusters: 400 },
    ...{ baseline: 0.5, candidate: 0.5, change: 0, ci95: [-1, 1], method: 'mcnemar', lost: 8, won: 8 },
    ...{ p: 1, floor: 1e-5, equal: false },
    ...differs,
  };
}
const verdict = (differs: Partial<CellTest>, others: number = 0): string => {
  const rest = Array.from({ length: others }, () => aTest());
  return judgeTests([[aTest(differs)], rest], THRESHOLDS).cells[0]?.verdict ?? '';
};

describe('the four verdicts', () => {
  test('regressed: certain after Holm, and large enough', () => {
    const loss = { change: -4, ci95: [-6, -2] as const, p: 0.001 };
    expect(verdict(loss)).toBe('regressed');
    expect(verdict(loss, 40)).toBe('regressed');
    expect(verdict(loss, 60)).toBe('inconclusive');
    expect(verdict({ ...loss, change: -0.4, ci95: [-0.6, -0.2] })).toBe('pass');
    expect(verdict({ ...loss, unit: 'nats', change: -0.011, ci95: [-0.015, -0.007] })).toBe('regressed');
    expect(verdict({ ...loss, unit: 'nats', change: -0.009, ci95: [-0.012, -0.006] })).toBe('pass');
  });

  test('pass: a loss beyond the margin is ruled out, or nothing changed at all', () => {
    expect(verdict({ ci95: [-1.99, 1] })).toBe('pass');
    expect(verdict({ ci95: [-2, 1] })).toBe('inconclusive');
    expect(verdict({ ci95: null })).toBe('inconclusive');
    expect(verdict({ ci95: null, equal: true })).toBe('pass');
  });

  test('improved: as regressed, upward', () => {
    expect(verdict({ change: 4, ci95: [2, 6], p: 0.001 })).toBe('improved');
    expect(verdict({ change: 4, ci95: [-3, 6], p: 0.06 })).toBe('inconclusive');
  });

  test('a cell is as bad as its worst test, a run as its worst cell', () => {
    const bad = aTest({ change: -4, ci95: [-6, -2], p: 1e-6 });
    const open = aTest({ ci95: [-5, 5] });
    const good = aTest({ change: 4, ci95: [2, 6], p: 1e-6 });
    const of = (...tests: CellTest[][]): string => judgeTests(tests, THRESHOLDS).verdict;
    expect(of([good, bad], [open])).toBe('regressed');
    expect(of([good], [open, aTest()])).toBe('inconclusive');
    expect(of([good], [aTest()])).toBe('improved');
    expect(of([aTest()], [aTest()])).toBe('pass');
    expect(of()).toBe('inconclusive');
  });

  test('exit codes', () => {
    const code = (verdict: 'regressed' | 'inconclusive' | 'improved' | 'pass', on: 'pass' | 'fail'): number =>
      exitCode({ ...judgeTests([], THRESHOLDS), verdict }, on);
    expect(code('regressed', 'pass')).toBe(1);
    expect(code('inconclusive', 'fail')).toBe(3);
    expect(code('inconclusive', 'pass')).toBe(0);
    expect(code('improved', 'fail')).toBe(0);
    expect(code('pass', 'fail')).toBe(0);
  });
});

describe('the number of items that would settle it', () => {
  test('shrinks the interval to the margin, or makes the loss certain', () => {
    const needed = (differs: Partial<CellTest>): number | null =>
      judgeTests([[aTest(differs)]], THRESHOLDS).cells[0]?.tests[0]?.needed ?? null;
    // Half as wide takes four times as many.
    expect(needed({ ci95: [-4, 4] })).toBe(1600);
    expect(needed({ change: -1, ci95: [-3, 1] })).toBe(1600);
    expect(needed({ change: 0, ci95: null })).toBeNull();
    expect(needed({ ci95: [-1, 1] })).toBeNull();
    // 3.84 / (n + 3.84) falls below the margin of two in a hundred.
    expect(needed({ n: 12, clusters: 12, lost: 0, won: 0, ci95: [-24, 24] })).toBe(190);
    // It is the clusters that count.
    expect(needed({ n: 100, clusters: 20, lost: 0, won: 0, ci95: [-16, 16] })).toBe(950);
    // Three of three lost: six changed items are the fewest that can be rejected at 0.05.
    const three = { n: 3, clusters: 3, lost: 3, won: 0, change: -100, ci95: [-100, -40] as const };
    expect(needed({ ...three, p: 0.25 })).toBe(6);
    expect(pairedShares(0, 0, 190).ci95?.[0]).toBeGreaterThan(-0.02);
    expect(pairedShares(0, 0, 187).ci95?.[0]).toBeLessThan(-0.02);
  });

  test('is what it says: that many items of the same kind settle it', () => {
    // Of each hundred answers five are lost and five are won.
    const run = (n: number) => {
      const side = (of: 0 | 1) =>
        storedRun([
          storedCell(items(n, (i) => ({ value: i % 100 < 10 ? ((i % 2) + of) % 2 : 1, sums: [of] }))),
        ]);
      return checkRuns(pairRuns(side(0), side(1)), THRESHOLDS).cells[0]?.tests[0];
    };
    const few = run(400);
    expect(few).toMatchObject({ verdict: 'inconclusive', lost: 20, won: 20 });
    const needed = few?.needed ?? 0;
    expect(run(Math.ceil(needed * 1.05))?.verdict).toBe('pass');
    expect(run(Math.ceil(needed * 0.9))?.verdict).toBe('inconclusive');
  });
});
