import { random, shuffled } from '../../src/stats/random.ts';

type Words = readonly string[];

/** The demo's whole vocabulary: few words, so that a model of 0.1 million parameters can know them all. */
const list = (words: string): Words => words.split(' ');

export const NAMES: Words = list(
  'Anna Ben Cleo Dora Emil Finn Greta Hugo Ida Jon Kira Leo Mona Nils Olga Paul Rosa Sven Tilda Ute',
);
export const THINGS: Words = list(
  'lamp key book hat drum rope coin bell cup ring map knife chair brush flag box kite pen sack vase broom clock nail shoe',
);
export const ANIMALS: Words = list(
  'fox cat dog hen owl goat bear crow duck frog mole toad hare wolf swan pig',
);
export const FOODS: Words = list(
  'bread cheese soup rice plum jam pear corn milk salt tea cake beans honey apple nut',
);
export const PLACES: Words = list('mill barn shop well tower harbour garden school bridge cave');
export const COLOURS: Words = list('red blue green black white brown grey pink');
export const VERBS: Words = list('sees finds hides paints feeds draws greets follows');

/** Words without a meaning: they get one in each episode. */
export const NONCE: Words = invent('nonce', 40, (d) => d('bdfgklmnprstvz') + d('aeiou') + d('bdgkmnpxz'));

/** The words of Zuvian: the same meaning in every episode, so that they can be learnt by heart. */
const MEANINGS = [...VERBS, ...COLOURS, ...ANIMALS, ...THINGS.slice(0, 16)];
const ZUVIAN = invent('zuvian', MEANINGS.length, (d) => d('bdgklmnprtvz') + d('aeiou') + d('lrvz') + d('ao'));
export const zuvian: Readonly<Record<string, string>> = Object.fromEntries(
  MEANINGS.map((word, i) => [word, ZUVIAN[i] as string]),
);

function invent(kind: string, count: number, make: (draw: (letters: string) => string) => string): string[] {
  const source = random('demo', 'words', kind);
  const known = new Set<string>([
    ...NAMES,
    ...THINGS,
    ...ANIMALS,
    ...FOODS,
    ...PLACES,
    ...COLOURS,
    'let',
    'God',
  ]);
  const words: string[] = [];
  while (words.length < count) {
    const word = make((letters) => letters[source.below(letters.length)] as string);
    if (known.has(word)) continue;
    known.add(word);
    words.push(word);
  }
  return words;
}

/** Draws from one stream of random numbers. */
export interface Draw {
  pick<T>(from: readonly T[]): T;
  /** Distinct members in random order. */
  some<T>(from: readonly T[], count: number): T[];
  /** A whole number from `low` to `high`. */
  from(low: number, high: number): number;
  chance(p: number): boolean;
  /** From 0 to 1. */
  next(): number;
}

export function drawer(...key: readonly (string | number)[]): Draw {
  const source = random('demo', ...key);
  return {
    pick: <T>(from: readonly T[]): T => from[source.below(from.length)] as T,
    some: <T>(from: readonly T[], count: number): T[] =>
      [...shuffled(from.length, source)].slice(0, count).map((i) => from[i] as T),
    from: (low, high) => low + source.below(high - low + 1),
    chance: (p) => source.next() < p,
    next: () => source.next(),
  };
}
