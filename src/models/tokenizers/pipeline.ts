import { createHash } from 'node:crypto';
import type { Tokenizer } from '../../types.ts';
import { type AddedToken, addedTokenSplitter } from './added.ts';
import { wellFormed } from './unicode.ts';
import type { ModelJson } from './vocabulary.ts';

/** Pieces whose tokens are remembered, and the longest of them in UTF-16 units. */
const REMEMBERED = 100_000;
const LONGEST = 64;

/** What a tokenizer's vocabulary and rules are read from, beside the added tokens. */
export interface Pipeline {
  readonly model: ModelJson;
  readonly normalizer?: unknown;
  readonly pre_tokenizer?: unknown;
  readonly decoder?: unknown;
}

/** The rules that are the same for every kind of vocabulary. */
export interface Rules {
  readonly added: readonly AddedToken[];
  readonly prefix: number | null;
  readonly startOfText: number | null;
}

/** What differs from one kind of vocabulary to another. */
export interface Kind {
  readonly vocabularySize: number;
  readonly normalise: (text: string) => string;
  /** Appends the ids of a normalised text between added tokens; `isFirst` where the whole text begins with it. */
  encode(part: string, ids: number[], isFirst: boolean): void;
  decode(ids: readonly number[]): string;
}

/** A tokenizer of any kind of vocabulary: added tokens are cut out first, and the prefix stands before all. */
export function assembleTokenizer(json: Pipeline, rules: Rules, kind: Kind): Tokenizer {
  const cut = addedTokenSplitter(rules.added, kind.normalise);
  return {
    vocabularySize: kind.vocabularySize,
    prefix: rules.prefix,
    startOfText: rules.startOfText,
    sha256: createHash('sha256')
      .update(JSON.stringify([json, rules]))
      .digest('hex'),
    encode(text, options) {
      const ids: number[] = [];
      if (rules.prefix !== null && options?.prefix !== false) ids.push(rules.prefix);
      for (const [i, part] of cut(wellFormed(text), options?.special === true).entries()) {
        if (typeof part === 'number') ids.push(part);
        else kind.encode(part, ids, i === 0);
      }
      return ids;
    },
    decode: kind.decode,
  };
}

/** The text of each id: those of the vocabulary, and the added tokens as the normaliser leaves them. */
export function tokenTexts(
  vocabulary: readonly (string | undefined)[],
  added: readonly AddedToken[],
  normalise: (text: string) => string,
): (string | undefined)[] {
  const texts = [...vocabulary];
  for (const token of added) texts[token.id] = token.normalized ? normalise(token.content) : token.content;
  return texts;
}

/** Appends the ids of a piece, remembered from the last time where it is short. */
export function remembering(
  encode: (piece: string) => readonly number[],
): (piece: string, ids: number[]) => void {
  let remembered = new Map<string, readonly number[]>();
  return (piece, ids) => {
    let found = remembered.get(piece);
    if (found === undefined) {
      found = encode(piece);
      if (piece.length <= LONGEST) {
        if (remembered.size >= REMEMBERED) remembered = new Map();
        remembered.set(piece, found);
      }
    }
    for (const id of found) ids.push(id);
  };
}
