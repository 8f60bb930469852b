import { cutAt } from '../../scoring/generate.ts';
import type { Scored, Tokenizer } from '../../types.ts';
import type { Batcher } from './batcher.ts';
import type { CompletionRequest, PromptAsked } from './completion-request.ts';

/** A choice of an answer, as the API has it. */
export interface Choice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: {
    readonly tokens: readonly string[];
    readonly token_logprobs: readonly (number | null)[];
    readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
    readonly text_offset: readonly number[];
  } | null;
  readonly finish_reason: 'stop' | 'length';
  /** The stop string, as vLLM tells it. */
  readonly stop_reason: string | null;
}

export interface CompletionModel {
  readonly tokenizer: Tokenizer;
  readonly endTokens: readonly number[];
}

/** A token in an answer: its log-probability and what else was probable there; null for the first of a prompt. */
interface Told {
  readonly id: number;
  readonly logprob: number | null;
  readonly top: readonly (readonly [id: number, logprob: number])[];
}

/** What was written behind a prompt. */
interface Tail {
  readonly told: readonly Told[];
  readonly text: string;
  readonly reason: Choice['finish_reason'];
  readonly stopReason: string | null;
  readonly tokens: number;
}

/** Answers a prompt of a request. @returns its choice, and how many tokens were written */
export async function complete(
  index: number,
  prompt: PromptAsked,
  request: CompletionRequest,
  { tokenizer, endTokens }: CompletionModel,
  batcher: Batcher,
  signal: AbortSignal,
): Promise<{ choice: Choice; written: number }> {
  const { maxTokens, echo, logprobs, stop, tokenIds } = request;
  const ids = Array.from(prompt.tokens);
  const wanted = logprobs ?? 0;
  const asksScores = echo && logprobs !== null && (ids.length > 1 || maxTokens === 1);
  // The place behind the prompt is scored with it: a target must stand there, whichever.
  const fed = maxTokens === 1 ? [...ids, 0] : ids;
  const request_ = { tokens: Int32Array.from(fed), start: 1, truncated: 0, merged: false };
  const topK = Math.max(2, wanted);
  const scored = asksScores ? await batcher.score({ request: request_, topK }, signal) : undefined;
  const head = ids.map(
    (id, i): Told => (scored && i > 0 ? toldOf(id, scored, i - 1, wanted) : { id, logprob: null, top: [] }),
  );

  let tail: Tail = { told: [], text: '', reason: 'length', stopReason: null, tokens: 0 };
  if (scored && maxTokens === 1) {
    tail = oneToken(scored, ids.length - 1, wanted, stop, { tokenizer, endTokens });
  } else if (maxTokens > 0) {
    const isStopped = (own: readonly number[]): boolean =>
      stop.length > 0 && cutAt(tokenizer.decode(own), stop) !== undefined;
    const {
      tokens,
      logprobs: own,
      reason,
    } = await batcher.generate({ prompt: prompt.tokens, maxTokens, stop: isStopped }, signal);
    const told = tokens.map((id, i): Told => {
      const logprob = own[i] as number;
      return { id, logprob, top: wanted > 0 ? [[id, logprob]] : [] };
    });
    tail = {
      told,
      ...textOf(tokens, stop, tokenizer),
      reason: reason === 'length' ? 'length' : 'stop',
      tokens: tokens.length,
    };
  }
  const told = [...(echo ? head : []), ...tail.told];
  const text = `${echo ? (prompt.text ?? tokenizer.decode(ids)) : ''}${tail.text}`;
  return {
    choice: {
      ...{ index, text },
      logprobs: logprobs === null ? null : spell(told, tokenizer, tokenIds),
      ...{ finish_reason: tail.reason, stop_reason: tail.stopReason },
    },
    written: tail.tokens,
  };
}

/** Of a scored token: its own log-probability, and the most probable ones there. */
function toldOf(id: number, scored: Scored, slot: number, wanted: number): Told {
  const logprob = scored.logprobs[slot] as number;
  return {
    id,
    logprob,
    top: [...topOf(scored, slot).slice(0, wanted), ...(wanted > 0 ? [[id, logprob] as const] : [])],
  };
}

function topOf({ top, logprobs }: Scored, slot: number): (readonly [number, number])[] {
  if (!top) throw new Error('scores without the most probable tokens');
  const k = top.ids.length / logprobs.length;
  return Array.from(
    { length: k },
    (_, i) => [top.ids[slot * k + i] as number, top.logprobs[slot * k + i] as number] as const,
  );
}

/** The token behind a prompt, from the scores of its last place. An end token is told but not written. */
function oneToken(
  scored: Scored,
  slot: number,
  wanted: number,
  stop: readonly string[],
  { tokenizer, endTokens }: CompletionModel,
): Tail {
  const top = topOf(scored, slot);
  const [id, logprob] = top[0] as readonly [number, number];
  const told = [{ id, logprob, top: top.slice(0, wanted) }];
  if (endTokens.includes(id)) return { told, text: '', reason: 'stop', stopReason: null, tokens: 1 };
  const text = textOf([id], stop, tokenizer);
  return { told, ...text, reason: text.stopReason === null ? 'length' : 'stop', tokens: 1 };
}

/** The text of written tokens up to the first stop string in it, and that. */
function textOf(
  tokens: readonly number[],
  stop: readonly string[],
  tokenizer: Tokenizer,
): { text: string; stopReason: string | null } {
  const whole = tokenizer.decode(tokens);
  const text = cutAt(whole, stop);
  if (text === undefined) return { text: whole, stopReason: null };
  return { text, stopReason: stop.find((s) => whole.startsWith(s, text.length)) ?? null };
}

/** Tokens by themselves, kept as long as their tokenizer: answers hold the same ones again and again. */
const spellings = new WeakMap<Tokenizer, Map<number, string>>();

function spell(
  told: readonly Told[],
  tokenizer: Tokenizer,
  tokenIds: boolean,
): NonNullable<Choice['logprobs']> {
  const texts = spellings.get(tokenizer) ?? new Map<number, string>();
  spellings.set(tokenizer, texts);
  const textOfId = (id: number): string => {
    const known = texts.get(id) ?? tokenizer.decode([id]);
    texts.set(id, known);
    return known;
  };
  const name = (id: number): string => (tokenIds ? `token_id:${id}` : textOfId(id));
  let at = 0;
  const offsets = told.map(({ id }) => {
    const here = at;
    at += [...textOfId(id)].length;
    return here;
  });
  return {
    tokens: told.map(({ id }) => name(id)),
    token_logprobs: told.map(({ logprob }) => (logprob === null ? null : digits(logprob))),
    top_logprobs: told.map(({ logprob, top }) => {
      if (logprob === null) return null;
      // Tokens of the same text, parts of characters, share an entry: that of the most probable one.
      const entries = new Map<string, number>();
      for (const [id, value] of top) if (!entries.has(name(id))) entries.set(name(id), digits(value));
      return Object.fromEntries(entries);
    }),
    text_offset: offsets,
  };
}

/** Nine digits give every float32 back. */
function digits(logprob: number): number {
  return Number(logprob.toPrecision(9));
}
