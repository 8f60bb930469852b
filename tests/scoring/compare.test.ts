import { expect, test } from 'vitest';
import { compareScores } from '../../src/scoring/compare.ts';
import type { Scored } from '../../src/types.ts';

const scored = (...logprobs: number[]): Scored => ({
  logprobs: Float32Array.from(logprobs),
  hits: logprobs.map(() => true),
});

test('tokens, mean and largest difference over all requests', () => {
  const difference = compareScores([scored(-1, -2), scored(-4)], [scored(-1, -2.5), scored(-3)]);
  expect(difference).toEqual({ tokens: 3, mean: 0.5, max: 1 });
});

test('a log-probability that is not a number, or is missing, differs infinitely', () => {
  expect(compareScores([scored(-1)], [scored(Number.NaN)]).max).toBe(Infinity);
  expect(compareScores([scored(-Infinity)], [scored(-Infinity)]).max).toBe(Infinity);
  expect(compareScores([scored(-1), scored(-1)], [scored(-1)]).max).toBe(Infinity);
  expect(compareScores([], [])).toEqual({ tokens: 0, mean: 0, max: 0 });
});
