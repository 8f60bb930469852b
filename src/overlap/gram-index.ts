import { enlarged, share, type Vocabulary, vocabularyBuilder } from './vocabulary.ts';
import { LONGEST_WORD, readWords, type WordSink } from './words.ts';

/** The longest n-gram that may be asked for. */
export const LONGEST_GRAM = 100;
/** Grams of at least so many words are looked for by a few of their last ones; see matcher.ts. */
const LONG = 8;
/** Words of a probe: how many are looked up together in the filter. */
export const PROBE = 5;
/** Entries of `shortEnds`, a power of two: it shall stay in the processor's cache. */
const SHORT_ENDS = 1 << 17;
/** Bits of a bit array an entry. */
const FILTER_BITS = 16;

/**
 * The n-grams of a test set, of several n, numbered from 0 and each there once. All arrays are shared memory: threads
 * that scan have one index in common. About 13 bytes a gram, 4 a word of the test set, and the vocabulary.
 */
export interface GramIndex {
  readonly vocabulary: Vocabulary;
  /** By the upper bits of a word's hash: bit n (1 to 7) where an n-gram ends with a word of these. */
  readonly shortEnds: Uint8Array;
  /** The n below LONG that there are, and the others, both ascending. */
  readonly shortLengths: readonly number[];
  readonly longLengths: readonly number[];
  /** Bit arrays of hashes: of the short grams, of the last words of the long ones, and of the probes within those. */
  readonly shortGrams: Int32Array;
  readonly tails: Int32Array;
  readonly probes: Int32Array;
  /** Open addressing over [hash, number + 1] pairs. */
  readonly slots: Int32Array;
  /** Gram g is the `lengths[g]` words from words[offsets[g]]. */
  readonly offsets: Int32Array;
  readonly lengths: Uint8Array;
  readonly words: Int32Array;
  readonly size: number;
}

/** A gram's hash is that of a polynomial in its words' hashes, so that it rolls: see matcher.ts. */
export const BASE = 0x2c1b3c6d;
export const BASE_POWERS: Int32Array = Int32Array.from({ length: LONGEST_GRAM + 1 });
BASE_POWERS[0] = 1;
for (let i = 1; i <= LONGEST_GRAM; i++) BASE_POWERS[i] = Math.imul(BASE_POWERS[i - 1] as number, BASE);

/** The hash of a gram of n words from their polynomial's value. */
export function finish(polynomial: number, n: number): number {
  let hash = polynomial ^ Math.imul(n, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x297a2d39);
  return hash ^ (hash >>> 15);
}

/** What the grams of a text are: `count` numbers in `grams` from `first`. */
export interface TextGrams {
  readonly first: number;
  readonly count: number;
}

/** Takes the texts of a test set in. */
export interface GramIndexBuilder {
  /** The words of a text, by number. */
  words(text: string): Int32Array;
  /**
   * Indexes the n-grams of a text, or the whole of a shorter one. No words give no gram.
   * @returns where the gram of each place stands in `grams`
   */
  add(words: Int32Array, n: number): TextGrams;
  build(): { readonly index: GramIndex; readonly grams: Int32Array };
}

export function gramIndexBuilder(): GramIndexBuilder {
  const vocabulary = vocabularyBuilder();
  let store = new Int32Array(1 << 16);
  let stored = 0;
  let grams = new Int32Array(1 << 16);
  let placed = 0;
  let slots = new Int32Array(1 << 17);
  let offsets = new Int32Array(1 << 15);
  let lengths = new Uint8Array(1 << 15);
  let size = 0;

  const read: number[] = [];
  const sink: WordSink = {
    words: new Uint8Array(LONGEST_WORD),
    from: 0,
    onWord(length, hash) {
      read.push(vocabulary.intern(sink.words, 0, length, hash));
    },
  };
  const encoder = new TextEncoder();

  const put = (hash: number, number: number): void => {
    const mask = slots.length / 2 - 1;
    let slot = hash & mask;
    while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask;
    slots[2 * slot] = hash;
    slots[2 * slot + 1] = number + 1;
  };
  const grow = (): void => {
    const former = slots;
    slots = new Int32Array(former.length * 2);
    for (let i = 0; i < former.length; i += 2) {
      if (former[i + 1] !== 0) put(former[i] as number, (former[i + 1] as number) - 1);
    }
  };
  /** The number of the gram whose words are stored from `offset`. */
  const intern = (offset: number, n: number, hash: number): number => {
    const known = findGram({ slots, offsets, lengths, words: store }, store, offset, n, hash);
    if (known >= 0) return known;
    if (size === offsets.length) {
      offsets = enlarged(offsets, 2 * size);
      lengths = enlarged(lengths, 2 * size);
    }
    offsets[size] = offset;
    lengths[size] = n;
    put(hash, size);
    size++;
    if (4 * size > slots.length) grow();
    return size - 1;
  };

  return {
    words(text) {
      read.length = 0;
      // A boundary at the end lets the reader see the last word whole.
      const bytes = encoder.encode(`${text}\n`);
      readWords(bytes, bytes.length, sink);
      return Int32Array.from(read);
    },
    add(words, n) {
      if (words.length === 0) return { first: placed, count: 0 };
      const length = Math.min(n, words.length);
      const count = words.length - length + 1;
      while (stored + words.length > store.length) store = enlarged(store, 2 * store.length);
      while (placed + count > grams.length) grams = enlarged(grams, 2 * grams.length);
      store.set(words, stored);
      for (let i = 0; i < count; i++) {
        const hash = hashOf(words, i, length, vocabulary.hashOf);
        grams[placed + i] = intern(stored + i, length, hash);
      }
      stored += words.length;
      placed += count;
      return { first: placed - count, count };
    },
    build() {
      const words = share(store.subarray(0, stored));
      const table = { offsets: share(offsets.subarray(0, size)), lengths: share(lengths.subarray(0, size)) };
      const built = vocabulary.build();
      return {
        index: {
          vocabulary: built,
          ...table,
          words,
          slots: share(slots),
          size,
          ...summary(table, words, built),
        },
        grams: grams.slice(0, placed),
      };
    },
  };
}

