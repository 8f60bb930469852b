import { createHash } from 'node:crypto';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { UserError } from '../../errors.ts';
import type { Tokenizer } from '../../types.ts';
import type { Rules } from './byte-level.ts';
import type { TokenizerJson } from './files.ts';

/** A tokenizer.json through @huggingface/tokenizers, with the reference's rules for unknown and special tokens. */
export function jsonTokenizer(
  path: string,
  json: TokenizerJson,
  config: Readonly<Record<string, unknown>>,
  rules: Rules,
): Tokenizer {
  const build = (special: boolean): HuggingFaceTokenizer => {
    const added_tokens = rules.added.filter((token) => special || !token.special);
    try {
      return new HuggingFaceTokenizer({ ...json, added_tokens }, config);
    } catch (error) {
      throw new UserError(
        `${path}: not supported: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  // Without its special tokens the library reads text that spells one as the ordinary text it is.
  const plain = build(false);
  let special: HuggingFaceTokenizer | undefined;

  const vocabulary = plain.get_vocab(false);
  const unknown = json.model.unk_token == null ? undefined : vocabulary.get(json.model.unk_token);
  let largest = 0;
  for (const id of vocabulary.values()) largest = Math.max(largest, id);
  for (const { id } of rules.added) largest = Math.max(largest, id);
  // A word-level vocabulary knows single characters: the library gives no id for those it lacks, and cuts astral
  // ones in half, where the reference gives the unknown token once.
  const wordLevel = json.model.type === 'WordLevel';

  return {
    vocabularySize: largest + 1,
    prefix: rules.prefix,
    startOfText: rules.startOfText,
    sha256: createHash('sha256')
      .update(JSON.stringify([json, rules]))
      .digest('hex'),
    encode(text, options) {
      if (options?.special) special ??= build(true);
      const tokenizer = options?.special && special ? special : plain;
      const input = wordLevel ? text.replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd') : text;
      const ids: (number | undefined)[] = tokenizer.encode(input, { add_special_tokens: false }).ids;
      const known = ids.map((id, i) => {
        const found = id ?? unknown;
        if (found === undefined) {
          const at = wordLevel ? JSON.stringify([...text][i]) : `token ${i}`;
          throw new UserError(`${path}: the vocabulary has neither ${at} nor an unknown token`);
        }
        return found;
      });
      return rules.prefix === null || options?.prefix === false ? known : [rules.prefix, ...known];
    },
    decode: (ids) => (ids.length === 0 ? '' : plain.decode([...ids], { skip_special_tokens: false })),
  };
}
