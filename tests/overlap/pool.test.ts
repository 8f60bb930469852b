import { describe, expect, test } from 'vitest';
import { poolFacts } from '../../src/evaluate/pool.ts';
import { poolOverlap } from '../../src/overlap/pool.ts';
import { random } from '../../src/stats/random.ts';
import type { PromptProtocol, Task } from '../../src/task.ts';
import type { Example } from '../../src/types.ts';
import { plainGrams, plainSet } from './brute-force.ts';

const words = (source: ReturnType<typeof random>, n: number): string =>
  Array.from({ length: n }, () => 'abcd'[source.below(4)]).join(' ');

function brutePool(texts: readonly string[], pool: readonly string[], ngram: number): object {
  const isFound = (gram: string): boolean => plainSet(pool, gram.split(' ').length).has(gram);
  const grams = new Set(texts.flatMap((text) => plainGrams(text, ngram)));
  return {
    grams: grams.size,
    matched: [...grams].filter(isFound).length,
    dirty: texts.filter((text) => plainGrams(text, ngram).some(isFound)).length,
  };
}

describe('a test set in its own train split', () => {
  test('is what plain sets count, over random texts of a small alphabet', () => {
    for (let trial = 0; trial < 200; trial++) {
      const source = random('pool', trial);
      const texts = Array.from({ length: 6 }, () => words(source, 1 + source.below(20)));
      const pool = Array.from({ length: 8 }, () => words(source, source.below(30)));
      const ngram = 1 + source.below(5);
      const items = texts.map((text, i) => ({ id: String(i), fields: { text } }));
      const test = { task: 't', dataset_sha256: '', ngram, items };
      expect(poolOverlap(test, pool), `trial ${trial}`).toEqual({ ngram, ...brutePool(texts, pool, ngram) });
    }
  });
});

describe('facts of a pool', () => {
  interface Question extends Example {
    readonly text: string;
  }
  const protocol = {
    kind: 'span',
    context: (e: Question) => `Q: ${e.text}`,
    continuation: () => ' yes',
    shot: (e: Question) => `Q: ${e.text} yes`,
  } as unknown as PromptProtocol<Example>;
  const task = { name: 't', protocols: { own: protocol }, protocol: 'own' } as unknown as Task;
  const asked = (...texts: string[]): Question[] => texts.map((text, i) => ({ id: String(i), text }));
  const long = 'one two three four five six seven eight nine';

  test('count questions of another split word for word, whatever their case, and 8-grams', () => {
    const scored = asked('Is it so?', long, 'no');
    const pool = asked('is  IT so?', `zero ${long} ten`);
    // "q one .. seven" to "two .. nine" and the answer behind it; the short items whole.
    expect(poolFacts(task, protocol, scored, { examples: pool, apart: true })).toEqual({
      examples: 2,
      duplicates: 1,
      ngram: 8,
      grams: expect.any(Number),
      matched: expect.any(Number),
      dirty: 2,
    });
  });

  test('of the same split count other items only', () => {
    const scored = asked('a', 'b', 'B', 'c');
    expect(poolFacts(task, protocol, scored, { examples: scored, apart: false })).toEqual({
      examples: 4,
      duplicates: 2,
    });
    // Where an item is scored that is no shot, one like it is enough.
    expect(
      poolFacts(task, protocol, scored.slice(0, 2), { examples: scored.slice(2), apart: false }),
    ).toEqual({
      examples: 2,
      duplicates: 1,
    });
  });
});
