import { setMaxListeners } from 'node:events';
import { setTimeout as timer } from 'node:timers/promises';
import pLimit from 'p-limit';
import { messageOf, UserError } from '../../errors.ts';
import { parseJson } from '../../json.ts';

/** Attempts, waits and bounds of requests to a server. Times in milliseconds. */
export interface HttpOptions {
  readonly key?: string | undefined;
  /** Requests under way at once. */
  readonly concurrency?: number | undefined;
  /** For one attempt, from its first byte to its last. */
  readonly timeoutMs?: number | undefined;
  readonly attempts?: number | undefined;
  /** Before the second attempt; doubled each time. */
  readonly firstWaitMs?: number | undefined;
  /** No wait is longer, whatever the server asks. */
  readonly longestWaitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Asked {
  readonly body?: object;
  /** Bytes that the answer may have. */
  readonly most: number;
  /** In place of the client's own. */
  readonly attempts?: number;
}

/** Talks to one server; every request is answered once, however often it has to be sent. */
export interface Http {
  /** The JSON that a server answers: to a POST where there is a body, else to a GET. @throws Refused, UserError */
  json(url: string, asked: Asked): Promise<unknown>;
  /** Requests sent so far, and those among them that were sent again. */
  readonly counts: { sent: number; again: number };
  /** Breaks off what is under way. */
  close(): void;
}

/** An answer other than 200: the server's own words are in the message. */
export class Refused extends UserError {
  override name = 'Refused';
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** What may be otherwise the next time. */
class Passing extends Error {
  readonly retryAfterMs: number | null;
  readonly status: number | undefined;
  constructor(message: string, retryAfterMs: number | null = null, status?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
    this.status = status;
  }
}

export const CONCURRENCY = 8;
const TIMEOUT_MS = 120_000;
const ATTEMPTS = 8;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** Of an answer that says why there is none. */
const REASON_BYTES = 16_384;
const REDIRECTS = 3;

export function openHttp(base: string, options: HttpOptions = {}): Http {
  const { origin } = new URL(base);
  const { key, attempts = ATTEMPTS, timeoutMs = TIMEOUT_MS, signal } = options;
  const { firstWaitMs = FIRST_WAIT_MS, longestWaitMs = LONGEST_WAIT_MS } = options;
  const limit = pLimit(options.concurrency ?? CONCURRENCY);
  const closing = new AbortController();
  const counts = { sent: 0, again: 0 };
  const stopped = AbortSignal.any([closing.signal, ...(signal ? [signal] : [])]);
  // One a request under way.
  setMaxListeners(0, stopped);

  /** A server's words, short, on one line and without the key. */
  const quoted = (text: string): string => {
    const plain = (key === undefined ? text : text.replaceAll(key, '…'))
      .replace(/[\p{C}\p{Z}]+/gu, ' ')
      .trim();
    return plain.length > 200 ? `${plain.slice(0, 200)}…` : plain;
  };

  const once = async (url: string, { body, most }: Asked): Promise<unknown> => {
    const controller = new AbortController();
    const timeout = setTimeout(
      () => controller.abort(new Passing(`no whole answer within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    const stop = (): void => controller.abort(stopped.reason);
    stopped.addEventListener('abort', stop);
    counts.sent++;
    try {
      const response = await follow(url, body, controller.signal);
      if (response.status !== 200) throw await refusal(url, response);
      const text = await readText(response, most);
      if (text === undefined)
        throw new UserError(`${url}: the answer is longer than the ${most} bytes that it could need`);
      try {
        return parseJson(text);
      } catch {
        throw new UserError(`${url}: expected JSON, found "${quoted(text)}"`);
      }
    } catch (error) {
      stopped.throwIfAborted();
      if (error instanceof UserError || error instanceof Passing) throw error;
      if (controller.signal.aborted) throw controller.signal.reason;
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      throw new Passing(`the connection failed: ${messageOf(cause)}`);
    } finally {
      clearTimeout(timeout);
      stopped.removeEventListener('abort', stop);
      // Whatever is left of the answer is not wanted.
      controller.abort();
    }
  };

  const follow = async (url: string, body: object | undefined, during: AbortSignal): Promise<Response> => {
    let at = url;
    for (let hop = 0; hop <= REDIRECTS; hop++) {
      const response = await fetch(at, {
        method: body ? 'POST' : 'GET',
        headers: {
          Accept: 'application/json',
          ...(body ? { 'Content-Type': 'application/json' } : {}),
          ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
        redirect: 'manual',
        signal: during,
      });
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400) return response;
      const next = location !== null && URL.canParse(location, at) ? new URL(location, at) : undefined;
      // A key and prompts go to the server that was named and to no other; 301 to 303 would turn a POST into a GET.
      if (next?.origin !== origin)
        throw new UserError(
          `${url}: redirects to ${next ? quoted(next.origin) : 'nowhere'}, and requests go to ${origin} only`,
        );
      if (body && response.status !== 307 && response.status !== 308)
        throw new UserError(`${url}: redirects with ${response.status}, expected 307 or 308 for a POST`);
      await response.body?.cancel();
      at = next.href;
    }
    throw new UserError(`${url}: redirects more than ${REDIRECTS} times`);
  };

  const refusal = async (url: string, response: Response): Promise<Error> => {
    const { status } = response;
    const text = (await readText(response, REASON_BYTES).catch(() => '')) ?? '';
    const reason = quoted(reasonOf(text));
    const message = `the server answers ${status}${reason === '' ? '' : `: ${reason}`}`;
    if ([408, 425, 429].includes(status) || status >= 500)
      return new Passing(message, retryAfter(response.headers), status);
    return new Refused(`${url}: ${message}`, status);
  };

  const json = async (url: string, asked: Asked): Promise<unknown> => {
    const most = asked.attempts ?? attempts;
    for (let attempt = 1; ; attempt++) {
      stopped.throwIfAborted();
      try {
        return await once(url, asked);
      } catch (error) {
        if (!(error instanceof Passing)) throw error;
        if (attempt >= most) {
          const times = most === 1 ? '' : `, ${most} times in a row`;
          const message = `${url}: ${error.message}${times}`;
          throw error.status === undefined ? new UserError(message) : new Refused(message, error.status);
        }
        counts.again++;
        const backoff = firstWaitMs * 2 ** (attempt - 1) * (0.5 + Math.random());
        const wait = Math.min(Math.max(error.retryAfterMs ?? 0, backoff), longestWaitMs);
        await timer(wait, undefined, { signal: stopped }).catch(() => stopped.throwIfAborted());
      }
    }
  };

  return {
    json: (url, asked) => limit(() => json(url, asked)),
    counts,
    close: () => closing.abort(new Error('the client is closed')),
  };
}

/** A body as text, read no further than `most` bytes: undefined where it is longer. */
async function readText(response: Response, most: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > most) return undefined;
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The message of an error in OpenAI's form, or in FastAPI's, else the whole. */
function reasonOf(text: string): string {
  try {
    const value = parseJson(text) as Record<string, unknown> | null;
    const error = value?.error as Record<string, unknown> | string | undefined;
    const found = (typeof error === 'object' ? error?.message : error) ?? value?.message ?? value?.detail;
    return typeof found === 'string' ? found : text;
  } catch {
    return text;
  }
}

/** Milliseconds that a server asks to wait: seconds, or a date. */
export function retryAfter(headers: Headers, now: number = Date.now()): number | null {
  const value = headers.get('retry-after');
  if (value === null) return null;
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(ms, 0) : null;
}
