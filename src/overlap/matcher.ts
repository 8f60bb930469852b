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

/** Words that are looked at together, and room for their bytes. */
const BLOCK = 2048;
const ROOM = 4 * LONGEST_GRAM * LONGEST_WORD;
/** A word that was not looked up yet. */
const UNKNOWN = -2;

/**
 * Most words are not looked up. Words have hashes, and their last PROBE ones a hash that rolls: at every few words that
 * is looked for among the probes, and only around a place where it may be are words looked up and grams compared. A
 * block of words is probed in one go, so that the processor waits for several places of the memory at a time.
 */
export function createMatcher(index: GramIndex): Matcher {
  const { vocabulary, shortEnds, shortGrams, shortLengths, longLengths, tails, probes } = index;
  const pivot = longLengths[0] ?? LONGEST_GRAM;
  const longest = longLengths.at(-1) ?? 0;
  const stride = probeStride(longLengths);
  const probePower = BASE_POWERS[PROBE] as number;
  /** Of the block's words: bytes, where they begin, length, hash, number. */
  const words = new Uint8Array(ROOM + LONGEST_WORD);
  const starts = new Int32Array(BLOCK);
  const sizes = new Int32Array(BLOCK);
  const hashes = new Int32Array(BLOCK);
  const numbers = new Int32Array(BLOCK);
  /** The polynomial's value before each word, and behind the last. */
  const values = new Int32Array(BLOCK + 1);
  const hits = new Int32Array(BLOCK);
  /** Words in the block, those of them that were looked at before, and where the next probe ends. */
  let [filled, known, probe] = [0, 0, PROBE - 1];
  /** The last place that a probe has opened. */
  let open = -1;

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
  /** The number of a word of the block, or -1. */
  const numberOf = (place: number): number => {
    if (numbers[place] === UNKNOWN) {
      const [start, length] = [starts[place] as number, sizes[place] as number];
      numbers[place] = findWord(vocabulary, words, start, length, hashes[place] as number);
    }
    return numbers[place] as number;
  };
  /** How many words up to a place, `most` at most, the vocabulary has. */
  const run = (place: number, most: number): number => {
    let n = 0;
    while (n < most && numberOf(place - n) >= 0) n++;
    return n;
  };
  /** Of the n words up to a place. */
  const hashOf = (place: number, n: number): number => {
    const before = Math.imul(values[place + 1 - n] as number, BASE_POWERS[n] as number);
    return finish(((values[place + 1] as number) - before) | 0, n);
  };
  const look = (place: number, n: number): void => {
    const gram = findGram(index, numbers, place - n + 1, n, hashOf(place, n));
    if (gram >= 0) mark(gram);
  };
  const lookLong = (place: number): void => {
    if (place + 1 < pivot || !hasBit(tails, hashOf(place, pivot))) return;
    const most = run(place, Math.min(place + 1, longest));
    for (const n of longLengths) if (n <= most) look(place, n);
  };
  const lookShort = (place: number, end: number): void => {
    for (const n of shortLengths) {
      if (n > place + 1 || (end & (1 << n)) === 0) continue;
      if (hasBit(shortGrams, hashOf(place, n)) && run(place, n) === n) look(place, n);
    }
  };
  const lookAll = (): void => {
    if (longest > 0) {
      let found = 0;
      for (; probe < filled; probe += stride) {
        const before = Math.imul(values[probe + 1 - PROBE] as number, probePower);
        // Without a branch: the next probe need not wait for this one.
        hits[found] = probe;
        found += hasBit(probes, finish(((values[probe + 1] as number) - before) | 0, PROBE)) ? 1 : 0;
      }
      for (let place = known; place <= open && place < filled; place++) lookLong(place);
      for (let i = 0; i < found; i++) {
        const hit = hits[i] as number;
        open = hit + stride - 1;
        for (let place = hit; place <= open && place < filled; place++) lookLong(place);
      }
    }
    if (shortLengths.length > 0) {
      for (let place = known; place < filled; place++) {
        const end = shortEnds[placeOf(shortEnds, hashes[place] as number)] as number;
        if (end !== 0) lookShort(place, end);
      }
    }
    known = filled;
  };
  /** Keeps the words that a gram may begin with, at the block's front. */
  const shift = (): void => {
    const gone = filled - Math.min(filled, LONGEST_GRAM);
    const bytes = starts[gone] as number;
    for (const array of [starts, sizes, hashes, numbers]) array.copyWithin(0, gone, filled);
    values.copyWithin(0, gone, filled + 1);
    words.copyWithin(0, bytes, matcher.from);
    matcher.from -= bytes;
    [filled, known, probe, open] = [filled - gone, known - gone, probe - gone, open - gone];
    for (let i = 0; i < filled; i++) starts[i] = (starts[i] as number) - bytes;
  };

  const matcher: Matcher = {
    words,
    from: 0,
    document(number) {
      lookAll();
      [filled, known, probe, open, matcher.from] = [0, 0, PROBE - 1, -1, 0];
      current = number;
    },
    onWord(length, hash) {
      starts[filled] = matcher.from;
      sizes[filled] = length;
      hashes[filled] = hash;
      numbers[filled] = UNKNOWN;
      values[filled + 1] = (Math.imul(values[filled] as number, BASE) + hash) | 0;
      matcher.from += length < LONGEST_WORD ? length : LONGEST_WORD;
      filled++;
      if (filled < BLOCK && matcher.from <= ROOM) return;
      lookAll();
      shift();
    },
    take() {
      matcher.document(0);
      const grams = found.slice(0, size).sort();
      const places: number[] = [];
      const documents = Uint32Array.from(grams, (gram) => {
        places.push(first.get(gram) ?? 1, ...(later.get(gram) ?? []));
        return counts[gram] as number;
      });
      for (const gram of grams) counts[gram] = last[gram] = 0;
      [size, first, later] = [0, new Map(), new Map()];
      return { grams, documents, places: Uint32Array.from(places) };
    },
  };
  return matcher;
}
