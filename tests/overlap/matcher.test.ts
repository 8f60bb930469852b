import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BASE, type GramIndex, gramIndexBuilder, type TextGrams } from '../../src/overlap/gram-index.ts';
import { createMatcher, type Findings } from '../../src/overlap/matcher.ts';
import { textReader } from '../../src/overlap/text-reader.ts';
import { hashWord, LONGEST_WORD } from '../../src/overlap/words.ts';
import { random } from '../../src/stats/random.ts';
import { plainGrams, plainSet, plainWords } from './brute-force.ts';

interface Text {
  readonly text: string;
  readonly n: number;
}

function indexOf(texts: readonly Text[]): {
  readonly index: GramIndex;
  readonly grams: Int32Array;
  readonly places: readonly TextGrams[];
} {
  const builder = gramIndexBuilder();
  const places = texts.map(({ text, n }) => builder.add(builder.words(text), n));
  return { ...builder.build(), places };
}

function scan(index: GramIndex, documents: readonly string[], piece = 7): Findings {
  const matcher = createMatcher(index);
  const reader = textReader(matcher);
  for (const [i, document] of documents.entries()) {
    matcher.document(i + 1);
    const bytes = new TextEncoder().encode(document);
    for (let at = 0; at < bytes.length; at += piece) reader.push(bytes.subarray(at, at + piece));
    reader.end();
  }
  return matcher.take();
}

/** By text, whether the gram at each of its places was found. */
function foundIn(texts: readonly Text[], documents: readonly string[], piece?: number): boolean[][] {
  const { index, grams, places } = indexOf(texts);
  const found = new Set(scan(index, documents, piece).grams);
  return places.map(({ first, count }) => [...grams.subarray(first, first + count)].map((g) => found.has(g)));
}

const alphabet = ['a', 'b', 'A', 'é', 'e\u0301', 'Σ', '中'];
const separators = [' ', ' ', '. ', '’', '\n', '<', "'"];
const text = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(fc.constantFrom(...alphabet), fc.constantFrom(...separators)), { maxLength })
    .map((parts) => parts.flat().join(''));

