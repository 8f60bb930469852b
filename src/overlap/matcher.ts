import {
  BASE,
  BASE_POWERS,
  findGram,
  finish,
  type GramIndex,
  hasBit,
  LONGEST_GRAM,
  PROBE,
  placeOf,
  probeStride,
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

/** Places of the ring of the last words: more than LONGEST_GRAM. */
const RING = 128;
/** Room for the words of the ring and one more, wherever it begins. */
const ROOM = 2 * RING * LONGEST_WORD;
/** A word that was not looked up yet. */
const UNKNOWN = -2;

/**
 * Most words are not looked up. Words have hashes, and their last PROBE ones a hash that rolls: at every few words that
 * is looked for among the probes, and only around a place where it may be are words looked up and grams compared.
 */
export function createMatcher(index: GramIndex): Matcher {
  const { vocabulary, shortEnds, shortGrams, shortLengths, longLengths, tails, probes } = index;
  const pivot = longLengths[0] ?? LONGEST_GRAM;
  const stride = probeStride(longLengths);
  const probePower = BASE_POWERS[PROBE] as number;
  const hasLong = longLengths.length > 0;
  const hasShort = shortLengths.length > 0;
  /** Of the last words: bytes, where they begin, length, hash, number, and the polynomial's value up to each. */
  const words = new Uint8Array(ROOM + LONGEST_WORD);
  const starts = new Int32Array(RING);
  const sizes = new Int32Array(RING);
  const hashes = new Int32Array(RING);
  const ring = new Int32Array(RING);
  const values = new Int32Array(RING);
  let [at, value] = [0, 0];
  /** Words of the document so far, words to the next probe, and words that may end a gram since the last one. */
  let [read, wait, open] = [0, stride, 0];

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
  /** The number of the word `back` places before the last one, or -1. */
  const numberOf = (back: number): number => {
    const place = (at - back) & (RING - 1);
    if (ring[place] === UNKNOWN) {
      const [start, size] = [starts[place] as number, sizes[place] as number];
      ring[place] = findWord(vocabulary, words, start, size, hashes[place] as number);
    }
    return ring[place] as number;
  };
  /** How many of the last words, `most` at most, the vocabulary has. */
  const run = (most: number): number => {
    let n = 0;
    while (n < most && numberOf(n) >= 0) n++;
    return n;
  };
  /** Of the last n words. */
  const hashOf = (n: number): number => {
    const before = values[(at - n) & (RING - 1)] as number;
    return finish((value - Math.imul(before, BASE_POWERS[n] as number)) | 0, n);
  };
  const look = (n: number, hash: number): void => {
    const gram = findGram(index, ring, (at - n + 1) & (RING - 1), RING, n, hash);
    if (gram >= 0) mark(gram);
  };
  const lookLong = (): void => {
    if (read < pivot || !hasBit(tails, hashOf(pivot))) return;
    const known = run(Math.min(read, longLengths.at(-1) as number));
    for (const n of longLengths) if (n <= known) look(n, hashOf(n));
  };
  const lookShort = (end: number): void => {
    for (const n of shortLengths) {
      if (n > read || (end & (1 << n)) === 0) continue;
      const hash = hashOf(n);
      if (hasBit(shortGrams, hash) && run(n) === n) look(n, hash);
    }
  };

  const matcher: Matcher = {
    words,
    from: 0,
    document(number) {
      [read, open, current] = [0, 0, number];
    },
    onWord(length, hash) {
      at = (at + 1) & (RING - 1);
      starts[at] = matcher.from;
      sizes[at] = length;
      hashes[at] = hash;
      ring[at] = UNKNOWN;
      matcher.from += length < LONGEST_WORD ? length : LONGEST_WORD;
      if (matcher.from > ROOM) matcher.from = 0;
      value = (Math.imul(value, BASE) + hash) | 0;
      values[at] = value;
      read++;
      if (hasLong) {
        if (--wait === 0) {
          wait = stride;
          const before = values[(at - PROBE) & (RING - 1)] as number;
          const probe = finish((value - Math.imul(before, probePower)) | 0, PROBE);
          open = hasBit(probes, probe) ? stride : 0;
        }
        if (open > 0) {
          open--;
          lookLong();
        }
      }
      if (!hasShort) return;
      const end = shortEnds[placeOf(shortEnds, hash)] as number;
      if (end !== 0) lookShort(end);
    },
    take() {
      const grams = found.slice(0, size).sort();
      const places: number[] = [];
      const documents = Uint32Array.from(grams, (gram) => {
        places.push(first.get(gram) ?? 1, ...(later.get(gram) ?? []));
        return counts[gram] as number;
      });
      for (const gram of grams) counts[gram] = last[gram] = 0;
      [size, current, first, later] = [0, 0, new Map(), new Map()];
      return { grams, documents, places: Uint32Array.from(places) };
    },
  };
  return matcher;
}
