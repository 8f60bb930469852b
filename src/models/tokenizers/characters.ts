import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { messageOf, UserError } from '../../errors.ts';
import type { Tokenizer } from '../../types.ts';
import { assembleTokenizer, type Pipeline, type Rules } from './pipeline.ts';

/**
 * A vocabulary of single characters through @huggingface/tokenizers, with the reference's rules for added and
 * unknown tokens. It is exact for these; other kinds are not known to be, and are refused.
 */
export function characterTokenizer(
  path: string,
  json: Pipeline,
  config: Readonly<Record<string, unknown>>,
  rules: Rules,
): Tokenizer {
  const { type, pattern, behavior } = (json.pre_tokenizer ?? {}) as Readonly<Record<string, unknown>>;
  const found = {
    model: json.model.type,
    normalizer: json.normalizer ?? null,
    pre_tokenizer: [type, (pattern as { Regex?: unknown } | undefined)?.Regex, behavior],
    decoder: (json.decoder as { type?: unknown } | null | undefined)?.type,
  };
  const expected = {
    model: 'WordLevel',
    normalizer: null,
    pre_tokenizer: ['Split', '[\\s\\S]', 'Isolated'],
    decoder: 'Fuse',
  };
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new UserError(
      `${path}: expected a byte-level tokenizer, GPT-1's, one with marked spaces (Llama 2) or one of single characters, found ${JSON.stringify(found)}`,
    );
  }
  const plain = open(path, json, config);
  const vocabulary = plain.get_vocab(false);
  const unknown = json.model.unk_token == null ? undefined : vocabulary.get(json.model.unk_token);
  let largest = 0;
  for (const id of vocabulary.values()) largest = Math.max(largest, id);
  for (const { id } of rules.added) largest = Math.max(largest, id);
  const texts = new Map(rules.added.map((token) => [token.id, token.content]));

  // The library gives no id for characters that the vocabulary lacks, and cuts astral ones in half, where the
  // reference gives the unknown token once.
  const encodeText = (text: string): number[] => {
    const input = text.replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd');
    const ids: (number | undefined)[] = plain.encode(input, { add_special_tokens: false }).ids;
    return ids.map((id, i) => {
      const known = id ?? unknown;
      if (known === undefined) {
        throw new UserError(
          `${path}: the vocabulary has neither ${JSON.stringify([...text][i])} nor an unknown token`,
        );
      }
      return known;
    });
  };

  return assembleTokenizer(json, rules, {
    vocabularySize: largest + 1,
    normalise: (text) => text,
    encode(part, ids) {
      for (const id of encodeText(part)) ids.push(id);
    },
    decode: (ids) =>
      ids.map((id) => texts.get(id) ?? plain.decode([id], { skip_special_tokens: false })).join(''),
  });
}

function open(path: string, json: Pipeline, config: Readonly<Record<string, unknown>>): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer({ ...json, added_tokens: [] }, config);
  } catch (error) {
    throw new UserError(`${path}: not supported: ${messageOf(error)}`);
  }
}
