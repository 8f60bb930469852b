import { createHash } from 'node:crypto';
import { BytePairEncodingCore } from 'gpt-tokenizer/BytePairEncodingCore';
import ranks from 'gpt-tokenizer/bpeRanks/r50k_base';
import type { Tokenizer } from '../../types.ts';
import { mergeParts } from './bpe.ts';
import { GPT2_PATTERN } from './byte-level.ts';
import { referencePattern } from './pattern.ts';
import { SPACE } from './unicode.ts';

/** Number of GPT-2's tokens: 50,000 merges, 256 bytes, end-of-text. */
export const GPT2_VOCABULARY = 50257;
const END_OF_TEXT = 50256;
const END_OF_TEXT_TEXT = '<|endoftext|>';

/** GPT-2's split pattern, with white space, letters and digits as the reference has them. */
const PATTERN = referencePattern(GPT2_PATTERN, 'GPT-2');

/**
 * Longer pieces (in UTF-16 units, standing in a run of as many code points) are merged with a heap: gpt-tokenizer's
 * own loop is quadratic in the piece and overflows the stack on the longest. Only a run of characters none of which
 * is white space, or all of which are, can hold such a piece.
 */
const LONG_PIECE = 256;
const LONG_RUN = new RegExp(`[^${SPACE}]{${LONG_PIECE}}|[${SPACE}]{${LONG_PIECE}}`, 'u');

/**
 * GPT-2's and GPT-3's byte-level BPE on gpt-tokenizer's r50k_base ranks, made equal to the reference tokenizer:
 * the split pattern has the reference's white space, and long runs without a break take O(n log n).
 */
export function gpt2Tokenizer(): Tokenizer {
  const core = new BytePairEncodingCore({
    bytePairRankDecoder: ranks,
    specialTokensEncoder: new Map([[END_OF_TEXT_TEXT, END_OF_TEXT]]),
    tokenSplitRegex: PATTERN,
  });
  let byBytes: Map<string, number> | undefined;
  let written: string[] = [];

  const encodeText = (text: string): number[] => {
    if (!LONG_RUN.test(text)) return core.encodeNative(text);
    written = written.length > 0 ? written : ranks.map((token) => Buffer.from(token).toString('latin1'));
    byBytes ??= new Map(written.map((token, rank) => [token, rank]));
    const table = byBytes;
    const rankOf = (left: number, right: number): number => table.get(written[left]! + written[right]!) ?? -1;
    const ids: number[] = [];
    for (const [piece] of text.matchAll(PATTERN)) {
      if (piece.length <= LONG_PIECE) {
        ids.push(...core.encodeNative(piece));
        continue;
      }
      const bytes = Array.from(Buffer.from(piece).toString('latin1'), (byte) => table.get(byte)!);
      for (const id of mergeParts(bytes, rankOf, (rank) => rank)) ids.push(id);
    }
    return ids;
  };

  return {
    vocabularySize: GPT2_VOCABULARY,
    prefix: null,
    startOfText: END_OF_TEXT,
    sha256: createHash('sha256').update(JSON.stringify(ranks)).update(PATTERN.source).digest('hex'),
    encode(text, options) {
      if (!options?.special) return encodeText(text);
      return text
        .split(END_OF_TEXT_TEXT)
        .flatMap((part, i) => (i === 0 ? encodeText(part) : [END_OF_TEXT, ...encodeText(part)]));
    },
    decode: (ids) =>
      Buffer.concat(
        ids.map((id) => Buffer.from(id === END_OF_TEXT ? END_OF_TEXT_TEXT : (ranks[id] ?? ''))),
      ).toString('utf8'),
  };
}
