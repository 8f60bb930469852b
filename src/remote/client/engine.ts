import { UserError } from '../../errors.ts';
import { cutAt } from '../../scoring/generate.ts';
import type { Completed, Prompted, Tokenizer } from '../../types.ts';
import { type Http, Refused } from './http.ts';
import { type Form, NoScores, type PromptScores, readScores, readText, tokenId } from './reply.ts';

/** What a server gives, as a probe found it. */
export interface Dialect {
  readonly form: Form;
  /** Token ids as the prompt; else its text. */
  readonly ids: boolean;
  /** What the server takes for nothing to be generated; where it refuses 0, a token is generated and dropped. */
  readonly maxTokens: 0 | 1;
  /** Tokens are told by their ids, as vLLM does where it is asked to. */
  readonly tokenIds: boolean;
}

/** A model behind an API. */
export interface Engine {
  readonly dialect: Dialect;
  /** Log-probabilities of the probe's text. */
  readonly probe: readonly number[];
  /** Whether many of the most probable tokens are told, by their ids: what is most probable but for some is then known. */
  readonly tellsIds: boolean;
  /** Scores a prompt; where it goes as text, the token at `start` must begin where it begins here. */
  score(ids: ArrayLike<number>, start: number, banned?: Int32Array): Promise<PromptScores>;
  complete(prompt: Prompted): Promise<Completed>;
}

export interface EngineOptions {
  readonly http: Http;
  readonly base: string;
  /** As the server knows the model. */
  readonly name: string;
  readonly tokenizer: Tokenizer;
}

/** Words, digits, a contraction and a letter of two bytes: tokenizers differ on it. */
const PROBE = "The cat's 12 naïve ideas cost 3.50 dollars each, and nobody asked";

/** The ways to ask, the one that tells most first. */
const DIALECTS: readonly Dialect[] = [
  { form: 'echo', ids: true, maxTokens: 0, tokenIds: true },
  { form: 'prompt_logprobs', ids: true, maxTokens: 1, tokenIds: true },
  { form: 'echo', ids: true, maxTokens: 0, tokenIds: false },
  { form: 'echo', ids: true, maxTokens: 1, tokenIds: false },
  { form: 'echo', ids: false, maxTokens: 0, tokenIds: false },
  { form: 'echo', ids: false, maxTokens: 1, tokenIds: false },
];
/** Attempts at each: a server may fail where it should refuse. */
const PROBE_ATTEMPTS = 3;

/** Most probable tokens that are asked where some are banned: as many as vLLM gives unless told. */
const MANY = 20;
/** Bytes that an answer may have: of its own, and for each token. */
const ANSWER_BYTES = 65_536;
const TOKEN_BYTES = 1024;

/**
 * Finds out by a probe how a server tells the log-probabilities of a prompt.
 * @throws UserError where it does not, or has other tokens than the tokenizer
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { base, name, tokenizer } = options;
  const ids = probeIds(tokenizer);
  let last: UserError | undefined;
  for (const dialect of DIALECTS) {
    try {
      const scores = await scoreOnce(options, dialect, ids, 1, { attempts: PROBE_ATTEMPTS });
      if (scores.tokens && !dialect.tokenIds) checkTokens(scores.tokens, ids, options);
      return {
        dialect,
        probe: Array.from(scores.logprobs.subarray(1)),
        tellsIds: dialect.tokenIds && (await tellsMany(options, dialect, ids)),
        score: (prompt, start, banned) => scoreOnce(options, dialect, prompt, start, { banned }),
        complete: (prompt) => completeOnce(options, dialect, prompt),
      };
    } catch (error) {
      // What the server lacks is one thing, a key that it does not take or tokens that are others another.
      if (!(error instanceof NoScores) && !(error instanceof Refused)) throw error;
      if (error instanceof Refused && [401, 403, 429].includes(error.status)) throw error;
      last ??= error;
      if (error instanceof Refused && error.status === 404) break;
      if (error instanceof NoScores && !(last instanceof NoScores)) last = error;
    }
  }
  throw new UserError(
    `${base}#${name}: the server does not give the log-probabilities of a prompt, which scores are made of (echo with logprobs, or vLLM's prompt_logprobs, at /completions; chat APIs have neither): ${last?.message ?? ''}`,
  );
}

/** Whether the server lists as many tokens as are asked where some are banned, by their ids. */
async function tellsMany(options: EngineOptions, dialect: Dialect, ids: readonly number[]): Promise<boolean> {
  try {
    const asked = { attempts: PROBE_ATTEMPTS, banned: new Int32Array(0) };
    const { tokens = [] } = await scoreOnce(options, dialect, ids, 1, asked);
    return dialect.form === 'prompt_logprobs' || tokens.every((token) => tokenId(token) !== undefined);
  } catch (error) {
    if (error instanceof Refused || error instanceof NoScores) return false;
    throw error;
  }
}

function probeIds(tokenizer: Tokenizer): number[] {
  const { startOfText, prefix } = tokenizer;
  const text = probeText(tokenizer);
  return startOfText === null || prefix !== null ? text : [startOfText, ...text];
}

/** A vocabulary of few characters may lack some of the probe's. */
function probeText(tokenizer: Tokenizer): number[] {
  try {
    return tokenizer.encode(PROBE);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return tokenizer.encode('the cat and the dog');
  }
}

