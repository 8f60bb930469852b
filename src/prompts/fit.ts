import { createHash } from 'node:crypto';
import { UserError } from '../errors.ts';
import type { GenerateProtocol, Protocol, RollingProtocol } from '../task.ts';
import type { Example, Overflow, Pair, Request, Tokenizer } from '../types.ts';
import { pairEncoder } from './join.ts';
import { renderPairs } from './render.ts';
import { rollingRequests } from './rolling.ts';

/** An example ready to be scored: its requests, and what of the wanted shots fitted the window. */
export interface Prompt {
  readonly example: Example;
  /** SHA-256 of its pairs as text, 16 hex digits. */
  readonly hash: string;
  readonly requests: readonly Request[];
  readonly shotIds: readonly string[];
  /** Most tokens that any of its requests lost to the window. */
  readonly truncated: number;
  /** Why it can't be scored; it then has no requests. */
  readonly unscored?: string;
}

export interface PromptOptions {
  readonly contextLength: number;
  readonly overflow: Overflow;
  /** Tokens that a window of a rolling text scores behind the first; by default the window's length. */
  readonly stride?: number | null;
}

/** Tokens that a text may have: the protocol's, and never more than half of a small window. */
export function generatedTokens({ maxTokens }: GenerateProtocol<Example>, contextLength: number): number {
  return Math.min(maxTokens, Math.floor(contextLength / 2));
}

/** Makes prompts of so many tokens at most; what is too long loses its beginning. An empty one is the start of text. */
function promptEncoder(tokenizer: Tokenizer, room: number): (pair: Pair) => Request {
  return ({ context }) => {
    const whole = tokenizer.encode(context);
    if (whole.length === 0 && tokenizer.startOfText === null) {
      throw new UserError(
        'the prompt is empty, and the model has neither a beginning-of-text nor an end-of-text token',
      );
    }
    const tokens = whole.length > 0 ? whole : [tokenizer.startOfText as number];
    const truncated = Math.max(0, tokens.length - room);
    const kept = Int32Array.from(tokens.slice(truncated));
    return { tokens: kept, start: kept.length, truncated, merged: false };
  };
}

/**
 * Makes prompts that fit the window of a model. By `overflow`: `drop-shots` leaves out the last shots until the
 * rest fits, then cuts from the left; `truncate` cuts from the left at once; `skip` leaves the item unscored;
 * `error` stops the run.
 */
export function promptBuilder(
  protocol: Protocol<Example>,
  tokenizer: Tokenizer,
  options: PromptOptions,
): (example: Example, shots: readonly Example[]) => Prompt {
  if (protocol.kind === 'rolling') return (example) => rollingPrompt(protocol, tokenizer, options, example);
  const { contextLength } = options;
  const encode =
    protocol.kind === 'generate'
      ? promptEncoder(tokenizer, contextLength - generatedTokens(protocol, contextLength))
      : pairEncoder(tokenizer, { contextLength });
  // Of a scored request the last token is never fed; of a prompt all are, and room is kept for the answer.
  const window =
    protocol.kind === 'generate'
      ? contextLength - generatedTokens(protocol, contextLength)
      : contextLength + 1;
  const lengths = new Map<Example, number>();
  const lengthOf = (shot: Example): number => {
    const known = lengths.get(shot) ?? tokenizer.encode(protocol.shot(shot) + protocol.separator).length;
    lengths.set(shot, known);
    return known;
  };

  const build = (example: Example, shots: readonly Example[]): Prompt => {
    const pairs = renderPairs(protocol, example, shots);
    const shotIds = shots.map((shot) => shot.id);
    try {
      const requests = pairs.map(encode);
      const truncated = Math.max(...requests.map((r) => r.truncated));
      return { example, hash: pairsHash(pairs), requests, shotIds, truncated };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const unscored = error.message;
      return { example, hash: pairsHash(pairs), requests: [], shotIds, truncated: 0, unscored };
    }
  };

  return (example, shots) => {
    if (options.overflow !== 'drop-shots') {
      const prompt = build(example, shots);
      if (prompt.truncated === 0 || options.overflow === 'truncate') return prompt;
      const message = `${prompt.truncated} tokens too long for the window of ${options.contextLength} at ${shots.length} shots`;
      if (options.overflow === 'error')
        throw new UserError(`--overflow error: item ${example.id} is ${message}`);
      return { ...prompt, requests: [], unscored: message };
    }
    // Guess from the shots' own lengths, then settle by encoding: the most shots that fit.
    const bare = build(example, []);
    if (bare.unscored !== undefined) return bare;
    let room = window - Math.max(0, ...bare.requests.map((r) => r.tokens.length));
    let used = 0;
    for (const shot of shots) {
      room -= lengthOf(shot);
      if (room < 0) break;
      used++;
    }
    let best = build(example, shots.slice(0, used));
    while (best.truncated > 0 && used > 0) best = build(example, shots.slice(0, --used));
    while (used < shots.length && best.truncated === 0) {
      const longer = build(example, shots.slice(0, used + 1));
      if (longer.truncated > 0) break;
      best = longer;
      used++;
    }
    return best;
  };
}

function rollingPrompt(
  protocol: RollingProtocol<Example>,
  tokenizer: Tokenizer,
  options: PromptOptions,
  example: Example,
): Prompt {
  const { contextLength } = options;
  const text = protocol.text(example);
  const shared = {
    example,
    hash: pairsHash([{ context: '', continuation: text }]),
    shotIds: [],
    truncated: 0,
  };
  if (text === '') return { ...shared, requests: [], unscored: 'the text is empty' };
  const stride = options.stride ?? contextLength;
  return { ...shared, requests: rollingRequests(text, tokenizer, { contextLength, stride }) };
}

function pairsHash(pairs: readonly Pair[]): string {
  return createHash('sha256').update(JSON.stringify(pairs)).digest('hex').slice(0, 16);
}