describe('what is found is what plain sets find', () => {
  test.each([1, 2, 3, 7, 8, 9, 13])('random texts over a small alphabet, n = %i', (n) => {
    fc.assert(
      fc.property(
        fc.array(text(20), { maxLength: 6 }),
        fc.array(text(60), { maxLength: 4 }),
        fc.integer({ min: 1, max: 9 }),
        (tests, documents, piece) => {
          const expected = tests.map((t) => {
            const grams = plainGrams(t, n);
            const own = plainSet(documents, Math.min(n, plainWords(t).length));
            return grams.map((gram) => own.has(gram));
          });
          expect(
            foundIn(
              tests.map((t) => ({ text: t, n })),
              documents,
              piece,
            ),
          ).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('texts of several n at once', () => {
    const two = fc.record({ text: text(30), n: fc.constantFrom(2, 7, 8, 9, 13, 40) });
    fc.assert(
      fc.property(
        fc.array(two, { minLength: 1, maxLength: 8 }),
        fc.array(text(200), { maxLength: 3 }),
        (tests, documents) => {
          const expected = tests.map((t) => {
            const own = plainSet(documents, Math.min(t.n, plainWords(t.text).length));
            return plainGrams(t.text, t.n).map((gram) => own.has(gram));
          });
          expect(foundIn(tests, documents, 64)).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });
});

test.each([
  { ns: [1], long: 0 },
  { ns: [2, 7], long: 0 },
  { ns: [8], long: 0 },
  { ns: [9, 13], long: 0 },
  { ns: [3, 8, 100], long: 0 },
  // Words whose bytes fill a block before their number does.
  { ns: [2, 8], long: 700 },
])(
  'what is found does not depend on where blocks of words end: $ns, words of $long bytes',
  ({ ns, long }) => {
    const source = random('blocks', ...ns, long);
    const names = long > 0 ? ['x'.repeat(long), 'y'.repeat(LONGEST_WORD + 3)] : ['a', 'b', 'É', '中'];
    const draw = (n: number): string =>
      Array.from({ length: n }, () => names[source.below(12)] ?? names[source.below(2)]).join(' ');
    for (let round = 0; round < 2; round++) {
      const documents = long > 0 ? [draw(1200)] : [draw(5000), draw(30), draw(2048 + source.below(120))];
      const tests = ns.flatMap((n) =>
        documents.flatMap((document) => {
          const words = document.split(' ');
          return Array.from({ length: 60 }, () => {
            const from = source.below(words.length);
            const own = words.slice(from, from + n + 3);
            return { text: [...own, ...draw(2).split(' ')].join(' '), n };
          });
        }),
      );
      const expected = tests.map((t) => {
        const own = plainSetOf(documents, Math.min(t.n, plainWords(t.text).length));
        return plainGrams(t.text, t.n).map((gram) => own.has(gram));
      });
      expect(foundIn(tests, documents, 4096)).toEqual(expected);
      const all = expected.flat();
      expect(all.filter(Boolean).length).toBeGreaterThan(all.length / 10);
    }
  },
);

test.each([
  [1, 0],
  [2, 0],
  [7, 0],
  [8, 0],
  [13, 0],
  [100, 0],
  [2, 700],
  [8, 700],
])('every %i-gram of a text is found in the text, words %i bytes longer than their numbers', (n, longer) => {
  const text = Array.from({ length: longer > 0 ? 1500 : 7000 }, (_, i) => `${'x'.repeat(longer)}${i}`).join(
    ' ',
  );
  const found = foundIn([{ text, n }], [text], 4096)[0] as boolean[];
  expect(found.indexOf(false)).toBe(-1);
  // The same without one word in the middle of each of its blocks.
  const cut = text
    .split(' ')
    .filter((_, i) => i % 1000 !== 500)
    .join(' ');
  const expected = plainSet([cut], n);
  expect(foundIn([{ text, n }], [cut], 4096)[0]).toEqual(
    plainGrams(text, n).map((gram) => expected.has(gram)),
  );
});

test('a gram across the end of a block is found where nothing else was looked up', () => {
  const names = Array.from({ length: 4500 }, (_, i) => `n${i}`);
  for (let from = 2035; from < 2055; from++) {
    const own = names.slice(from, from + 8).join(' ');
    expect(foundIn([{ text: own, n: 8 }], [names.join(' ')])[0], `${from}`).toEqual([true]);
  }
});

const sets = new Map<readonly string[], Map<number, Set<string>>>();
/** As plainSet, each set once. */
function plainSetOf(documents: readonly string[], n: number): Set<string> {
  const known = sets.get(documents) ?? new Map<number, Set<string>>();
  sets.set(documents, known);
  const set = known.get(n) ?? plainSet(documents, n);
  known.set(n, set);
  return set;
}

test('grams are counted by document, with the first documents that hold them', () => {
  const { index } = indexOf([{ text: 'one two three', n: 2 }]);
  const documents = ['x', 'one two; one TWO', 'two three', ...Array(7).fill('One, two.')];
  expect(scan(index, documents)).toEqual({
    grams: Uint32Array.from([0, 1]),
    documents: Uint32Array.from([8, 1]),
    places: Uint32Array.from([2, 4, 5, 6, 7, 3]),
  });
});

test('a gram does not cross from one document into the next, nor over a word that the test set lacks', () => {
  const texts = [{ text: 'one two three', n: 3 }];
  expect(foundIn(texts, ['one two', 'three'])).toEqual([[false]]);
  expect(foundIn(texts, ['one two other three'])).toEqual([[false]]);
});

const PASSAGE =
  'The old lighthouse keeper climbed the narrow stairs every evening, counting each step aloud in his own quiet way.';

test.each([
  ['as it is', PASSAGE],
  ['in capitals', PASSAGE.toUpperCase()],
  ['without punctuation', PASSAGE.replace(/[.,]/g, '')],
  ['with other white space', PASSAGE.replace(/ /g, '\r\n\t ')],
  ['with marks in place of spaces', PASSAGE.replace(/ /g, '—')],
])('a planted leak is found %s', (_, leak) => {
  const found = foundIn([{ text: PASSAGE, n: 8 }], [`Something else before. ${leak} And after.`])[0]!;
  expect(found.every(Boolean)).toBe(true);
});

test('a paraphrase is not found', () => {
  const paraphrase =
    'Every evening the aged keeper of the lighthouse would climb its narrow staircase and count the steps out loud.';
  expect(foundIn([{ text: PASSAGE, n: 8 }], [paraphrase])[0]).not.toContain(true);
});

describe('what has the same hash is told apart', () => {
  test('words', () => {
    const hash = (word: string): number => hashWord(new TextEncoder().encode(word), 0, word.length);
    expect(hash('costarring')).toBe(hash('liquid'));
    expect(foundIn([{ text: 'costarring', n: 1 }], ['liquid'])).toEqual([[false]]);
    expect(foundIn([{ text: 'costarring liquid', n: 1 }], ['liquid'])).toEqual([[false, true]]);
  });

  test('n-grams', () => {
    const names = Array.from({ length: 600 }, (_, i) => `w${i}`);
    const hashes = names.map((name) => hashWord(new TextEncoder().encode(name), 0, name.length));
    const seen = new Map<number, string>();
    const pairs: (readonly [string, string])[] = [];
    for (const [i, a] of hashes.entries()) {
      for (const [k, b] of hashes.entries()) {
        const hash = (Math.imul(a, BASE) + b) | 0;
        const [words, other] = [`${names[i]} ${names[k]}`, seen.get(hash)];
        if (other !== undefined) pairs.push([other, words]);
        seen.set(hash, words);
      }
    }
    expect(pairs.length).toBeGreaterThan(0);
    // Behind equal hashes of two words the same others make equal hashes of more.
    for (const tail of ['w0', 'w0 w1 w2 w3 w4 w5 w6 w7 w8']) {
      const n = 2 + tail.split(' ').length;
      for (const [one, other] of pairs) {
        const texts = [
          { text: names.join(' '), n: 1 },
          { text: `${one} ${tail}`, n },
        ];
        expect(foundIn(texts, [`${other} ${tail}`])[1]).toEqual([false]);
        expect(foundIn(texts, [`${one} ${tail}`])[1]).toEqual([true]);
      }
    }
  });
});
