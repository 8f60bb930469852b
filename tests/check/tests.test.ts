import { describe, expect, test } from 'vitest';
import type { StoredItem } from '../../src/check/items.ts';
import { pairRuns } from '../../src/check/pair.ts';
import { type CellTest, testCell } from '../../src/check/tests.ts';
import { bleuCounts, bleuScore } from '../../src/metrics/text/bleu.ts';
import { mcnemar } from '../../src/stats/paired.ts';
import { items, storedCell, storedRun } from '../helpers/stored-run.ts';

function tested(
  before: readonly StoredItem[],
  after: readonly StoredItem[],
  differs: Parameters<typeof storedCell>[1] = {},
): CellTest[] {
  const pair = pairRuns(storedRun([storedCell(before, differs)]), storedRun([storedCell(after, differs)]));
  return testCell(pair.cells[0]!, 9_999);
}

describe('what is tested in a cell', () => {
  test('right and wrong answers by McNemar, and the log-probability of the right one in nats a token', () => {
    const before = items(50);
    const after = items(50, (i) => ({ value: i < 9 ? 0 : 1, logprob: -2 - (i % 3) / 10 }));
    const [score, logprob] = tested(before, after);
    expect(score).toMatchObject({
      metric: 'acc',
      method: 'mcnemar',
      lost: 9,
      won: 0,
      unit: 'points',
      clusters: 50,
    });
    expect(score?.p).toBe(mcnemar(9, 0).p);
    expect(score?.change).toBeCloseTo(-18, 12);
    expect(logprob).toMatchObject({ metric: 'logprob_gold', method: 'sign-flip', unit: 'nats', lost: null });
    // Two tokens each.
    expect(logprob?.change).toBeCloseTo(-0.098 / 2, 12);
    expect(logprob?.baseline).toBe(-1);
  });

  test('the same answers in clusters by signs of whole clusters: less is certain', () => {
    const cluster = (i: number) => ({ cluster: `c${i % 5}` });
    const [score] = tested(
      items(50, cluster),
      items(50, (i) => ({ ...cluster(i), value: i < 9 ? 0 : 1 })),
    );
    expect(score).toMatchObject({ method: 'sign-flip', clusters: 5, lost: 9 });
    // Five clusters, all of them worse.
    expect(score?.p).toBe(2 / 32);
    expect(score?.floor).toBe(2 / 32);
  });

  test('ties and F1 are no right or wrong answers', () => {
    const after = items(30, (i) => ({ value: i === 3 ? 0.5 : 1 }));
    expect(tested(items(30), after)[0]?.method).toBe('sign-flip');
  });

  test('BLEU from its counts, by swapped labels', () => {
    const reference = 'the cat sat on the mat and looked at the dog';
    const counts = (text: string) => ({
      value: null,
      logprob: null,
      counts: bleuCounts(text, [reference], '13a'),
    });
    const before = items(40, () => counts(reference));
    const after = items(40, (i) => counts(i % 2 ? reference : 'the cat sat on a dog'));
    const [bleu, ...more] = tested(before, after, { primary: 'bleu' });
    expect(more).toEqual([]);
    const sum = after.reduce<number[]>(
      (all, { counts = [] }) => counts!.map((c, i) => c + (all[i] ?? 0)),
      [],
    );
    expect(bleu?.candidate).toBeCloseTo(bleuScore(sum, 'exp'), 10);
    expect(bleu?.change).toBeCloseTo(bleuScore(sum, 'exp') - 100, 10);
    expect(bleu?.p).toBe(1e-4);
    expect(bleu?.ci95?.[1]).toBeLessThan(0);
  });

  test("Matthews's correlation from its counts, in points", () => {
    const right = (i: number) => (i % 2 ? [1, 0, 0, 0] : [0, 0, 0, 1]);
    const wrong = (i: number) => (i % 2 ? [0, 0, 1, 0] : [0, 1, 0, 0]);
    const side = (counts: (i: number) => number[]) =>
      items(40, (i) => ({ value: null, logprob: null, counts: counts(i) }));
    const [mcc] = tested(side(right), side(wrong), { primary: 'mcc' });
    expect(mcc).toMatchObject({ metric: 'mcc', unit: 'points' });
    expect(mcc?.baseline).toBeCloseTo(1, 12);
    expect(mcc?.change).toBeCloseTo(-200, 9);
  });

  test('BLEU over draws of shots is the mean of the draws', () => {
    const good = bleuCounts('the cat sat on the mat', ['the cat sat on the mat'], '13a');
    const bad = bleuCounts('a dog sat on the hat', ['the cat sat on the mat'], '13a');
    const side = (second: number[]) =>
      items(20, () => ({ value: null, logprob: null, counts: [...good, ...second] }));
    const [bleu] = tested(side(good), side(bad), { primary: 'bleu', draws: 2 });
    const times = (counts: number[]) => counts.map((c) => 20 * c);
    expect(bleu?.candidate).toBeCloseTo((100 + bleuScore(times(bad), 'exp')) / 2, 10);
  });

  test('a perplexity is tested once, as the log-probability that it is made of', () => {
    const text = (i: number) => ({ value: null, logprob: -300 - i, units: 100, sums: [-300 - i] });
    const found = tested(
      items(12, text),
      items(12, (i) => ({ ...text(i), logprob: -310 - i })),
      { primary: 'ppl_word' },
    );
    expect(found.map(({ metric }) => metric)).toEqual(['logprob_gold']);
    expect(found[0]?.change).toBeCloseTo(-0.1, 12);
  });

  test('a generated answer has no right log-probability', () => {
    const text = () => ({ logprob: null, answer: 'Paris' });
    expect(tested(items(5, text), items(5, text), { primary: 'em' }).map(({ metric }) => metric)).toEqual([
      'em',
    ]);
  });
});

describe('equal but for rounding', () => {
  const equal = (sums: readonly number[]): boolean | undefined =>
    tested(
      items(5),
      items(5, (i) => (i === 4 ? { sums } : {})),
    )[0]?.equal;
  test('every continuation counts', () => {
    expect(equal([-2.001, -3.001])).toBe(true);
    expect(equal([-2, -3.003])).toBe(false);
    expect(equal([-2])).toBe(false);
    expect(equal([])).toBe(false);
  });
});
