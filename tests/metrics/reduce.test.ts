import { describe, expect, test } from 'vitest';
import { reduceDraws, reduceMetric } from '../../src/metrics/reduce.ts';
import { crossedInterval } from '../../src/stats/crossed.ts';
import { meanInterval, wilson } from '../../src/stats/interval.ts';
import type { Summary } from '../../src/types.ts';

function sample(i: number, values: Readonly<Record<string, number>>, cluster?: string): Summary {
  return {
    id: `item-${i}`,
    ...(cluster === undefined ? {} : { cluster }),
    status: 'scored',
    values,
    shots_requested: 0,
    shots_used: 0,
    tokens_dropped: 0,
    flags: [],
    lowest: -1,
    highest: -1,
  };
}
const unscored = (i: number): Summary => {
  const { values: _, ...rest } = sample(i, {});
  return { ...rest, status: 'unscored', reason: 'too long' };
};
const accs = (values: readonly number[], cluster?: (i: number) => string): Summary[] =>
  values.map((acc, i) => sample(i, { acc, logprob_gold: -1 - i }, cluster?.(i)));

const HITS = [1, 0, 1, 1, 0, 1, 1, 1];

describe('reduceMetric', () => {
  test('shares of right answers: Wilson', () => {
    expect(reduceMetric('acc', accs(HITS))).toEqual(wilson(6, 8));
    expect(reduceMetric('acc', accs([0, 0, 0]))?.ci95?.[0]).toBe(0);
    expect(reduceMetric('acc', accs([1]))).toEqual(wilson(1, 1));
  });

  test('macro F1: the mean over the gold classes, by hand', () => {
    const answers = [
      [0, 0],
      [0, 1],
      [1, 1],
      [2, 0],
    ] as const;
    const list = answers.map(([gold, prediction], i) => ({ ...sample(i, {}), gold, prediction }));
    // Class 0: 1 right of 2 said and 2 there; class 1: 1 of 2 said, 1 there; class 2: none.
    expect(reduceMetric('f1_macro', list)?.value).toBeCloseTo((2 / 4 + 2 / 3 + 0) / 3, 12);
  });

  test('items of clusters of their own are not clustered', () => {
    expect(
      reduceMetric(
        'acc',
        accs(HITS, (i) => `c${i}`),
      ),
    ).toEqual(wilson(6, 8));
  });

  test('items that share clusters: cluster-robust t, never Wilson', () => {
    const names = HITS.map((_, i) => `c${i >> 1}`);
    const wanted = meanInterval(HITS, names);
    const found = reduceMetric(
      'acc',
      accs(HITS, (i) => names[i]!),
    );
    expect(found).toMatchObject({ value: 0.75, stderr: wanted.stderr });
    expect(found?.ci95?.[0]).toBe(wanted.ci95![0]);
    // The t interval goes past 1; a share does not.
    expect(wanted.ci95![1]).toBeGreaterThan(1);
    expect(found?.ci95?.[1]).toBe(1);
    const low = HITS.map((hit) => 1 - hit);
    expect(
      reduceMetric(
        'acc',
        accs(low, (i) => names[i]!),
      )?.ci95?.[0],
    ).toBe(0);
  });

  test('one cluster alone: a mean and no claim about its error', () => {
    expect(
      reduceMetric(
        'acc',
        accs(HITS, () => 'one'),
      ),
    ).toEqual({ value: 0.75, stderr: null, ci95: null });
  });

  test('a tie among right and wrong answers: Student’s t', () => {
    const values = [1, 0, 0.5, 1, 1, 0, 1, 0];
    const wanted = meanInterval(values);
    expect(reduceMetric('acc', accs(values))).toEqual(wanted);
  });

  test('log-probabilities: Student’s t, and no bound is cut', () => {
    const logprobs = accs(HITS).map((s) => s.values!.logprob_gold!);
    expect(reduceMetric('logprob_gold', accs(HITS))).toEqual(meanInterval(logprobs));
    const wide = [-0.01, -9, -0.02].map((logprob_gold, i) => sample(i, { logprob_gold }));
    expect(reduceMetric('logprob_gold', wide)?.ci95?.[1]).toBeGreaterThan(1);
  });

  test('log-probabilities that are all 0 are no share of right answers', () => {
    const zeros = Array.from({ length: 20 }, (_, i) => sample(i, { logprob_gold: 0 }));
    expect(reduceMetric('logprob_gold', zeros)).toEqual({ value: 0, stderr: 0, ci95: [0, 0] });
  });

  test('ppl_word is exp(-mean) of the sums, its interval the exponential of theirs', () => {
    const logprobs = [-1, -2.5, -0.5, -7];
    const list = logprobs.map((logprob_gold, i) => sample(i, { logprob_gold }));
    const { value, stderr, ci95 } = meanInterval(logprobs);
    const found = reduceMetric('ppl_word', list)!;
    expect(found.value).toBeCloseTo(Math.exp(2.75), 12);
    expect(found.stderr).toBeCloseTo(Math.exp(-value) * stderr!, 12);
    expect(found.ci95![0]).toBeCloseTo(Math.exp(-ci95![1]), 12);
    expect(found.ci95![1]).toBeCloseTo(Math.exp(-ci95![0]), 12);
    expect(found.ci95![0]).toBeLessThan(found.value);
    expect(found.ci95![1]).toBeGreaterThan(found.value);
    expect(reduceMetric('ppl_word', list.slice(0, 1))).toEqual({ value: Math.E, stderr: null, ci95: null });
  });

  test('unscored items do not count; nothing scored is nothing', () => {
    const mixed = [...accs(HITS), unscored(90), unscored(91)];
    expect(reduceMetric('acc', mixed)).toEqual(wilson(6, 8));
    expect(reduceMetric('acc', [unscored(1)])).toBeUndefined();
    expect(reduceMetric('ppl_word', [])).toBeUndefined();
  });

  test('a scored item without the value is a bug that names it', () => {
    expect(() => reduceMetric('acc_norm', accs(HITS))).toThrow('sample item-0 has no value acc_norm');
  });
});

