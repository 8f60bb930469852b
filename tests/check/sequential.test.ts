import { describe, expect, test } from 'vitest';
import { pairRuns } from '../../src/check/pair.ts';
import { looks, sequentialCheck } from '../../src/check/sequential.ts';
import { THRESHOLDS } from '../../src/check/verdict.ts';
import { random } from '../../src/stats/random.ts';
import { items, storedCell, storedRun } from '../helpers/stored-run.ts';

const MOST = 1200;

/** Looks at a candidate that loses a share of the answers, at ever more items; what was said, and after how many. */
function watch(
  lostShare: number,
  wonShare: number,
  cluster: (i: number) => string,
): { verdict: string; items: number } {
  const source = random('watched', lostShare, wonShare);
  const draws = Array.from({ length: MOST }, () => source.next());
  const before = items(MOST, (i) => ({ cluster: cluster(i), value: i % 2, logprob: -2, sums: [i] }));
  const after = before.map((own, i) => {
    const lost = own.value === 1 && draws[i]! < 2 * lostShare;
    const won = own.value === 0 && draws[i]! < 2 * wonShare;
    return {
      ...own,
      value: lost ? 0 : won ? 1 : own.value,
      logprob: -2 + (draws[i]! - 0.5) / 50,
      sums: [-i - 1],
    };
  });
  const looking = sequentialCheck(THRESHOLDS);
  for (const n of looks(MOST)) {
    const paired = pairRuns(storedRun([storedCell(before)]), storedRun([storedCell(after.slice(0, n))]), {
      part: true,
    });
    const { result, settled } = looking.look(paired, n === MOST);
    if (settled) return { verdict: result.verdict, items: n };
  }
  throw new Error('the last look settles nothing');
}

const alone = (i: number): string => `c${i}`;

describe('a check that stops where the verdict is clear', () => {
  test('stops early at a large loss, and at a candidate that is as good', () => {
    const bad = watch(0.2, 0, alone);
    expect(bad.verdict).toBe('regressed');
    expect(bad.items).toBeLessThan(200);
    const same = watch(0, 0, alone);
    expect(same.verdict).toBe('pass');
    expect(same.items).toBeLessThan(MOST);
  });

  test('goes on to the end where it is not clear', () => {
    expect(watch(0.09, 0.09, alone)).toEqual({ verdict: 'inconclusive', items: MOST });
  });

  test('waits for the last look where items share clusters', () => {
    expect(watch(0.2, 0, (i) => `c${Math.floor(i / 3)}`)).toEqual({ verdict: 'regressed', items: MOST });
  });
});

test('looks grow by a half', () => {
  expect(looks(200)).toEqual([50, 75, 113, 170, 200]);
  expect(looks(20)).toEqual([20]);
});
