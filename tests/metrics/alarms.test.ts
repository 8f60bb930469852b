import { describe, expect, test } from 'vitest';
import { summarise } from '../../src/evaluate/cells.ts';
import { alarmsOf } from '../../src/metrics/alarms.ts';
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
  expect(alarmsOf(samples(50, () => ({})))).toEqual([]);
  expect(alarmsOf(samples(50, (i) => ({ prediction: i === 49 ? 1 : 0 })))).toEqual([]);
});

test('log-probabilities that are all 0, or all equal, on the whole', () => {
  expect(alarmsOf(samples(10, () => ({ lowest: 0, highest: 0 })))).toEqual(['every log-probability is 0']);
  expect(alarmsOf(samples(10, () => ({ lowest: -2, highest: -2 })))).toEqual([
    'all log-probabilities are equal',
  ]);
  expect(alarmsOf(samples(10, (i) => ({ lowest: -2, highest: i === 9 ? -1 : -2 })))).toEqual([]);
  expect(alarmsOf(samples(10, (i) => ({ lowest: -i, highest: -i })))).toEqual([]);
});

test('one choice for every item, counted from 1', () => {
  expect(alarmsOf(samples(30, () => ({ prediction: 2 })))).toEqual(['every item is answered with choice 3']);
  expect(alarmsOf(samples(30, () => ({ prediction: 0, lowest: 0, highest: 0 })))).toEqual([
    'every log-probability is 0',
    'every item is answered with choice 1',
  ]);
});

test('a span that is never right, or always, is a result', () => {
  for (const prediction of [true, false]) expect(alarmsOf(samples(30, () => ({ prediction })))).toEqual([]);
});

test('fewer than ten scored items prove nothing; unscored ones do not count', () => {
  const broken = (n: number): Summary[] => samples(n, () => ({ prediction: 1, lowest: 0, highest: 0 }));
  const unscored = samples(9, () => ({ status: 'unscored', lowest: Infinity, highest: -Infinity }));
  expect(alarmsOf(broken(9))).toEqual([]);
  expect(alarmsOf([...broken(9), ...unscored])).toEqual([]);
  expect(alarmsOf([...unscored, ...broken(10)])).toHaveLength(2);
  expect(alarmsOf([])).toEqual([]);
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
