import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bestChoice, type ChoiceScore, choiceCredit, lengthOf, TIE } from '../../src/metrics/normalise.ts';

const score = (logprob: number, tokens = 1, characters = tokens, bytes = characters): ChoiceScore => ({
  logprob,
  tokens,
  characters,
  bytes,
});

test('each normalisation divides by its own length; the sum by nothing', () => {
  const own = score(-12, 3, 4, 6);
  expect((['sum', 'token', 'character', 'byte'] as const).map((by) => lengthOf(own, by))).toEqual([
    1, 3, 4, 6,
  ]);
});

test('normalisations disagree where they should', () => {
  // By sum the first, by token the second, by character the third, by byte the fourth.
  const scores = [score(-10, 2, 2, 2), score(-12, 12, 3, 3), score(-14, 3, 14, 4), score(-15, 3, 3, 30)];
  expect((['sum', 'token', 'character', 'byte'] as const).map((by) => bestChoice(scores, by).best)).toEqual([
    0, 1, 2, 3,
  ]);
});

describe('ties', () => {
  test('within 2e-4 nats of the best: 1/m each; beyond: nothing', () => {
    expect(TIE).toBe(2e-4);
    const scores = [score(-5), score(-5 - 1.9e-4), score(-5 - 2.1e-4), score(-5.0001), score(-9)];
    expect(bestChoice(scores, 'sum')).toEqual({ best: 0, tied: [0, 1, 3] });
    expect(scores.map((_, gold) => choiceCredit(scores, gold, 'sum'))).toEqual([1 / 3, 1 / 3, 0, 1 / 3, 0]);
  });

  test('are counted from the best alone, not from one to the next', () => {
    const chain = [score(-5 - 3e-4), score(-5 - 1.5e-4), score(-5)];
    expect(bestChoice(chain, 'sum')).toEqual({ best: 2, tied: [1, 2] });
  });

  test('equal scores: the first is the prediction, as in lm-eval, and all tie', () => {
    const scores = [score(-7), score(-3), score(-3), score(-3)];
    expect(bestChoice(scores, 'sum')).toEqual({ best: 1, tied: [1, 2, 3] });
    expect(bestChoice([score(0), score(0)], 'sum').tied).toEqual([0, 1]);
  });

  test('the bound is on sums of log-probabilities: divided by a length it shrinks', () => {
    // 1.5e-5 a token apart over 10 tokens: sums 1.5e-4 apart. 1.5e-4 a token apart: sums 1.5e-3 apart.
    const near = [score(-20, 10), score(-20 - 1.5e-4, 10)];
    const far = [score(-20, 10), score(-20 - 1.5e-3, 10)];
    expect(bestChoice(near, 'token').tied).toEqual([0, 1]);
    expect(bestChoice(far, 'token').tied).toEqual([0]);
    // A shorter choice may move by more when divided: its bound is the wider one.
    expect(bestChoice([score(-10, 10), score(-2 - 2.2e-4, 2)], 'token').tied).toEqual([0]);
    expect(bestChoice([score(-10, 10), score(-2 - 1.8e-4, 2)], 'token').tied).toEqual([0, 1]);
  });

  test('whatever the scores: the best ties with itself, and the credits of all choices add up to 1', () => {
    const scores = fc.array(
      fc
        .tuple(fc.integer({ min: -40, max: 0 }), fc.integer({ min: 1, max: 9 }))
        .map(([steps, length]) => score(-3 + steps * 5e-5, length)),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(scores, fc.constantFrom('sum', 'token', 'byte', 'character'), (list, by) => {
        const { best, tied } = bestChoice(list, by);
        const values = list.map((s) => s.logprob / lengthOf(s, by));
        expect(values[best]).toBe(Math.max(...values));
        expect(tied).toContain(best);
        const credits = list.map((_, gold) => choiceCredit(list, gold, by));
        expect(credits.reduce((sum, c) => sum + c, 0)).toBeCloseTo(1, 12);
        for (const [i, credit] of credits.entries()) expect(credit > 0).toBe(tied.includes(i));
      }),
    );
  });
});
