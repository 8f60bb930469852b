import { describe, expect, test } from 'vitest';
import { pairRuns } from '../../src/check/pair.ts';
import { items, storedCell, storedRun } from '../helpers/stored-run.ts';

const base = storedCell(items(4));
const other = (differs: Partial<typeof base>) => storedRun([{ ...base, ...differs }], { path: 'runs/b' });

describe('what is not comparable is refused with one sentence', () => {
  test.each([
    [
      'a cell that is lacking',
      other({ shots: 5 }),
      /anli-r1 at k = 0 is in the baseline runs\/a and not in the candidate/,
    ],
    [
      'another version',
      other({ task: { ...base.task, version: 2 } }),
      /version is 1 in the baseline and 2 in the candidate/,
    ],
    [
      'other data',
      other({ task: { ...base.task, dataset_sha256: 'f'.repeat(64) } }),
      /dataset_sha256 is c{12} in the baseline and f{12}/,
    ],
    ['another protocol', other({ task: { ...base.task, protocol: 'gpt3' } }), /protocol is lm-eval/],
    ['another metric', other({ primary: 'acc_norm' }), /primary is acc in the baseline and acc_norm/],
    [
      'another window',
      other({ window: { context: 64, stride: 64 } }),
      /window is none in the baseline and 64/,
    ],
    [
      'fewer items',
      other({ items: items(3) }),
      /4 items in the baseline and 3 in the candidate, of which 3 are the same/,
    ],
    ['other items', other({ items: items(4, (i) => ({ id: `x${i}` })) }), /of which 0 are the same/],
    [
      'another prompt',
      other({ items: items(4, (i) => (i === 2 ? { prompt: 'q' } : {})) }),
      /item item-2 is asked with another prompt \(its wording differs\)/,
    ],
    [
      'an unscored item',
      other({ items: items(4, (i) => (i === 1 ? { unscored: 'too long' } : {})) }),
      /item item-1 is scored in the baseline and not in the candidate \(too long\)/,
    ],
    ['nothing scored', other({ items: [] }), /has no items in the candidate/],
  ])('%s', (_, candidate, sentence) => {
    expect(() => pairRuns(storedRun([base]), candidate)).toThrow(sentence);
    expect(() => pairRuns(storedRun([base]), candidate)).toThrow(/^not comparable: [^\n]+[^.\n]$/);
  });
});

test('a part of the items is enough where that is meant', () => {
  const paired = pairRuns(storedRun([base]), other({ items: items(3) }), { part: true });
  expect(paired.cells[0]?.items.length).toBe(3);
});

test('what the baseline could not score is left out, and more cells are told', () => {
  const before = storedCell(items(4, (i) => (i === 0 ? { unscored: 'too long' } : {})));
  const after = storedRun([base, { ...base, shots: 1 }]);
  const paired = pairRuns(storedRun([before]), after);
  expect(paired.cells[0]?.items.map((pair) => pair.before.id)).toEqual(['item-1', 'item-2', 'item-3']);
  expect(paired.notes).toEqual(['Not in the baseline, and so not compared: anli-r1 at k = 1.']);
});

test('other tokenizers and precisions are told, not refused', () => {
  const after = storedRun([base]);
  const [model] = after.spec.models;
  const spec = { ...after.spec, dtype: 'int8' as const, models: [{ ...model!, tokenizer_sha256: 'other' }] };
  expect(pairRuns(storedRun([base]), { ...after, spec }).notes).toEqual([
    'The tokenizers differ: log-probabilities are counted per token of the baseline.',
    'The baseline was computed on cpu in fp32, the candidate on cpu in int8.',
  ]);
});
