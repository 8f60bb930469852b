import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textReader } from '../../src/overlap/text-reader.ts';
import { hashWord, isBoundary, LONGEST_WORD, type WordSink, wordsOf } from '../../src/overlap/words.ts';
import { plainWords } from './brute-force.ts';

function collector(): { readonly sink: WordSink; readonly words: string[] } {
  const words: string[] = [];
  const sink: WordSink = {
    words: new Uint8Array(2 * LONGEST_WORD),
    from: 7,
    onWord(length, hash) {
      const bytes = sink.words.slice(sink.from, sink.from + length);
      expect(hashWord(bytes, 0, length)).toBe(hash);
      sink.from = (sink.from + 3) % LONGEST_WORD;
      words.push(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
    },
  };
  return { sink, words };
}

function readAs(pieces: readonly Uint8Array[]): string[] {
  const { sink, words } = collector();
  const reader = textReader(sink);
  for (const piece of pieces) reader.push(piece);
  reader.end();
  return words;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const SAMPLES = [
  "I'm going to; didn't we'll",
  'Crème brûlée, Straße, ŒUVRE, façade; 2×3÷4',
  'e\u0301te\u0301 a\u030A A\u0308B caf\u00e9\u0301',
  'ΌΔΟΣ ΟΔΟΣ. Σ ΑΣ’α ΑΣ α Σ:Σ "ΣΑΣ"',
  'a<\u0338b a=\u0338b a>\u0338 \u0301b',
  'İstanbul ıI \u212A \u2126 ﬁne Ⅷ ² ½ ªº µ',
  '中文，沒有空格。日本語のテキスト 한국어 각',
  'नमस्ते दुनिया हिन्दी',
  'don’t “quote” — dash … a\u00a0b\u00adc\u200dd',
  '\ufeffBOM first, 𝐁old 𐐀 👩‍🚀 end',
  '',
  '   ',
];

test.each(SAMPLES)('%j has the same words however it is cut into pieces', (text) => {
  const expected = plainWords(text);
  const bytes = bytesOf(text);
  expect(wordsOf(text)).toEqual(expected);
  expect(readAs([bytes])).toEqual(expected);
  for (let i = 0; i <= bytes.length; i++) {
    expect(readAs([bytes.subarray(0, i), bytes.subarray(i)])).toEqual(expected);
  }
  expect(readAs(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)))).toEqual(expected);
});

test('random texts of awkward characters have the words of the definition', () => {
  const character = fc.constantFrom(
    ..." \n,.':^`<=>-_azAZ09éÉßẞñ×÷«ªº²½ΣσςΑα\u0301\u0308\u0338\u0345\u200d\u00ad’“—İıкКſ中文각ᄀ\u1161가\u0600\ufeff𝐁".match(
      /./gsu,
    )!,
    ...['\ud835', 'Å', 'Ω'],
  );
  fc.assert(
    fc.property(fc.array(character, { maxLength: 24 }), fc.nat(80), (characters, cut) => {
      const bytes = bytesOf(characters.join(''));
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
      expect(readAs([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(plainWords(text));
    }),
    { numRuns: 5000 },
  );
});

test('every character of one and two bytes and of the punctuation block is read as the definition has it', () => {
  for (let code = 0; code < 0x2100; code++) {
    const text = `a${String.fromCodePoint(code)}Z ${String.fromCodePoint(code)}`;
    expect(readAs([bytesOf(text)]), code.toString(16)).toEqual(plainWords(text));
  }
});

test('bytes that are no UTF-8 separate', () => {
  const broken = Uint8Array.from([
    ...[0x61, 0xc3, 0x28, 0x62, 0x20, 0xe2, 0x80, 0x41, 0x20],
    ...[0x63, 0xff, 0x64, 0xc2, 0x20, 0xf0, 0x9d, 0x90, 0x65],
  ]);
  expect(readAs([broken])).toEqual(plainWords(new TextDecoder().decode(broken)));
});

test('no mark composes with what a text may be cut behind, and lower-casing never looks across it', () => {
  const marks = Array.from({ length: 0x500 }, (_, i) => String.fromCodePoint(0x300 + i));
  for (let byte = 0; byte < 0x80; byte++) {
    const c = String.fromCharCode(byte);
    if (!isBoundary(byte)) continue;
    for (const mark of marks) expect((c + mark).normalize('NFC').startsWith(c)).toBe(true);
    expect(`ΑΣ${c}Α`.toLowerCase()).toBe(`ας${c}α`);
    expect(`Α${c}Σ`.toLowerCase()).toBe(`α${c}σ`);
  }
});

test('a word that is longer than the longest kept is one word', () => {
  const long = 'x'.repeat(LONGEST_WORD + 5);
  const lengths: number[] = [];
  const sink: WordSink = {
    ...{ words: new Uint8Array(LONGEST_WORD), from: 0 },
    onWord: (length) => lengths.push(length),
  };
  const reader = textReader(sink);
  reader.push(bytesOf(`${long} a ${long}é中`));
  reader.end();
  expect(lengths).toEqual([long.length, 1, long.length + 5]);
});
