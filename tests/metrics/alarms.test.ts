import { describe, expect, test } from 'vitest';
import { summarise } from '../../src/evaluate/cells.ts';
import { alarmsOf } from '../../src/metrics/alarms.ts';
import type { Estimate } from '../../src/stats/interval.ts';
import type { Sample, Summary } from '../../src/types.ts';

function samples(n: number, of: (i: number) => Partial<Summary>): Summary[] {
  return Array.from({ length: n }, (_, i) => ({
    id: String(i),
    status: 'scored',
    prediction: i % 3,
    shots_requested: 0,
    shots_used: 0,
    tokens_dropped: 0,
    flags: [],
    lowest: -5 - i,
    highest: -1,
    ...of(i),
  }));
}

test('a healthy cell raises none', () => {
  expect(
    alarmsOf(
      samples(50, () => ({})),
      undefined,
      null,
    ),
  ).toEqual([]);
  expect(
    alarmsOf(
      samples(50, (i) => ({ prediction: i === 49 ? 1 : 0 })),
      undefined,
      null,
    ),
  ).toEqual([]);
});

test('log-probabilities that are all 0, or all equal, on the whole', () => {
  expect(
    alarmsOf(
      samples(10, () => ({ lowest: 0, highest: 0 })),
      undefined,
      null,
    ),
  ).toEqual(['every log-probability is 0']);
  expect(
    alarmsOf(
      samples(10, () => ({ lowest: -2, highest: -2 })),
      undefined,
      null,
    ),
  ).toEqual(['all log-probabilities are equal']);
  expect(
    alarmsOf(
      samples(10, (i) => ({ lowest: -2, highest: i === 9 ? -1 : -2 })),
      undefined,
      null,
    ),
  ).toEqual([]);
  expect(
    alarmsOf(
      samples(10, (i) => ({ lowest: -i, highest: -i })),
      undefined,
      null,
    ),
  ).toEqual([]);
});

test('one choice for every item, counted from 1', () => {
  expect(
    alarmsOf(
      samples(30, () => ({ prediction: 2 })),
      undefined,
      null,
    ),
  ).toEqual(['every item is answered with choice 3']);
  expect(
    alarmsOf(
      samples(30, () => ({ prediction: 0, lowest: 0, highest: 0 })),
      undefined,
      null,
    ),
  ).toEqual(['every log-probability is 0', 'every item is answered with choice 1']);
});

test('a span that is never right, or always, is a result', () => {
  for (const prediction of [true, false])
    expect(
      alarmsOf(
        samples(30, () => ({ prediction })),
        undefined,
        null,
      ),
    ).toEqual([]);
});

test('fewer than ten scored items prove nothing; unscored ones do not count', () => {
  const broken = (n: number): Summary[] => samples(n, () => ({ prediction: 1, lowest: 0, highest: 0 }));
  const unscored = samples(9, () => ({ status: 'unscored', lowest: Infinity, highest: -Infinity }));
  expect(alarmsOf(broken(9), undefined, null)).toEqual([]);
  expect(alarmsOf([...broken(9), ...unscored], undefined, null)).toEqual([]);
  expect(alarmsOf([...unscored, ...broken(10)], undefined, null)).toHaveLength(2);
  expect(alarmsOf([], undefined, null)).toEqual([]);
});

describe('the extremes that the alarms look at', () => {
  const sample = (logprobs: readonly number[]): Sample => ({
    id: 'text',
    status: 'scored',
    spans: [{ tokens: [], logprobs, hits: [] }],
    shots: [],
    shots_requested: 0,
    shots_used: 0,
    tokens_dropped: 0,
    flags: [],
  });

  test('are those of all tokens', () => {
    expect(summarise(sample([-3, -0.5, -7, -2]))).toMatchObject({ lowest: -7, highest: -0.5 });
  });

  test('are found in a text of 200,000 tokens too', () => {
    const logprobs = Array.from({ length: 200_000 }, (_, i) => -1 - (i % 100));
    expect(summarise(sample(logprobs))).toMatchObject({ lowest: -100, highest: -1 });
  });
});

test('worse than guessing only where the interval lies below chance', () => {
  const of = (value: number, high: number): Estimate => ({ value, stderr: 0.01, ci95: [value - 0.02, high] });
  const healthy = samples(30, () => ({}));
  const alarm = ['worse than guessing, beyond what chance explains'];
  expect(alarmsOf(healthy, of(0.2, 0.24), 0.25)).toEqual(alarm);
  expect(alarmsOf(healthy, of(0.2, 0.26), 0.25)).toEqual([]);
  expect(alarmsOf(healthy, of(0.2, 0.24), null)).toEqual([]);
  expect(alarmsOf(healthy, { value: 0, stderr: null, ci95: null }, 0.25)).toEqual([]);
});
