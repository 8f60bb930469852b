import { createMatcher } from './matcher.ts';
import { indexTestSet, type TestTask } from './test-set.ts';
import { textReader } from './text-reader.ts';

/** What of a test set stands in the split that its shots come from. */
export interface PoolOverlap {
  /** Words of an n-gram. */
  readonly ngram: number;
  /** Distinct n-grams of the test set, and those of them that the pool has: the table 6 of the GPT-2 paper. */
  readonly grams: number;
  readonly matched: number;
  /** Items with an n-gram that the pool has. */
  readonly dirty: number;
}

/** Looks for a test set in its own train split, a text an example: exact, in one pass over the pool. */
export function poolOverlap(test: TestTask, pool: Iterable<string>): PoolOverlap {
  const { index, grams, tasks } = indexTestSet([test]);
  const matcher = createMatcher(index);
  const reader = textReader(matcher);
  const encoder = new TextEncoder();
  let number = 0;
  for (const text of pool) {
    matcher.document(++number);
    reader.push(encoder.encode(text));
    reader.end();
  }
  const found = new Set(matcher.take().grams);
  const items = tasks[0]?.items ?? [];
  const dirty = items.filter(({ fields }) =>
    Object.values(fields).some(({ first, count }) =>
      grams.subarray(first, first + count).some((gram) => found.has(gram)),
    ),
  );
  return { ngram: test.ngram, grams: index.size, matched: found.size, dirty: dirty.length };
}
