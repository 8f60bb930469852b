import { UserError } from '../errors.ts';
import { PYTHON_SPACE } from '../space.ts';
import type { Pair, Request, Tokenizer } from '../types.ts';

/** White space at the end of a text, as Python's str.rstrip takes it off. */
const TRAILING_SPACE = new RegExp(`[${PYTHON_SPACE}]+$`, 'u');

export interface JoinOptions {
  /** Tokens that the model can be fed at once. */
  readonly contextLength: number;
  /** `lm-eval` cuts the joint encoding at the length of the context's, whatever the boundary. */
  readonly join?: 'exact' | 'lm-eval';
  /** Read text that spells a special token as that token. */
  readonly special?: boolean;
}

/**
 * Makes requests of pairs of text, remembering the last context's tokens: choices share their context.
 *
 * Trailing white space of the context moves to the continuation, where a word's token begins (lm-eval's rule).
 * With W the tokens of both together and C those of the context: where C begins W, the continuation is the rest
 * of W; where a token spans the join, it is encoded by itself behind C and the request is marked `merged`.
 * An empty context is the start-of-text token. The window is the last contextLength + 1 tokens.
 */
export function pairEncoder(tokenizer: Tokenizer, options: JoinOptions): (pair: Pair) => Request {
  const special = options.special ?? false;
  let lastContext: string | undefined;
  let lastTokens: readonly number[] = [];

  return ({ context, continuation }) => {
    if (continuation === '') throw new UserError('"continuation" expected a text, found an empty one');
    const space = TRAILING_SPACE.exec(context)?.[0] ?? '';
    const head = context.slice(0, context.length - space.length);
    const tail = space + continuation;

    let before: readonly number[];
    let scored: readonly number[];
    let merged = false;
    if (head === '') {
      const start = tokenizer.startOfText;
      if (start === null) {
        throw new UserError(
          '"context" is empty, and the model has neither a beginning-of-text nor an end-of-text token',
        );
      }
      scored = tokenizer.encode(tail, { prefix: false, special });
      before = [start];
      // A continuation that spells the start token itself supplies its own context.
      if (scored[0] === start && scored.length > 1) scored = scored.slice(1);
    } else {
      if (head !== lastContext) {
        lastTokens = tokenizer.encode(head, { special });
        lastContext = head;
      }
      before = lastTokens;
      const whole = tokenizer.encode(head + tail, { special });
      if (options.join === 'lm-eval') {
        scored = whole.slice(before.length);
        merged = !startsWith(whole, before);
      } else if (whole.length > before.length && startsWith(whole, before)) {
        scored = whole.slice(before.length);
      } else {
        scored = tokenizer.encode(tail, { prefix: false, special });
        merged = true;
      }
    }
    if (scored.length === 0)
      throw new UserError('the continuation has no token of its own behind the context');
    if (scored.length > options.contextLength) {
      throw new UserError(
        `the continuation has ${scored.length} tokens, but the model's window holds ${options.contextLength}`,
      );
    }
    const total = before.length + scored.length;
    const truncated = Math.max(0, total - options.contextLength - 1);
    const tokens = new Int32Array(total - truncated);
    const keptBefore = truncated === 0 ? before : before.slice(truncated);
    tokens.set(keptBefore);
    tokens.set(scored, keptBefore.length);
    return { tokens, start: keptBefore.length, truncated, merged };
  };
}

function startsWith(whole: readonly number[], part: readonly number[]): boolean {
  return part.every((id, i) => whole[i] === id);
}
