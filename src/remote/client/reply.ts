import { UserError } from '../../errors.ts';

/** How a server tells the log-probabilities of a prompt: in `logprobs` with `echo`, or in vLLM's `prompt_logprobs`. */
export type Form = 'echo' | 'prompt_logprobs';

/** The scores of a prompt of n tokens; the first token has none. */
export interface PromptScores {
  /** [n], nats; that of the first is 0. */
  readonly logprobs: Float32Array;
  /** [n]: true where the token is the most probable one at its place. */
  readonly greedy: readonly boolean[];
  /** [n]: true where it is the most probable one of those that are not banned; only where some are. */
  readonly allowed?: readonly boolean[];
  /** [n], as the server spells them; only by `echo`. */
  readonly tokens?: readonly string[];
  /** [n]: characters of the text before each token; only by `echo`, where the server tells. */
  readonly offsets?: readonly number[];
}

/** A log-probability may be above 0 by rounding. */
const ROUNDING = 1e-3;

type Json = Readonly<Record<string, unknown>>;

/** The one choice of an answer. @throws UserError */
function onlyChoice(reply: unknown, url: string): Json {
  const choices = (reply as Json | null)?.choices;
  if (
    !Array.isArray(choices) ||
    choices.length !== 1 ||
    typeof choices[0] !== 'object' ||
    choices[0] === null
  )
    throw new UserError(
      `${url}: expected one choice in the answer, found ${Array.isArray(choices) ? choices.length : 'none'}`,
    );
  return choices[0] as Json;
}

/** A log-probability as the server gives it. @throws UserError naming its place */
function logprobAt(value: unknown, place: number, url: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value > ROUNDING)
    throw new UserError(
      `${url}: expected a log-probability of at most 0 for token ${place}, found ${JSON.stringify(value)?.slice(0, 40) ?? 'nothing'}`,
    );
  return Math.min(value, 0);
}

