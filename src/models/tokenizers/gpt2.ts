import { createHash } from 'node:crypto';
import { BytePairEncodingCore } from 'gpt-tokenizer/BytePairEncodingCore';
import ranks from 'gpt-tokenizer/bpeRanks/r50k_base';
import type { Tokenizer } from '../../types.ts';
import { mergeLongPiece } from './bpe.ts';

/** Number of GPT-2's tokens: 50,000 merges, 256 bytes, end-of-text. */
export const GPT2_VOCABULARY = 50257;
const END_OF_TEXT = 50256;
const END_OF_TEXT_TEXT = '<|endoftext|>';

/** White space as the reference tokenizer's regular expressions have it; JavaScript's \s differs. */
const SPACE = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

/** GPT-2's split pattern (encoder.py of the GPT-2 release), with white space spelled out. */
const PATTERN = new RegExp(
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${SPACE}\\p{L}\\p{N}]+|[${SPACE}]+(?![^${SPACE}])|[${SPACE}]+`,
  'gu',
);

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

  const encodeText = (text: string): number[] => {
    if (!LONG_RUN.test(text)) return core.encodeNative(text);
    byBytes ??= new Map(ranks.map((token, rank) => [Buffer.from(token).toString('latin1'), rank]));
    const table = byBytes;
    const ids: number[] = [];
    for (const [piece] of text.matchAll(PATTERN)) {
      if (piece.length <= LONG_PIECE) {
        ids.push(...core.encodeNative(piece));
        continue;
      }
      const bytes = Buffer.from(piece);
      const latin1 = bytes.toString('latin1');
      for (const id of mergeLongPiece(bytes, (start, end) => table.get(latin1.slice(start, end))))
        ids.push(id);
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
