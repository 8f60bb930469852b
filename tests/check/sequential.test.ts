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

  test('waits for the last look where items share clusters, also if only the last ones do', () => {
    expect(watch(0.2, 0, (i) => `c${Math.floor(i / 3)}`)).toEqual({ verdict: 'regressed', items: MOST });
    expect(watch(0.2, 0, (i) => `c${Math.min(i, MOST - 2)}`)).toEqual({ verdict: 'regressed', items: MOST });
  });

  /** Looks at n of so many items: [value, log-probability] before and after. */
  const lookAt = (n: number, of: (i: number) => readonly (readonly number[])[]) => {
    const side = (which: 0 | 1) =>
      items(MOST, (i) => {
        const [value = 0, logprob = 0] = of(i)[which] ?? [];
        return { cluster: `c${i}`, value, logprob, sums: [logprob] };
      });
    const candidate = storedRun([storedCell(side(1).slice(0, n))]);
    const paired = pairRuns(storedRun([storedCell(side(0))]), candidate, { part: true });
    return sequentialCheck(THRESHOLDS).look(paired, n === MOST);
  };

  test('items that are equal so far say nothing of those to come', () => {
    const rare = (i: number) => [[1, -1], i === 100 ? [0, -5] : [1, -1]] as const;
    expect(lookAt(50, rare)).toMatchObject({ settled: false, result: { verdict: 'inconclusive' } });
    expect(lookAt(255, rare).result.verdict).toBe('inconclusive');
    const none = () =>
      [
        [1, -1],
        [1, -1],
      ] as const;
    expect(lookAt(170, none).result.verdict).toBe('inconclusive');
    expect(lookAt(255, none)).toMatchObject({ settled: true, result: { verdict: 'pass' } });
  });

  test('of scores between 0 and 1 sizes count: a few large losses, many small gains', () => {
    const even = (i: number) =>
      [
        [0.5, -1],
        [i % 10 === 0 ? 0 : 0.5 + 0.5 / 9, -1],
      ] as const;
    const [score] = lookAt(575, even).result.cells[0]?.tests ?? [];
    expect(score).toMatchObject({ method: 'e-process', lost: 58, won: 517, verdict: 'inconclusive' });
    expect(score?.p).toBe(1);
    const worse = (i: number) =>
      [
        [0.5, -1],
        [i % 10 === 0 ? 0 : 0.5, -1],
      ] as const;
    expect(lookAt(575, worse).result.verdict).toBe('regressed');
  });

  test('a mean log-probability with a few bad items is not held until its interval says so', () => {
    const damaged = (i: number) =>
      [
        [1, -1],
        [1, i % 25 === 7 ? -3 : -1.0001 - (i % 3) / 1e4],
      ] as const;
    const [, logprob] = lookAt(383, damaged).result.cells[0]?.tests ?? [];
    expect(logprob?.ci95?.[0]).toBeLessThan(-THRESHOLDS.margin.nats);
    expect(logprob?.verdict).not.toBe('pass');
  });
});

test('looks grow by a half', () => {
  expect(looks(200)).toEqual([50, 75, 113, 170, 200]);
  expect(looks(20)).toEqual([20]);
});