/** Token `token_id:123`, as vLLM spells it where it is asked to, by its id. */
export function tokenId(token: string): number | undefined {
  const digits = /^token_id:(\d+)$/.exec(token)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * Reads the scores of the prompt that was sent as these token ids.
 * @throws UserError where the answer has another number of tokens, other tokens, or what is no log-probability;
 *   NoScores where it has none at all
 */
export function readScores(
  reply: unknown,
  ids: ArrayLike<number>,
  form: Form,
  url: string,
  banned?: ReadonlySet<number>,
): PromptScores {
  const choice = onlyChoice(reply, url);
  return form === 'echo' ? readEcho(choice, ids, url, banned) : readPromptLogprobs(choice, ids, url, banned);
}

/** An answer without the log-probabilities that were asked. */
export class NoScores extends UserError {
  override name = 'NoScores';
}

function readEcho(
  choice: Json,
  ids: ArrayLike<number>,
  url: string,
  banned: ReadonlySet<number> | undefined,
): PromptScores {
  const found = choice.logprobs as Json | null | undefined;
  const { tokens, token_logprobs: logprobs, top_logprobs: tops, text_offset: offsets } = found ?? {};
  if (!Array.isArray(tokens) || !Array.isArray(logprobs))
    throw new NoScores(`${url}: the answer holds no log-probabilities`);
  const n = ids.length;
  // What was generated behind the prompt stands at the end.
  if (tokens.length < n || logprobs.length !== tokens.length)
    throw new NoScores(
      `${url}: expected log-probabilities of ${n} tokens, found ${logprobs.length} of ${tokens.length} tokens`,
    );
  if (tokens.some((token) => typeof token !== 'string'))
    throw new UserError(`${url}: expected "tokens" to be texts`);
  if (n > 1 && (!Array.isArray(tops) || tops.length !== tokens.length))
    throw new NoScores(`${url}: the answer holds no most probable tokens`);
  const result = emptyScores(n, banned);
  for (let i = 0; i < n; i++) {
    const id = tokenId(tokens[i] as string);
    if (id !== undefined && id !== ids[i])
      throw new UserError(`${url}: expected token ${ids[i]} at place ${i}, found ${id}`);
    if (i === 0) continue;
    const own = logprobAt(logprobs[i], i, url);
    const top = (tops as unknown[])[i];
    if (typeof top !== 'object' || top === null || Object.keys(top).length === 0)
      throw new NoScores(`${url}: the answer holds no most probable token at place ${i}`);
    const others = Object.entries(top).map(
      ([token, value]) => [tokenId(token), logprobAt(value, i, url)] as const,
    );
    result.logprobs[i] = own;
    result.greedy[i] = isMostProbable(own, ids[i] as number, others);
    if (banned && result.allowed) result.allowed[i] = isAllowed(own, ids[i] as number, others, banned);
  }
  const places =
    Array.isArray(offsets) && offsets.every(Number.isSafeInteger) ? offsets.slice(0, n) : undefined;
  return { ...result, tokens: (tokens as string[]).slice(0, n), ...(places ? { offsets: places } : {}) };
}

function readPromptLogprobs(
  choice: Json,
  ids: ArrayLike<number>,
  url: string,
  banned: ReadonlySet<number> | undefined,
): PromptScores {
  const { prompt_logprobs: places } = choice;
  if (!Array.isArray(places)) throw new NoScores(`${url}: the answer holds no prompt_logprobs`);
  const n = ids.length;
  if (places.length !== n)
    throw new UserError(`${url}: expected log-probabilities of ${n} tokens, found ${places.length}`);
  const result = emptyScores(n, banned);
  for (let i = 1; i < n; i++) {
    const entries = Object.entries((places[i] as Json | null) ?? {}).map(([id, entry]) => {
      const value = typeof entry === 'object' && entry !== null ? (entry as Json).logprob : entry;
      return [Number(id), logprobAt(value, i, url)] as const;
    });
    const own = entries.find(([id]) => id === ids[i])?.[1];
    if (own === undefined)
      throw new UserError(`${url}: expected token ${ids[i]} at place ${i}, found it not`);
    result.logprobs[i] = own;
    result.greedy[i] = isMostProbable(own, ids[i] as number, entries);
    if (banned && result.allowed) result.allowed[i] = isAllowed(own, ids[i] as number, entries, banned);
  }
  return result;
}

function emptyScores(
  n: number,
  banned: ReadonlySet<number> | undefined,
): { logprobs: Float32Array; greedy: boolean[]; allowed?: boolean[] } {
  const none = (): boolean[] => new Array<boolean>(n).fill(false);
  return { logprobs: new Float32Array(n), greedy: none(), ...(banned ? { allowed: none() } : {}) };
}

/**
 * True where every more probable token is banned. A token behind all that are listed besides it, each of them banned, is
 * taken for none: others that the server did not list may stand before it.
 */
function isAllowed(
  own: number,
  id: number,
  listed: readonly (readonly [id: number | undefined, logprob: number])[],
  banned: ReadonlySet<number>,
): boolean {
  const others = listed.filter(([other]) => other !== id);
  const isLast = others.length > 0 && others.every(([, logprob]) => logprob > own);
  const open = others.filter(([other]) => other === undefined || !banned.has(other));
  return !banned.has(id) && !isLast && isMostProbable(own, id, open);
}

/**
 * True where no other listed token is more probable. Of equally probable ones the lowest id is the most probable, as in
 * the engine here; where the server does not tell ids, all of them are, as for lm-eval.
 */
function isMostProbable(
  own: number,
  id: number,
  listed: readonly (readonly [id: number | undefined, logprob: number])[],
): boolean {
  return listed.every(([other, logprob]) => logprob < own || (logprob === own && (other ?? id) >= id));
}

/** What a server wrote: its text, and its tokens where it tells them. */
export interface Written {
  readonly text: string;
  readonly tokens: readonly string[];
  readonly logprobs: readonly number[];
  readonly reason: string;
  /** The stop string, where the server tells it. */
  readonly stopReason: string | undefined;
}

/** Reads a continuation of at most so many tokens. @throws UserError */
export function readText(reply: unknown, maxTokens: number, url: string): Written {
  const choice = onlyChoice(reply, url);
  const { text, finish_reason: reason, stop_reason: stopReason } = choice;
  if (typeof text !== 'string') throw new UserError(`${url}: expected a text in the answer, found none`);
  const { tokens, token_logprobs: logprobs } = (choice.logprobs ?? {}) as Json;
  const known = Array.isArray(tokens) && Array.isArray(logprobs);
  if (known && (tokens.length !== logprobs.length || tokens.length > maxTokens))
    throw new UserError(
      `${url}: expected at most ${maxTokens} tokens, found ${tokens.length} and ${logprobs.length} log-probabilities`,
    );
  return {
    text,
    tokens: known ? tokens.map(String) : [],
    logprobs: known ? logprobs.map((value, i) => logprobAt(value, i, url)) : [],
    reason: String(reason),
    stopReason: typeof stopReason === 'string' ? stopReason : undefined,
  };
}
