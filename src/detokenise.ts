/** Tokens that stand close to the one before them: closing marks and the second halves of contractions. */
const CLOSE_BEFORE = /^(?:[.,;:!?%)\]}]|\.\.\.|'|''|n't|'(?:s|S|m|re|ve|ll|d|em|t)|-RRB-|-RSB-)$/;
/** Tokens that stand close to the one behind them: opening marks. */
const CLOSE_BEHIND = /^(?:[([{$#]|`|``|-LRB-|-LSB-)$/;

const WRITTEN: Readonly<Record<string, string>> = {
  '`': "'",
  '``': '"',
  "''": '"',
  '-LRB-': '(',
  '-RRB-': ')',
  '-LSB-': '[',
  '-RSB-': ']',
};

/** Words that the Penn Treebank's rules cut in two. */
const CUT = /\b(can) (not)\b|\b(gon|wan) (na)\b|\b(got) (ta)\b|\b(gim|lem) (me)\b/gi;

/**
 * Text from tokens in the manner of the Penn Treebank, as the GPT-2 paper's "de-tokenizer" of the Children's Book
 * Test must have made it (section 3.2; OpenAI's own was not published): quotes, brackets and marks stand where a
 * writer puts them, contractions are whole.
 */
export function detokenise(text: string): string {
  let out = '';
  let close = true;
  let quoted = false;
  for (const token of text.split(' ')) {
    if (token === '') continue;
    // Straight quotes, as the One Billion Word Benchmark has them, open and close by turns.
    const closes = token === '"' ? quoted : CLOSE_BEFORE.test(token);
    out += (close || closes ? '' : ' ') + (WRITTEN[token] ?? token);
    close = token === '"' ? !quoted : CLOSE_BEHIND.test(token);
    if (token === '"') quoted = !quoted;
  }
  return out.replace(CUT, (whole) => whole.replace(' ', ''));
}
