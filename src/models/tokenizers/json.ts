import { createHash } from 'node:crypto';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { UserError } from '../../errors.ts';
import type { Tokenizer } from '../../types.ts';

/** The parts of a tokenizer.json that are read here; the library reads the rest. */
export interface TokenizerJson {
  readonly model: {
    readonly type?: string;
    readonly vocab?: unknown;
    readonly merges?: unknown;
    readonly unk_token?: string | null;
  };
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
  readonly normalizer?: unknown;
  readonly pre_tokenizer?: unknown;
}

/** A tokenizer.json through @huggingface/tokenizers, with the reference's rules for unknown and special tokens. */
export function jsonTokenizer(
  path: string,
  json: TokenizerJson,
  config: Readonly<Record<string, unknown>>,
  startOfText: number | null,
): Tokenizer {
  const build = (tokenizerJson: TokenizerJson): HuggingFaceTokenizer => {
    try {
      return new HuggingFaceTokenizer(tokenizerJson, config);
    } catch (error) {
      throw new UserError(
        `${path}: not supported: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  // Without its added tokens the library reads text that spells one as the ordinary text it is.
  const plain = build({ ...json, added_tokens: [] });
  let special: HuggingFaceTokenizer | undefined;

  const vocabulary = plain.get_vocab(false);
  const unknown = json.model.unk_token == null ? undefined : vocabulary.get(json.model.unk_token);
  let largest = 0;
  for (const id of vocabulary.values()) largest = Math.max(largest, id);
  for (const { id } of json.added_tokens ?? []) largest = Math.max(largest, id);
  const prefix = plain.encode('').ids;
  if (prefix.length > 1) {
    throw new UserError(`${path}: puts ${prefix.length} tokens before a text, expected one or none`);
  }
  // A word-level vocabulary knows single characters: the library gives no id for those it lacks, and cuts astral
  // ones in half, where the reference gives the unknown token once.
  const wordLevel = json.model.type === 'WordLevel';

  return {
    vocabularySize: largest + 1,
    prefix: prefix[0] ?? null,
    startOfText,
    sha256: createHash('sha256').update(JSON.stringify(json)).digest('hex'),
    encode(text, options) {
      if (options?.special) special ??= build(json);
      const tokenizer = options?.special && special ? special : plain;
      const input = wordLevel ? text.replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd') : text;
      const ids: (number | undefined)[] = tokenizer.encode(input, {
        add_special_tokens: options?.prefix ?? true,
      }).ids;
      return ids.map((id, i) => {
        const known = id ?? unknown;
        if (known === undefined) {
          const at = wordLevel ? JSON.stringify([...text][i]) : `token ${i}`;
          throw new UserError(`${path}: the vocabulary has neither ${at} nor an unknown token`);
        }
        return known;
      });
    },
    decode: (ids) => (ids.length === 0 ? '' : plain.decode([...ids], { skip_special_tokens: false })),
  };
}
