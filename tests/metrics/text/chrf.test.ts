import { expect, test } from 'vitest';
import { CHRF_SIGNATURE, chrfCounts, chrfScore } from '../../../src/metrics/text/chrf.ts';
import { summed, vectors } from '../../helpers/text-vectors.ts';

test.each(vectors.chrf)(
  'chrF equals sacrebleu: $name',
  ({ hypotheses, references, counts, score, signature }) => {
    const found = hypotheses.map((hypothesis, i) =>
      chrfCounts(
        hypothesis,
        references.map((set) => set[i]!),
      ),
    );
    expect(found).toEqual(counts);
    expect(chrfScore(summed(found))).toBeCloseTo(score, 12);
    if (references.length === 1) expect(CHRF_SIGNATURE).toBe(signature);
  },
);

test('a character is a code point, and white space is none', () => {
  expect(chrfCounts('😀 😀', ['😀\u3000x']).slice(0, 6)).toEqual([2, 2, 1, 1, 1, 0]);
});
