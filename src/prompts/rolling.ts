import { UserError } from '../errors.ts';
import type { Request, Tokenizer } from '../types.ts';

/**
 * Cuts a text of any length into windows that score each of its tokens once, the first behind the start-of-text
 * token. With a stride as long as the window, lm-eval's disjoint windows; the last one then reaches back, so that
 * it too is full. A smaller stride gives every token behind the first window at least
 * contextLength - stride + 1 tokens of context.
 * @throws UserError where the model has no token to start a text with, or the stride is longer than the window
 */
export function rollingRequests(
  text: string,
  tokenizer: Tokenizer,
  options: { readonly contextLength: number; readonly stride: number },
): Request[] {
  if (options.stride > options.contextLength) {
    throw new UserError(
      `--stride: expected at most the window of ${options.contextLength} tokens, found ${options.stride}`,
    );
  }
  const start = tokenizer.startOfText;
  if (start === null) {
    throw new UserError(
      'a text needs a first token, and the model has neither a beginning-of-text nor an end-of-text token',
    );
  }
  const ids = [start, ...tokenizer.encode(text, { prefix: false })];
  const requests: Request[] = [];
  for (let scored = 1; scored < ids.length; ) {
    const count = Math.min(ids.length - scored, scored === 1 ? options.contextLength : options.stride);
    const end = scored + count;
    const from = Math.max(0, end - options.contextLength - 1);
    requests.push({
      tokens: Int32Array.from(ids.slice(from, end)),
      start: scored - from,
      truncated: 0,
      merged: false,
    });
    scored = end;
  }
  return requests;
}
