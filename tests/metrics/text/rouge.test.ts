import { expect, test } from 'vitest';
import { rouge } from '../../../src/metrics/text/rouge.ts';
import { vectors } from '../../helpers/text-vectors.ts';

test.each(vectors.rouge)('%j against %j', (reference, prediction, one, two, longest) => {
  const found = rouge(reference, prediction);
  expect(found.rouge1).toBeCloseTo(one, 14);
  expect(found.rouge2).toBeCloseTo(two, 14);
  expect(found.rougeL).toBeCloseTo(longest, 14);
});

test('by hand: words that stemming would join stay apart, and order counts for L only', () => {
  // 4 of 5 and 6 words; "the cat" is the only common pair of 4 and 5; "the cat mat" is common in order.
  const found = rouge('The cat sat: on MAT!', 'the cat sits mat 2 on');
  expect(found.rouge1).toBeCloseTo((2 * 4) / (5 + 6), 14);
  expect(found.rouge2).toBeCloseTo((2 * 1) / (4 + 5), 14);
  expect(found.rougeL).toBeCloseTo((2 * 3) / (5 + 6), 14);
});
