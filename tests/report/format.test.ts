import { describe, expect, test } from 'vitest';
import { formatInterval, formatShots, formatValue, MEANING } from '../../src/report/format.ts';
import { tasks } from '../../tasks/index.ts';
import { cell } from '../helpers/record.ts';

test.each([
  ['acc', 0.345, '34.5'],
  ['acc_norm', 1, '100.0'],
  ['acc_token', 0, '0.0'],
  ['ppl_word', 8.63, '8.630'],
  ['ppl_word', 123.456, '123.5'],
  ['ppl_word', 2_345_678.9, '2.35e+6'],
  ['logprob_gold', -2.5, '-2.500'],
  ['logprob_gold', -123.456, '-123.5'],
])('%s %d is shown as %s', (metric, value, shown) => {
  expect(formatValue(metric, value)).toBe(shown);
});

test('an interval in the units of its metric; none where nothing is claimed', () => {
  expect(formatInterval('acc', { value: 0.5, stderr: 0.1, ci95: [0.4, 0.6123] })).toBe('40.0 – 61.2');
  expect(formatInterval('ppl_word', { value: 9, stderr: 1, ci95: [8, 1234.5] })).toBe('8.000 – 1234.5');
  expect(formatInterval('acc', { value: 0.5, stderr: null, ci95: null })).toBe('');
});

describe('formatShots', () => {
  test.each([
    [0, 0, 0, 0, '0'],
    [32, 32, 32, 32, '32'],
    [32, 11, 11, 11, '32 (11 used)'],
    [32, 9, 11.25, 12, '32 (11.3 on average used)'],
    [32, 31, 31.96, 32, '32 (32.0 on average used)'],
    ['max', 70, 70, 70, 'max (70 used)'],
    ['max', 60, 65.5, 70, 'max (65.5 on average used)'],
    [5, 0, 0, 0, '5 (0 used)'],
  ] as const)('%s asked, %d to %d to %d used: %s', (shots, min, mean, max, shown) => {
    expect(formatShots(cell({ shots, shots_used: { min, mean, max } }))).toBe(shown);
  });

  test('a cell without scored items says only what was asked', () => {
    expect(formatShots(cell({ n: 0, shots: 32, shots_used: { min: 0, mean: 0, max: 0 } }))).toBe('32');
  });
});

test('every metric that a task measures is explained', () => {
  const measured = tasks.flatMap((task) => Object.values(task.protocols).flatMap((p) => [...p.metrics]));
  expect(measured.filter((metric) => MEANING[metric] === undefined)).toEqual([]);
});
