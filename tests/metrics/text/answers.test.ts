import { describe, expect, test } from 'vitest';
import { coqaScores } from '../../../src/metrics/text/coqa.ts';
import { exactMatch, triviaqaNormalise } from '../../../src/metrics/text/em.ts';
import { quacScore } from '../../../src/metrics/text/quac.ts';
import { bestOf, normaliseAnswer, squadEm, squadF1 } from '../../../src/metrics/text/squad.ts';
import { vectors } from '../../helpers/text-vectors.ts';

test.each(vectors.squad)('SQuAD: %j against %j', (prediction, gold, normalised, em, f1) => {
  expect(normaliseAnswer(prediction)).toBe(normalised);
  expect(squadEm(prediction, gold)).toBe(em);
  expect(squadF1(prediction, gold)).toBeCloseTo(f1, 14);
});

test('SQuAD: the best of several references, 0 where there is none', () => {
  expect(bestOf('a red barn', ['blue', 'red house', 'the barn'], squadF1)).toBeCloseTo(2 / 3, 14);
  expect(bestOf('x', [], squadF1)).toBe(0);
});

test.each(vectors.coqa)('CoQA: %j against %j', (prediction, golds, em, f1) => {
  const found = coqaScores(prediction, golds);
  expect(found.em).toBeCloseTo(em, 14);
  expect(found.f1).toBeCloseTo(f1, 14);
});

test.each(vectors.quac)('QuAC: %j against %j', (prediction, golds, f1, humanF1) => {
  const found = quacScore(prediction, golds);
  expect(found.f1).toBeCloseTo(f1, 14);
  expect(found.humanF1).toBeCloseTo(humanF1, 14);
});

describe('QuAC by hand', () => {
  test('CANNOTANSWER is matched by the very same word', () => {
    expect(quacScore('CANNOTANSWER', ['CANNOTANSWER', 'a barn']).f1).toBe(1);
    expect(quacScore('cannotanswer', ['CANNOTANSWER', 'a barn']).f1).toBe(0);
    expect(quacScore('CANNOTANSWER', ['CANNOTANSWER', 'a barn', 'the barn']).f1).toBe(0);
  });

  test('people who disagree have a low F1', () => {
    // red-blue 1/2, red-green 0, blue-red 1/2, green-anything 0
    expect(quacScore('x', ['red barn', 'blue barn', 'green']).humanF1).toBeCloseTo(1 / 3, 14);
  });
});

describe("TriviaQA's exact match", () => {
  test.each(vectors.triviaqa)('%j', (text, normalised) => {
    expect(triviaqaNormalise(text)).toBe(normalised);
  });

  test('any of the accepted answers', () => {
    expect(exactMatch("The Rock'n'Roll", ['jazz', 'rock n roll'], triviaqaNormalise)).toBe(1);
    expect(exactMatch("The Rock'n'Roll", ['jazz', 'rocknroll'], triviaqaNormalise)).toBe(0);
    expect(exactMatch('U.S.', ['the us'], normaliseAnswer)).toBe(1);
    expect(exactMatch('x', [], normaliseAnswer)).toBe(0);
  });
});
