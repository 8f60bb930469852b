/** Receives the words of a text in their order. */
export interface WordSink {
  /** A word's lower-cased UTF-8 bytes are written here from `from` on: LONGEST_WORD of them at most. */
  readonly words: Uint8Array;
  /** May be moved by `onWord`. */
  from: number;
  /** `length` is the word's own, in bytes. */
  onWord(length: number, hash: number): void;
}

/** Bytes of a word that are compared; what a longer one has behind them is told by its length and hash. */
export const LONGEST_WORD = 1024;

/** A maximal run of letters, marks and digits: what OpenAI's released 13-grams have for words. */
const WORD = /[\p{L}\p{M}\p{N}]+/gu;

/** The words of a text as they are defined: those of its NFC in lower case. The byte reader below gives the same. */
export function wordsOf(text: string): string[] {
  return text.normalize('NFC').toLowerCase().match(WORD) ?? [];
}

/**
 * What a byte is. From LETTER on: an ASCII letter or digit, as its lower case. BOUNDARY: an ASCII mark that no
 * character composes with and that lower-casing never looks across, so that a text may be cut behind it; INNER: one
 * where it may not (' . : ^ ` stand within a word for the rule of the final sigma, < = > compose with a stroke).
 */
const [BOUNDARY, INNER, C2, C3, E2, OTHER, LETTER] = [0, 1, 2, 3, 4, 5, 0x30] as const;
const KIND = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (/[0-9A-Za-z]/.test(character)) return character.toLowerCase().charCodeAt(0);
  if (byte < 0x80) return "'.:^`<=>".includes(character) ? INNER : BOUNDARY;
  return byte === 0xc2 ? C2 : byte === 0xc3 ? C3 : byte === 0xe2 ? E2 : OTHER;
});

/** The second bytes of U+0080 to U+00BF and of U+00C0 to U+00FF: SEPARATOR, or 0 for what the slow path looks at. */
const SEPARATOR = 1;
const SECOND_C2 = secondBytes(0x80, () => 0);
/** For a letter, the second byte of its lower case. */
const SECOND_C3 = secondBytes(0xc0, (lower) => (lower.charCodeAt(0) & 0x3f) | 0x80);

function secondBytes(first: number, letter: (lower: string) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    if (byte < 0x80 || byte > 0xbf) return 0;
    const character = String.fromCharCode(first + (byte & 0x3f));
    return wordsOf(character).length > 0 ? letter(character.toLowerCase()) : SEPARATOR;
  });
}

const SEED = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

/** A word's hash from its bytes (FNV-1a), as the reader computes it on its way. */
export function hashWord(bytes: Uint8Array, from: number, length: number): number {
  let hash = SEED;
  for (let i = from; i < from + length; i++) hash = Math.imul(hash ^ (bytes[i] as number), PRIME);
  return hash;
}

/** True where a text may be cut behind the byte. */
export function isBoundary(byte: number): boolean {
  return KIND[byte] === BOUNDARY;
}

/**
 * Reads the words of UTF-8 bytes without making strings of them: ASCII and Latin-1 letters by table; a stretch with
 * anything else between two boundaries is decoded, normalised and lower-cased by the rules of Unicode. Bytes that are
 * no UTF-8 separate. `bytes[end - 1]` must be a boundary.
 */
export function readWords(bytes: Uint8Array, end: number, sink: WordSink): void {
  const { words } = sink;
  let at = 0;
  // The stretch since the last boundary, and its words that have been told already.
  let [stretch, told] = [0, 0];
  while (at < end) {
    let hash = SEED;
    let length = 0;
    let kind: number;
    const { from } = sink;
    for (;;) {
      kind = KIND[bytes[at] as number] as number;
      if (kind >= LETTER) {
        if (length < LONGEST_WORD) words[from + length] = kind;
        length++;
        hash = Math.imul(hash ^ kind, PRIME);
        at++;
        continue;
      }
      if (kind !== C3) break;
      const second = SECOND_C3[bytes[at + 1] as number] as number;
      if (second < 0x80) break;
      if (length + 1 < LONGEST_WORD) {
        words[from + length] = 0xc3;
        words[from + length + 1] = second;
      }
      length += 2;
      hash = Math.imul(Math.imul(hash ^ 0xc3, PRIME) ^ second, PRIME);
      at += 2;
    }
    const width = separatorWidth(bytes, at, kind);
    if (width === 0) {
      // The word just read may go on, or change with what follows: the slow path reads it again.
      do at++;
      while (KIND[bytes[at] as number] !== BOUNDARY);
      readStretch(bytes.subarray(stretch, at), told, sink);
    } else if (length > 0) {
      sink.onWord(length, hash);
      told++;
    }
    if (width === 0 || kind === BOUNDARY) {
      stretch = at + 1;
      told = 0;
      at++;
    } else {
      at += width;
    }
  }
}

/** Bytes of the separator that begins here, or 0 where the slow path must tell what it is. */
function separatorWidth(bytes: Uint8Array, at: number, kind: number): number {
  if (kind <= INNER) return 1;
  const second = bytes[at + 1] as number;
  if (kind === C2) return SECOND_C2[second] === SEPARATOR ? 2 : 0;
  if (kind === C3) return SECOND_C3[second] === SEPARATOR ? 2 : 0;
  // General punctuation, U+2000 to U+203F: spaces, dashes and quotes.
  if (kind === E2 && second === 0x80 && ((bytes[at + 2] as number) & 0xc0) === 0x80) return 3;
  return 0;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Tells the words of a whole stretch but the first few, which are known. */
function readStretch(bytes: Uint8Array, known: number, sink: WordSink): void {
  const words = wordsOf(decoder.decode(bytes));
  for (let i = known; i < words.length; i++) {
    const found = words[i] as string;
    if (found.length * 3 <= LONGEST_WORD) {
      const { written } = encoder.encodeInto(found, sink.words.subarray(sink.from));
      sink.onWord(written, hashWord(sink.words, sink.from, written));
      continue;
    }
    const whole = encoder.encode(found);
    sink.words.set(whole.subarray(0, LONGEST_WORD), sink.from);
    sink.onWord(whole.length, hashWord(whole, 0, whole.length));
  }
}
