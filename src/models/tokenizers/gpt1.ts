import { UserError } from '../../errors.ts';
import type { Tokenizer } from '../../types.ts';
import { assembleTokenizer, type Pipeline, type Rules, remembering, tokenTexts } from './pipeline.ts';
import { BERT_HAN, BERT_MARK, BERT_PUNCTUATION, BERT_REMOVED, nfd, SPACE } from './unicode.ts';
import { readVocabulary } from './vocabulary.ts';

const END_OF_WORD = '</w>';
const REMOVED = new RegExp(BERT_REMOVED, 'gv');
const SPACES = new RegExp(`[${SPACE}]`, 'gu');
const HAN = new RegExp(BERT_HAN, 'gu');
const MARKS = new RegExp(BERT_MARK, 'gv');
const WORDS = new RegExp(`${BERT_PUNCTUATION}|[^${SPACE}${BERT_PUNCTUATION}]+`, 'gv');
const PLAIN = /^[\n -~]*$/;

/** True for GPT-1's own pipeline: words in lower case, cut at white space and punctuation, the last part marked. */
export function isGpt1(json: Pipeline): boolean {
  const typeOf = (step: unknown): unknown => (step as { type?: unknown } | null | undefined)?.type;
  return (
    json.model.type === 'BPE' &&
    typeOf(json.normalizer) === 'BertNormalizer' &&
    typeOf(json.pre_tokenizer) === 'BertPreTokenizer'
  );
}

/**
 * GPT-1's lower-casing BPE, equal to the reference, Hugging Face's tokenizers. What the vocabulary lacks is its
 * unknown token, so that decode gives words in lower case between single spaces, not the text.
 */
export function gpt1Tokenizer(path: string, json: Pipeline, rules: Rules): Tokenizer {
  const { model } = json;
  const normalizer = json.normalizer as Readonly<Record<string, unknown>>;
  const decoder = json.decoder as Readonly<Record<string, unknown>> | null | undefined;
  for (const [name, found, expected] of [
    ['clean_text', normalizer.clean_text, true],
    ['handle_chinese_chars', normalizer.handle_chinese_chars, true],
    ['strip_accents', normalizer.strip_accents ?? true, true],
    ['lowercase', normalizer.lowercase, true],
    ['dropout', model.dropout ?? 0, 0],
    ['byte_fallback', model.byte_fallback ?? false, false],
    ['fuse_unk', model.fuse_unk ?? false, false],
    ['ignore_merges', model.ignore_merges ?? false, false],
    ['continuing_subword_prefix', model.continuing_subword_prefix ?? '', ''],
    ['end_of_word_suffix', model.end_of_word_suffix, END_OF_WORD],
    ['decoder', `${decoder?.type} ${decoder?.suffix}`, `BPEDecoder ${END_OF_WORD}`],
  ] as const) {
    if (found !== expected) {
      throw new UserError(
        `${path}: expected GPT-1's ${name} to be ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`,
      );
    }
  }
  const vocabulary = readVocabulary(path, model);
  const unknown = vocabulary.ids.get(model.unk_token ?? '');
  if (unknown === undefined) {
    throw new UserError(
      `${path}: expected "unk_token" in the vocabulary, found ${JSON.stringify(model.unk_token)}`,
    );
  }
  const encodeWord = remembering((word) => {
    const characters = Array.from(word);
    const last = characters.length - 1;
    characters[last] += END_OF_WORD;
    return vocabulary.merge(characters.map((character) => vocabulary.ids.get(character) ?? unknown));
  });
  const tokens = tokenTexts(vocabulary.tokens, rules.added, normalise);
  return assembleTokenizer(json, rules, {
    vocabularySize: tokens.length,
    normalise,
    encode(part, ids) {
      for (const word of part.match(WORDS) ?? []) encodeWord(word, ids);
    },
    decode(ids) {
      const found = ids.flatMap((id) => tokens[id] ?? []);
      return found
        .map((token, i) => token.replaceAll(END_OF_WORD, i === found.length - 1 ? '' : ' '))
        .join('');
    },
  });
}

/** BertNormalizer: control characters out, white space as spaces, spaces around Han, accents off, lower case. */
function normalise(text: string): string {
  if (PLAIN.test(text)) return text.replaceAll('\n', ' ').toLowerCase();
  const clean = text.replace(REMOVED, '').replace(SPACES, ' ').replace(HAN, ' $& ');
  // Code point by code point: the whole text's lower case of a sigma would depend on its neighbours.
  return Array.from(nfd(clean).replace(MARKS, ''), (character) => character.toLowerCase()).join('');
}
