import { LONGEST_WORD } from './words.ts';

/** The words of a test set, numbered from 0; open addressing over [hash, number + 1] pairs. */
export interface Vocabulary {
  readonly slots: Int32Array;
  /** Word i is bytes[starts[i]..starts[i + 1]], in lower-cased UTF-8. */
  readonly starts: Int32Array;
  readonly hashes: Int32Array;
  readonly bytes: Uint8Array;
}

/** The number of the word that lies in `words` from `from`, or -1. Never mistakes a word for another of the same hash. */
export function findWord(
  { slots, starts, bytes }: Pick<Vocabulary, 'slots' | 'starts' | 'bytes'>,
  words: Uint8Array,
  from: number,
  length: number,
  hash: number,
): number {
  const mask = slots.length / 2 - 1;
  for (let slot = spread(hash) & mask; ; slot = (slot + 1) & mask) {
    const found = (slots[2 * slot + 1] as number) - 1;
    if (found < 0) return -1;
    if (slots[2 * slot] !== hash) continue;
    const start = starts[found] as number;
    if ((starts[found + 1] as number) - start !== length) continue;
    // What lies beyond the longest word that is kept is told by length and hash alone.
    const compared = length < LONGEST_WORD ? length : LONGEST_WORD;
    let i = 0;
    while (i < compared && bytes[start + i] === words[from + i]) i++;
    if (i === compared) return found;
  }
}

function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

/** A vocabulary that grows. */
export interface VocabularyBuilder {
  /** A word's number, a new one where it has none yet. */
  intern(words: Uint8Array, from: number, length: number, hash: number): number;
  /** The hash of a word of this number. */
  hashOf(number: number): number;
  build(): Vocabulary;
}

export function vocabularyBuilder(): VocabularyBuilder {
  let slots = new Int32Array(1 << 13);
  let starts = new Int32Array(1 << 12);
  let hashes = new Int32Array(starts.length);
  let bytes = new Uint8Array(1 << 16);
  let size = 0;
  const put = (hash: number, number: number): void => {
    const mask = slots.length / 2 - 1;
    let slot = spread(hash) & mask;
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
  return {
    intern(words, from, length, hash) {
      const known = findWord({ slots, starts, bytes }, words, from, length, hash);
      if (known >= 0) return known;
      const start = starts[size] as number;
      if (start + length > bytes.length) bytes = enlarged(bytes, 2 * (start + length));
      if (size + 2 > starts.length) {
        starts = enlarged(starts, 2 * starts.length);
        hashes = enlarged(hashes, starts.length);
      }
      bytes.set(words.subarray(from, from + Math.min(length, LONGEST_WORD)), start);
      hashes[size] = hash;
      starts[size + 1] = start + length;
      put(hash, size);
      size++;
      if (4 * size > slots.length) grow();
      return size - 1;
    },
    hashOf: (number) => hashes[number] as number,
    build: () => ({
      slots: share(slots),
      starts: share(starts.subarray(0, size + 1)),
      hashes: share(hashes.subarray(0, size)),
      bytes: share(bytes.subarray(0, starts[size] as number)),
    }),
  };
}

type Typed = Int32Array | Uint8Array;

/** A copy with room for more. */
export function enlarged<T extends Typed>(array: T, length: number): T {
  const larger = new (array.constructor as new (length: number) => T)(length);
  larger.set(array);
  return larger;
}

/** A copy in memory that threads share. */
export function share<T extends Typed>(array: T): T {
  const make = array.constructor as new (buffer: SharedArrayBuffer) => T;
  const shared = new make(new SharedArrayBuffer(array.byteLength));
  shared.set(array);
  return shared;
}
