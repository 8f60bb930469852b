import {
  BASE,
  BASE_POWERS,
  filterBit,
  findGram,
  finish,
  type GramIndex,
  LONGEST_GRAM,
  wordValue,
} from './gram-index.ts';
import { findWord } from './vocabulary.ts';
import { LONGEST_WORD, type WordSink } from './words.ts';

/** Documents of a file in which a gram's places are kept. */
export const MOST_PLACES = 5;

/** What was found in a file: grams ascending, each with the number of documents that hold it. */
export interface Findings {
  readonly grams: Uint32Array;
  readonly documents: Uint32Array;
  /** The first documents of each gram, at most MOST_PLACES of them, one gram's behind the other's. */
  readonly places: Uint32Array;
}

/** Compares the words of documents with the grams of an index. Its memory does not grow with what is read. */
export interface Matcher extends WordSink {
  /** Begins a document: no gram crosses into it. */
  document(number: number): void;
  /** What was found since the last call; begins anew. */
  take(): Findings;
}

const RING = 128;

export function createMatcher(index: GramIndex): Matcher {
  const { vocabulary, ends, shortLengths, longLengths, filter } = index;
  const pivot = longLengths[0] ?? LONGEST_GRAM;
  const pivotPower = BASE_POWERS[pivot] as number;
  const word = new Uint8Array(LONGEST_WORD);
  /** The last words that the vocabulary knows, and the polynomial's value up to each. */
  const ring = new Int32Array(RING);
  const values = new Int32Array(RING);
  let [at, value, run] = [0, 0, 0];

  /** By gram: the last document that has it, and how many have it in this file. */
  const last = new Uint32Array(index.size);
  const counts = new Uint32Array(index.size);
  let found = new Uint32Array(1 << 10);
  let size = 0;
  let current = 0;
  /** A gram's first document unless it is number 1, as it mostly is in files of one, and its later ones. */
  let first = new Map<number, number>();
  let later = new Map<number, number[]>();

  const mark = (gram: number): void => {
    if (last[gram] === current) return;
    last[gram] = current;
    const count = (counts[gram] as number) + 1;
    counts[gram] = count;
    if (count === 1) {
      if (size === found.length) {
        const larger = new Uint32Array(2 * size);
        larger.set(found);
        found = larger;
      }
      found[size++] = gram;
      if (current !== 1) first.set(gram, current);
    } else if (count <= MOST_PLACES) {
      const known = later.get(gram);
      if (known) known.push(current);
      else later.set(gram, [current]);
    }
  };
  const look = (n: number, hash: number): void => {
    const gram = findGram(index, ring, (at - n + 1) & (RING - 1), RING, n, hash);
    if (gram >= 0) mark(gram);
  };
  /** Of the last n words. */
  const polynomial = (n: number): number =>
    (value - Math.imul(values[(at - n) & (RING - 1)] as number, BASE_POWERS[n] as number)) | 0;
  const passes = (hash: number): boolean => {
    const bit = filterBit(filter, hash);
    return ((filter[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
  };

  return {
    word,
    document(number) {
      run = 0;
      current = number;
    },
    onWord(length, hash) {
      const number = findWord(vocabulary, word, length, hash);
      if (number < 0) {
        run = 0;
        return;
      }
      run++;
      at = (at + 1) & (RING - 1);
      value = (Math.imul(value, BASE) + wordValue(number)) | 0;
      ring[at] = number;
      values[at] = value;
      const end = ends[number] as number;
      if (end === 0) return;
      if ((end & 1) !== 0 && run >= pivot) {
        const before = values[(at - pivot) & (RING - 1)] as number;
        const tail = finish((value - Math.imul(before, pivotPower)) | 0, pivot);
        if (passes(tail)) {
          for (const n of longLengths) {
            if (n <= run) look(n, finish(polynomial(n), n));
          }
        }
      }
      if (end === 1) return;
      for (const n of shortLengths) {
        if (n > run || (end & (1 << n)) === 0) continue;
        const own = finish(polynomial(n), n);
        if (passes(own)) look(n, own);
      }
    },
    take() {
      const grams = found.slice(0, size).sort();
      const places: number[] = [];
      const documents = Uint32Array.from(grams, (gram) => {
        places.push(first.get(gram) ?? 1, ...(later.get(gram) ?? []));
        return counts[gram] as number;
      });
      for (const gram of grams) counts[gram] = last[gram] = 0;
      [size, current, run, first, later] = [0, 0, 0, new Map(), new Map()];
      return { grams, documents, places: Uint32Array.from(places) };
    },
  };
}
