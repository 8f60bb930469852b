import { expect, test } from 'vitest';
import { confusionOf, f1Binary, mcc, pearson, spearman } from '../../src/metrics/correlation.ts';
import { vectors } from '../helpers/text-vectors.ts';

test.each(vectors.labels)('labels %j against %j equal scikit-learn', (predictions, golds, wanted, f1) => {
  expect(mcc(confusionOf(predictions, golds, 1))).toBeCloseTo(wanted, 14);
  expect(f1Binary(predictions, golds, 1)).toBeCloseTo(f1, 14);
});

test.each(vectors.correlations)('%j with %j equals scipy', (x, y, r, rho) => {
  if (r === null || rho === null) {
    expect([pearson(x, y), spearman(x, y)]).toEqual([Number.NaN, Number.NaN]);
    return;
  }
  expect(pearson(x, y)).toBeCloseTo(r, 12);
  expect(spearman(x, y)).toBeCloseTo(rho, 14);
});

test('every label but the positive one is negative', () => {
  expect(confusionOf(['a', 'b', 'c', 'a', 'c'], ['a', 'a', 'b', 'b', 'a'], 'a')).toEqual({
    tp: 1,
    fp: 1,
    fn: 2,
    tn: 1,
  });
});