/** A tokenizer of another model would give wrong numbers for all that is scored. */
function checkTokens(
  tokens: readonly string[],
  ids: readonly number[],
  { base, name, tokenizer }: EngineOptions,
): void {
  for (const [i, token] of tokens.entries()) {
    const id = ids[i] as number;
    const own = tokenizer.decode([id]);
    // Parts of a character have no text of their own, special tokens may have none, and some servers leave out spaces.
    if (/\ufffd|^bytes:/.test(token + own) || id === tokenizer.startOfText || id === tokenizer.prefix)
      continue;
    if (plain(token) !== plain(own)) {
      throw new UserError(
        `${base}#${name}: the server reads token ${id} as ${JSON.stringify(token.slice(0, 40))}, and the tokenizer as ${JSON.stringify(own)}: --tokenizer must be the served model's own`,
      );
    }
  }
}

/** Without the marks that some vocabularies have for spaces. */
function plain(token: string): string {
  return token.replace(/[\u0120\u2581 ]/g, '');
}

async function scoreOnce(
  options: EngineOptions,
  dialect: Dialect,
  ids: ArrayLike<number>,
  start: number,
  { attempts, banned }: { readonly attempts?: number; readonly banned?: Int32Array | undefined } = {},
): Promise<PromptScores> {
  const { http, base, name, tokenizer } = options;
  const { form, maxTokens, tokenIds } = dialect;
  const url = `${base}/completions`;
  const list = Array.from(ids);
  const top = banned ? MANY : 1;
  const prompt = dialect.ids ? list : textOf(list, tokenizer);
  const body = {
    ...{ model: name, prompt, max_tokens: maxTokens, temperature: 0 },
    ...(form === 'echo' ? { echo: true, logprobs: top } : { prompt_logprobs: top }),
    ...(form === 'echo' && tokenIds ? { return_tokens_as_token_ids: true } : {}),
  };
  const most = ANSWER_BYTES + TOKEN_BYTES * (banned ? 4 : 1) * (list.length + 1);
  const reply = await http.json(url, { body, most, ...(attempts === undefined ? {} : { attempts }) });
  const scores = readScores(reply, ids, form, url, banned && new Set(banned));
  if (typeof prompt === 'string') checkText(scores, prompt, list, start, tokenizer, url);
  return scores;
}

/** The text of token ids; the token that the server itself puts first is left out. */
function textOf(ids: readonly number[], { prefix, decode }: Tokenizer): string {
  return decode(prefix !== null && ids[0] === prefix ? ids.slice(1) : ids);
}

/** That the server cut the text into the tokens that were meant. @throws UserError */
function checkText(
  { tokens = [], offsets }: PromptScores,
  text: string,
  ids: readonly number[],
  start: number,
  tokenizer: Tokenizer,
  url: string,
): void {
  const joined = tokens.join('');
  const isWhole = !tokens.some((token) => /\ufffd|^bytes:/.test(token));
  if (isWhole && joined !== text && !joined.endsWith(text))
    throw new UserError(
      `${url}: the server's tokens do not join to the text that was sent: ${JSON.stringify(joined.slice(0, 60))} instead of ${JSON.stringify(text.slice(0, 60))}`,
    );
  const before = textOf(ids.slice(0, start), tokenizer);
  const place = offsets?.[start];
  const first = offsets?.[0] ?? 0;
  // Characters are counted by code points in some servers, by UTF-16 units in others; a first token of the server's own
  // may count or not.
  const places = [before.length, [...before].length];
  if (place !== undefined && !places.some((p) => p === place || p === place - first))
    throw new UserError(
      `${url}: token ${start} begins at character ${place} for the server and at ${places[1]} for the tokenizer: its --tokenizer must be the served model's own`,
    );
}

async function completeOnce(
  { http, base, name, tokenizer }: EngineOptions,
  { ids, tokenIds }: Dialect,
  { prompt, maxTokens, stop }: Prompted,
): Promise<Completed> {
  const url = `${base}/completions`;
  const body = {
    model: name,
    prompt: ids ? Array.from(prompt) : textOf(Array.from(prompt), tokenizer),
    ...{ max_tokens: maxTokens, temperature: 0, logprobs: 1 },
    ...(stop.length > 0 ? { stop } : {}),
    ...(tokenIds ? { return_tokens_as_token_ids: true } : {}),
  };
  const reply = await http.json(url, { body, most: ANSWER_BYTES + TOKEN_BYTES * maxTokens });
  const written = readText(reply, maxTokens, url);
  const text = cutAt(written.text, stop) ?? written.text;
  const { tokens, logprobs } = tokensOf(written, text, tokenizer);
  const cut = tokens.length > 0 && cutAt(tokenizer.decode(tokens), stop) !== undefined;
  const reason =
    written.reason === 'length' && !cut
      ? 'length'
      : cut || written.stopReason !== undefined || text !== written.text
        ? 'stop'
        : 'end';
  return { text, tokens, logprobs, reason };
}

/**
 * The ids of what was written, where the server tells them, or where the text has as many tokens as it names; none
 * otherwise. An end token, of which nothing is in the text, is left out.
 */
function tokensOf(
  { tokens, logprobs }: { readonly tokens: readonly string[]; readonly logprobs: readonly number[] },
  text: string,
  tokenizer: Tokenizer,
): { tokens: readonly number[]; logprobs: readonly number[] } {
  const told = tokens.map(tokenId);
  const ids = told.every((id) => id !== undefined) ? told : tokenizer.encode(text, { prefix: false });
  if (ids.length !== tokens.length) return { tokens: [], logprobs: [] };
  const end = ids.at(-1);
  const isEnd =
    end !== undefined && end === tokenizer.startOfText && tokenizer.decode(ids.slice(0, -1)) === text;
  return isEnd ? { tokens: ids.slice(0, -1), logprobs: logprobs.slice(0, -1) } : { tokens: ids, logprobs };
}
