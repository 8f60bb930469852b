import { expect, test } from 'vitest';
import { bestAssignment } from '../../../src/metrics/text/assignment.ts';
import { dropScores } from '../../../src/metrics/text/drop.ts';
import { floatText, pythonFloat } from '../../../src/metrics/text/python-float.ts';
import { random } from '../../../src/stats/random.ts';
import { vectors } from '../../helpers/text-vectors.ts';

test.each(vectors.drop)('DROP: %j against %j', (prediction, golds, em, f1) => {
  expect(dropScores(prediction, golds)).toEqual({ em, f1 });
});

test.each(vectors.numbers)('float(%j) is written as Python writes it', (text, written) => {
  const number = pythonFloat(text);
  expect(number === undefined ? null : floatText(number)).toBe(written);
});

/** By trying every column for the first row, and so on. */
function exhaustive(scores: readonly (readonly number[])[], taken: readonly number[] = []): number {
  const [row, ...rest] = scores;
  if (!row) return 0;
  const used = row.map((score, c) => (taken.includes(c) ? 0 : score + exhaustive(rest, [...taken, c])));
  return Math.max(exhaustive(rest, taken), ...used);
}

test('the best assignment is the best of all, for up to five rows and columns', () => {
  const source = random('assignment', 1);
  for (let i = 0; i < 300; i++) {
    const [rows, columns] = [source.below(6), source.below(6)];
    // Few values, so that many assignments tie.
    const scores = Array.from({ length: rows }, () => Array.from({ length: columns }, () => source.below(5)));
    const found = bestAssignment(scores);
    expect(found).toHaveLength(rows);
    expect(
      found.reduce((sum, score) => sum + score, 0),
      JSON.stringify(scores),
    ).toBe(exhaustive(scores));
  }
});