/** What lets the matcher pass over most words quickly. */
function summary(
  { offsets, lengths }: Pick<GramIndex, 'offsets' | 'lengths'>,
  words: Int32Array,
  { hashes }: Vocabulary,
): Omit<GramIndex, 'vocabulary' | 'slots' | 'offsets' | 'lengths' | 'words' | 'size'> {
  const all = [...new Set(lengths)].sort((a, b) => a - b);
  const longLengths = all.filter((n) => n >= LONG);
  const shortLengths = all.filter((n) => n < LONG);
  const shorts = lengths.reduce((sum, n) => sum + (n < LONG ? 1 : 0), 0);
  const shortGrams = bitArray(shorts);
  const shortEnds = share(new Uint8Array(SHORT_ENDS));
  const [tails, probes] = [bitArray(lengths.length - shorts), bitArray(lengths.length - shorts)];
  const pivot = longLengths[0] ?? LONG;
  const hashOfWord = (word: number): number => hashes[word] as number;
  const stride = probeStride(longLengths);
  for (let gram = 0; gram < lengths.length; gram++) {
    const n = lengths[gram] as number;
    const last = (offsets[gram] as number) + n - 1;
    if (n < LONG) {
      const place = placeOf(shortEnds, hashOfWord(words[last] as number));
      shortEnds[place] = (shortEnds[place] as number) | (1 << n);
      setBit(shortGrams, hashOf(words, last - n + 1, n, hashOfWord));
      continue;
    }
    setBit(tails, hashOf(words, last - pivot + 1, pivot, hashOfWord));
    for (let end = last - stride + 1; end <= last; end++)
      setBit(probes, hashOf(words, end - PROBE + 1, PROBE, hashOfWord));
  }
  return { shortEnds, shortGrams, tails, probes, shortLengths, longLengths };
}

/**
 * Of the last words of a long gram there are so many probes, one of which ends at a multiple of this: only there must
 * the matcher look.
 */
export function probeStride(longLengths: readonly number[]): number {
  return (longLengths[0] ?? LONG) - PROBE + 1;
}

function bitArray(entries: number): Int32Array {
  const bits = Math.max(6, Math.ceil(Math.log2(Math.max(1, entries) * FILTER_BITS)));
  return share(new Int32Array(2 ** (Math.min(bits, 31) - 5)));
}

/** The place of a word in `shortEnds`. */
export function placeOf(shortEnds: Uint8Array, hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> (Math.clz32(shortEnds.length) + 1);
}

/** The word of a hash in a bit array of two words or more: its upper bits, for its lower ones choose the slot. */
function wordOf(bits: Int32Array, hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> (Math.clz32(bits.length) + 1);
}

/** A hash has two bits of one word: as few false hits as two places of the memory give, nearly, for one look. */
function bitsOf(hash: number): number {
  return (1 << hash) | (1 << (hash >>> 5));
}

function setBit(bits: Int32Array, hash: number): void {
  const word = wordOf(bits, hash);
  bits[word] = (bits[word] as number) | bitsOf(hash);
}

/** False where nothing of this hash is there; true mostly where it is. */
export function hasBit(bits: Int32Array, hash: number): boolean {
  const wanted = bitsOf(hash);
  return ((bits[wordOf(bits, hash)] as number) & wanted) === wanted;
}

function hashOf(words: Int32Array, from: number, n: number, hashOfWord: (word: number) => number): number {
  let polynomial = 0;
  for (let i = from; i < from + n; i++) {
    polynomial = (Math.imul(polynomial, BASE) + hashOfWord(words[i] as number)) | 0;
  }
  return finish(polynomial, n);
}

/** The number of the gram whose n words lie in `numbers` from `at`, or -1. Words are compared, not hashes alone. */
export function findGram(
  { slots, offsets, lengths, words }: Pick<GramIndex, 'slots' | 'offsets' | 'lengths' | 'words'>,
  numbers: Int32Array,
  at: number,
  n: number,
  hash: number,
): number {
  const mask = slots.length / 2 - 1;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const found = (slots[2 * slot + 1] as number) - 1;
    if (found < 0) return -1;
    if (slots[2 * slot] !== hash || lengths[found] !== n) continue;
    const offset = offsets[found] as number;
    let i = 0;
    while (i < n && words[offset + i] === numbers[at + i]) i++;
    if (i === n) return found;
  }
}
