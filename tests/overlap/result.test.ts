import { describe, expect, test } from 'vitest';
import { createMatcher } from '../../src/overlap/matcher.ts';
import { createTally, type OverlapResult } from '../../src/overlap/result.ts';
import type { ScannedFile } from '../../src/overlap/scan.ts';
import { gpt3Ngram, indexTestSet, type TestSet, type TestTask } from '../../src/overlap/test-set.ts';
import { textReader } from '../../src/overlap/text-reader.ts';

/** Words that are their own names. */
const words = (letter: string, n: number): string =>
  Array.from({ length: n }, (_, i) => `${letter}${i}`).join(' ');

const task = (ngram: number, ...fields: readonly Record<string, string>[]): TestTask => ({
  task: 'made',
  dataset_sha256: 'x',
  ngram,
  items: fields.map((own, i) => ({ id: String(i), fields: own })),
});

function scan(testSet: TestSet, path: string, documents: readonly string[]): ScannedFile {
  const matcher = createMatcher(testSet.index);
  const reader = textReader(matcher);
  for (const [i, document] of documents.entries()) {
    matcher.document(i + 1);
    reader.push(Buffer.from(document));
    reader.end();
  }
  const file = { path, format: 'jsonl', packed: null, bytes: 1, modified: 0 } as const;
  return { file, documents: documents.length, bytes: 1, findings: matcher.take() };
}

function resultOf(
  tasks: readonly TestTask[],
  files: Record<string, readonly string[]>,
  ignoreCommon = false,
): OverlapResult {
  const testSet = indexTestSet(tasks);
  const tally = createTally(testSet);
  for (const [path, documents] of Object.entries(files)) tally.add(scan(testSet, path, documents));
  return tally.result('gpt3', ignoreCommon);
}

const fieldsOf = (result: OverlapResult): unknown => result.items.map((item) => item.fields);

describe('fields are looked for apart', () => {
  const example = { context: words('c', 10), question: words('q', 9), answer: 'yes' };

  test('a passage that is found is no question that leaked', () => {
    const result = resultOf([task(8, example)], { a: [`x ${words('c', 10)} y`] });
    expect(fieldsOf(result)).toEqual([
      {
        context: { grams: 3, matched: 3 },
        question: { grams: 2, matched: 0 },
        answer: { grams: 1, matched: 0 },
      },
    ]);
    expect(result.tasks).toEqual([{ task: 'made', ngram: 8, n: 1, dirty: 1 }]);
  });

  test('a short answer counts where it follows its question, and nowhere else', () => {
    const own = (document: string): unknown =>
      (fieldsOf(resultOf([task(8, example)], { a: [document] })) as object[])[0];
    expect(own('yes')).toMatchObject({ answer: { grams: 1, matched: 0 } });
    expect(own(`${words('q', 9)}? Yes.`)).toMatchObject({
      question: { grams: 2, matched: 2 },
      answer: { grams: 1, matched: 1 },
    });
    expect(own(`${words('q', 9)} no`)).toMatchObject({ answer: { grams: 1, matched: 0 } });
  });

  test('an example that is shorter as a whole is looked for whole', () => {
    const short = task(
      8,
      { context: 'a b', answer: 'c' },
      { context: 'a b', answer: '' },
      { context: '', answer: '' },
    );
    expect(fieldsOf(resultOf([short], { a: ['x a b y', 'a b c'] }))).toEqual([
      { context: { grams: 0, matched: 0 }, answer: { grams: 1, matched: 1 } },
      { context: { grams: 0, matched: 0 }, answer: { grams: 1, matched: 1 } },
      { context: { grams: 0, matched: 0 }, answer: { grams: 0, matched: 0 } },
    ]);
    expect(fieldsOf(resultOf([short], { a: ['a b d c'] }))).toMatchObject([
      { answer: { matched: 0 } },
      {},
      {},
    ]);
  });

  test('an empty answer to a long question adds no gram', () => {
    expect(fieldsOf(resultOf([task(8, { question: words('q', 12), answer: '' })], {}))).toEqual([
      { question: { grams: 5, matched: 0 }, answer: { grams: 0, matched: 0 } },
    ]);
  });
});

test('the first five places are told, by file and document, in whatever order the files end', () => {
  const text = words('c', 3);
  const files = { b: ['', text, text], c: [text, text, text], a: ['', '', '', text] };
  const forwards = resultOf([task(3, { text })], files);
  const backwards = resultOf([task(3, { text })], Object.fromEntries(Object.entries(files).reverse()));
  expect(forwards).toEqual(backwards);
  expect(forwards.items[0]?.where).toEqual([
    { file: 'a', document: 4, text: 'c0 c1 c2' },
    { file: 'b', document: 2, text: 'c0 c1 c2' },
    { file: 'b', document: 3, text: 'c0 c1 c2' },
    { file: 'c', document: 1, text: 'c0 c1 c2' },
    { file: 'c', document: 2, text: 'c0 c1 c2' },
  ]);
  expect(forwards.corpus).toEqual({ files: 3, bytes: 3, documents: 10 });
});

test('n-grams of more than ten documents are counted and may be left out', () => {
  const common = words('c', 3);
  const rare = words('r', 3);
  const items = task(3, { text: common }, { text: rare });
  const files = {
    a: [...Array(6).fill(common), rare],
    b: [...Array(5).fill(common), ...Array(9).fill(rare)],
  };
  expect(resultOf([items], files).items.map((item) => item.dirty)).toEqual([true, true]);
  expect(resultOf([items], files, true).items.map((item) => item.dirty)).toEqual([false, true]);
  const testSet = indexTestSet([items]);
  const tally = createTally(testSet);
  for (const [path, documents] of Object.entries(files)) tally.add(scan(testSet, path, documents));
  expect(tally.common()).toBe(1);
});

test('what a broken file had is forgotten', () => {
  const testSet = indexTestSet([task(3, { text: words('c', 3) })]);
  const matcher = createMatcher(testSet.index);
  const reader = textReader(matcher);
  matcher.document(1);
  reader.push(Buffer.from(`${words('c', 3)} `));
  expect(matcher.take().grams).toHaveLength(1);
  matcher.document(1);
  reader.push(Buffer.from(`${words('c', 3)} `));
  expect(matcher.take()).toEqual({
    grams: Uint32Array.of(0),
    documents: Uint32Array.of(1),
    places: Uint32Array.of(1),
  });
});

test('the key of a test set changes with its texts, its ids, its n', () => {
  const key = (...tasks: TestTask[]): string => indexTestSet(tasks).key;
  const one = task(8, { text: 'a' });
  expect(key(one)).toBe(key(task(8, { text: 'a' })));
  expect(
    new Set([key(one), key(task(9, { text: 'a' })), key(task(8, { text: 'b' })), key(one, one)]).size,
  ).toBe(4);
});

test('N is the 5th percentile of the length in words, from 8 to 13; word scrambling has its own', () => {
  const lengths = (...all: number[]): string[] => all.map((n) => words('w', n));
  const twenty = Array(19).fill(30) as number[];
  expect(gpt3Ngram('any', lengths(3, ...twenty))).toBe(13);
  expect(gpt3Ngram('any', lengths(3, 3, ...twenty))).toBe(8);
  expect(gpt3Ngram('any', lengths(3, 11, ...twenty))).toBe(11);
  expect(gpt3Ngram('any', [`${'— '.repeat(500)}${words('w', 10)}`])).toBe(10);
  expect(gpt3Ngram('scramble-anagrams1', lengths(30))).toBe(2);
  expect(gpt3Ngram('scramble-random-insertion', lengths(30))).toBe(7);
});