describe('reduceDraws', () => {
  const draws = [HITS, [1, 1, 1, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, 1, 1, 1]].map((values) => accs(values));

  test('means over draws and items, with the crossed interval', () => {
    const values = draws.map((samples) => samples.map((s) => s.values!.acc!));
    const wanted = crossedInterval(
      values,
      draws[0]!.map((s) => s.id),
    );
    expect(reduceDraws('acc', draws)).toEqual({
      ...wanted,
      ci95: [wanted.ci95![0], Math.min(1, wanted.ci95![1])],
    });
    expect(reduceDraws('ppl_word', draws)!.value).toBeCloseTo(Math.exp(4.5), 9);
  });

  test('only items that every draw has scored count', () => {
    const lacking = [draws[0]!, draws[1]!, [...draws[2]!.slice(0, 7), unscored(7)]];
    expect(reduceDraws('acc', lacking)!.value).toBeCloseTo(
      reduceDraws(
        'acc',
        draws.map((d) => d.slice(0, 7)),
      )!.value,
      12,
    );
    expect(reduceDraws('acc', [draws[0]!, draws[1]!, [unscored(0)]])).toBeUndefined();
  });

  test('metrics of the whole set: the mean of the draws', () => {
    const judged = draws.map((samples) =>
      samples.map((s, i) => ({ ...s, gold: i % 2, prediction: s.values!.acc === 1 ? i % 2 : 1 - (i % 2) })),
    );
    const each = judged.map((samples) => reduceMetric('f1_macro', samples)!.value);
    const found = reduceDraws('f1_macro', judged)!;
    expect(found.value).toBeCloseTo((each[0]! + each[1]! + each[2]!) / 3, 12);
    expect(found.ci95![0]).toBeLessThan(found.value);
    expect(found.ci95![1]).toBeGreaterThan(found.value);
  });
});

test('a question is right where all of its answers are judged rightly', () => {
  const rows: [group: string, prediction: number, gold: number][] = [
    ['q1', 0, 0],
    ['q1', 1, 1],
    ['q2', 0, 1],
    ['q2', 1, 1],
    ['q3', 0, 0],
  ];
  const samples = rows.map(([group, prediction, gold], i) => ({ ...sample(i, {}), group, prediction, gold }));
  expect(reduceMetric('em_group', samples)).toEqual(wilson(2, 3));
  // Of choice 0: two right, one wrongly taken, none missed.
  expect(reduceMetric('f1_binary', samples)!.value).toBeCloseTo(4 / 5, 12);
});

describe('metrics of the whole set', () => {
  const labelled = (rows: readonly (readonly [prediction: number, gold: number])[]): Summary[] =>
    rows.map(([prediction, gold], i) => ({
      ...sample(i, { acc: Number(prediction === gold) }),
      prediction,
      gold,
    }));

  test("Matthews's correlation, the same whichever choice is the positive one", () => {
    const rows = [
      [0, 0],
      [0, 1],
      [1, 1],
      [1, 1],
      [1, 0],
      [0, 0],
    ] as const;
    const swapped = rows.map(([p, g]) => [1 - p, 1 - g] as const);
    // 2 right of each kind, 1 wrong of each: (2 * 2 - 1) / 9.
    expect(reduceMetric('mcc', labelled(rows))!.value).toBeCloseTo(1 / 3, 12);
    expect(reduceMetric('mcc', labelled(swapped))!.value).toBeCloseTo(1 / 3, 12);
  });

  test('the most probable sentences are accepted, as many as the share says', () => {
    const rows = [
      [-1, 1],
      [-5, 0],
      [-2, 0],
      [-3, 1],
    ] as const;
    const list = (share: number): Summary[] =>
      rows.map(([logprob_mean, wanted], i) => sample(i, { logprob_mean, wanted, share }));
    expect(reduceMetric('mcc_ranked', list(0.75))!.value).toBeCloseTo(1 / Math.sqrt(3), 12);
    expect(reduceMetric('mcc_ranked', list(0.5))!.value).toBeCloseTo(0, 12);
    expect(reduceMetric('mcc_ranked', list(1))!.value).toBe(0);
  });

  test('correlations of what was predicted with what is true; none is 0', () => {
    const list = (x: readonly number[], y: readonly number[]): Summary[] =>
      x.map((predicted, i) => sample(i, { predicted, wanted: y[i]! }));
    const found = list([1, 2, 3, 10], [0, 1, 2, 2.5]);
    expect(reduceMetric('spearman', found)!.value).toBeCloseTo(1, 12);
    const { value, ci95 } = reduceMetric('pearson', found)!;
    expect(value).toBeCloseTo(11 / Math.sqrt(50 * 3.6875), 12);
    expect(ci95![0] <= value && value <= ci95![1]).toBe(true);
    expect(reduceMetric('pearson', list([1, 1], [0, 3]))!.value).toBe(0);
  });

  test('ROUGE is a share', () => {
    const list = [0.9, 1, 0.8].map((rouge1, i) => sample(i, { rouge1 }));
    expect(reduceMetric('rouge1', list)!.ci95![1]).toBe(1);
  });
});
