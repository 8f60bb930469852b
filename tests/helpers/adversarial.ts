import { type Random, random } from '../../src/stats/random.ts';

/** Texts that pull tokenizers apart, each short enough to read. */
export const HARD_TEXTS: readonly string[] = [
  '',
  ' ',
  '  ',
  '\n',
  '\r\n\r\n',
  ' \n \t  x',
  'a  b   c',
  'trailing  ',
  "I'm sure they'll've said it's John's, we'd DON'T 'tis",
  "O'S 'S 'RE ’s 'ſ",
  "''s'''t",
  '2026-01-31 3.14159 1,000,000 007',
  '² ½ Ⅷ ٣٤ १२ 𝟘𝟙',
  'x²y³',
  'naïve café Ångström',
  'nai\u0308ve cafe\u0301',
  'ẞß ŉ ǆ İi ıI',
  '漢字かな交じり文。',
  '한국어 텍스트',
  '𠜎𠜱𠝹 𪚥',
  '👨‍👩‍👧‍👦 👍🏽 🇩🇪 1️⃣ ❤️',
  'שלום עולם \u200fabc\u202e def',
  'مَرْحَبًا بالعالم',
  'नमस्ते दुनिया',
  'a\u00a0b\u2003c\u3000d\u2028e\u2029f',
  'a\u0085b \u0085 c\u0085\u0085',
  'a\x1cb \x1d\x1e \x1f c',
  'a\u200bb \u200b c\ufeffd \ufeff e\u180ef \u180e',
  '\v\f\x00\x01\x7f\x80\x9f',
  '\u0378 \ufffe\uffff \u{10ffff} \ue000 \u{1fffe}',
  '𐐷𝒳𝔘 a𐐷1𝔘',
  '<|endoftext|>',
  'a <|endoftext|><|endoftext|> b',
  '<|endoftext| > |endoftext|>',
  '__proto__ constructor hasOwnProperty toString',
  '{"a": [1, -2.5e3], "b": null}\n',
  'for (let i = 0; i < n; i++) {\n        x += a[i] ** 2; // ~~\n}',
  'https://example.org/a?b=c&d=%20#e',
  '=====-----_____*****',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
];

/** Ranges of code points in which no version of Unicode will put anything new. */
const KINDS: readonly Ranges[] = [
  ranges('20-7e'),
  ranges('0-1f 7f-9f'),
  ranges('a0-24f 1e00-1eff'), // Latin
  ranges('391-3a1 3a3-3ff 400-52f'), // Greek, Cyrillic
  ranges('300-36f 20d0-20e3 fe00-fe0f'), // marks, variation selectors
  ranges('30-39 b2-b3 bc-be 660-669 966-96f 2160-217f 1d7ce-1d7ff'), // digits and other numbers
  ranges('5d0-5ea 5b0-5bd 627-64a 64b-652 200e-200f 202a-202e'), // right to left
  ranges('905-939 93e-94d'), // Devanagari
  ranges('3041-3096 30a1-30fa 4e00-9fa5 ac00-d7a3 3001-3011 ff01-ff5e'),
  ranges('1f300-1f5ff 1f600-1f64f 1f3fb-1f3ff 1f1e6-1f1ff'), // emoji, skin tones, flags
  ranges('10330-1034a 10400-1044f 1d400-1d454 20000-2a6d6'), // astral letters
  ranges('378-379 fdd0-fdef fffe-ffff 1fffe-1ffff e000-e010 10fffe-10ffff'), // no character
  ranges('e0020-e007f e0100-e01ef'), // tags
];
const ASCII = KINDS[0]!;

type Ranges = readonly (readonly [low: number, high: number])[];

function ranges(text: string): Ranges {
  return text.split(' ').map((range) => {
    const [low, high] = range.split('-').map((hex) => Number.parseInt(hex, 16));
    return [low!, high!];
  });
}

/** All that some definition takes for white space, and what only looks like it. */
const SPACES = [
  ...'\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\xa0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008',
  ...'\u2009\u200a\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff',
];
const WORDS = [
  "'s¦'t¦'re¦'ve¦'m¦'ll¦'d¦'S¦'LL¦'Ve¦’s¦'¦''¦'ſ¦n't¦don’t¦1,000.5¦½¦10¦...¦—¦“”¦://¦\r\n¦\n\n¦   ¦\\n¦&nbsp;",
  '<|endoftext|>¦<|endoftext|¦|>¦<|¦__proto__¦constructor¦toString¦hasOwnProperty¦valueOf',
  'the¦The¦Question¦Answer¦antidisestablishmentarianism¦naïve¦Straße¦東京¦привет',
  '👨‍👩‍👧‍👦¦👍🏽¦🇩🇪¦1️⃣¦❤️¦\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}',
].flatMap((words) => words.split('¦'));

/**
 * The same texts on every machine: pieces of all scripts, white spaces, contractions, digits, emoji, code points
 * without a character, names of JavaScript's own; about one in fifty holds a run of 200 to 6,000 equal characters.
 * None has a lone surrogate.
 */
export function adversarialTexts(count: number): string[] {
  const source = random('adversarial', 1);
  return Array.from({ length: count }, () => {
    const pieces = Array.from({ length: 1 + source.below(12) }, () => piece(source));
    if (source.below(50) === 0) {
      const run = character(source).repeat(200 + source.below(5801));
      pieces.splice(source.below(pieces.length + 1), 0, run);
    }
    return pieces.join('');
  });
}

function piece(source: Random): string {
  const choice = source.below(8);
  if (choice === 0) return pick(SPACES, source).repeat(1 + source.below(3));
  if (choice === 1) return ' ';
  if (choice <= 3) return pick(WORDS, source);
  const kind = choice === 4 ? ASCII : pick(KINDS, source);
  return Array.from({ length: 1 + source.below(8) }, () => character(source, kind)).join('');
}

function character(source: Random, kind: Ranges = pick(KINDS, source)): string {
  const [low, high] = pick(kind, source);
  return String.fromCodePoint(low + source.below(high - low + 1));
}

function pick<T>(list: readonly T[], source: Random): T {
  return list[source.below(list.length)]!;
}
