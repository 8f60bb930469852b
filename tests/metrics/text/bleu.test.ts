import { describe, expect, test } from 'vitest';
import { bleuCounts, bleuScore, bleuSignature } from '../../../src/metrics/text/bleu.ts';
import { tokenize13a, tokenizeIntl } from '../../../src/metrics/text/bleu-tokenizers.ts';
import { PYTHON_SPACE } from '../../../src/space.ts';
import { summed, vectors } from '../../helpers/text-vectors.ts';

const cutRight = (line: string): string => line.replace(new RegExp(`[${PYTHON_SPACE}]+$`), '');

test.each(vectors.tokenised)('%j is cut as sacrebleu cuts it', (line, thirteen, international) => {
  expect(tokenize13a(cutRight(line))).toEqual(thirteen);
  expect(tokenizeIntl(cutRight(line))).toEqual(international);
});

describe('BLEU equals sacrebleu', () => {
  test.each(vectors.bleu)(
    '$name',
    ({ hypotheses, references, tokenizer, smoothing, counts, score, signature }) => {
      const found = hypotheses.map((hypothesis, i) =>
        bleuCounts(
          hypothesis,
          references.map((set) => set[i]!),
          tokenizer,
        ),
      );
      expect(found).toEqual(counts);
      expect(bleuScore(summed(found), smoothing)).toBeCloseTo(score, 12);
      expect(bleuSignature(references.length, tokenizer, smoothing)).toBe(signature);
    },
  );
});

test('trailing white space is cut before tokenising: a full stop behind a year stays with it in intl', () => {
  expect(bleuCounts('In 1999. \u00a0\t', ['In 1999.'], 'intl')).toEqual(
    bleuCounts('In 1999.', ['In 1999.'], 'intl'),
  );
  expect(tokenizeIntl('In 1999.')).toEqual(['In', '1999.']);
});

test('multi-bleu.perl by hand: 5, 3, 2 and 1 of 6, 5, 4 and 3 n-grams, no smoothing, brevity exp(1 - 7/6)', () => {
  const counts = bleuCounts('a b c d x y', ['a b c d e f y'], 'none');
  expect(counts).toEqual([5, 3, 2, 1, 6, 5, 4, 3, 6, 7]);
  const precision = ((5 / 6) * (3 / 5) * (2 / 4) * (1 / 3)) ** (1 / 4);
  expect(bleuScore(counts, 'none')).toBeCloseTo(100 * Math.exp(1 - 7 / 6) * precision, 12);
});

test('one order without a match: 0 unsmoothed, half a match with exp', () => {
  const counts = bleuCounts('a b c x y', ['a b c d e'], 'none');
  expect(counts.slice(0, 8)).toEqual([3, 2, 1, 0, 5, 4, 3, 2]);
  expect(bleuScore(counts, 'none')).toBe(0);
  expect(bleuScore(counts, 'exp')).toBeCloseTo(
    100 * ((3 / 5) * (2 / 4) * (1 / 3) * (0.5 / 2)) ** (1 / 4),
    12,
  );
});
