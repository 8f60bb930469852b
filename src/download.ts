import { createHash, type Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as timer } from 'node:timers/promises';
import { messageOf, UserError } from './errors.ts';
import { tryLock } from './store/lock.ts';

/** Where a file comes from and what it must be. */
export interface Download {
  readonly url: string;
  /** Final path; a partial file lies beside it as `${target}.incomplete` and is taken up again. */
  readonly target: string;
  /** Checked where given. */
  readonly sha256?: string | null;
  /** SHA-1 of the file as a git blob, checked where given. */
  readonly gitSha1?: string | null;
  readonly bytes?: number | null;
  /** An Authorization header is sent to the URL's own host only, not to where it redirects. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (received: number, total: number | null) => void;
}

/** What goes on with a download: the first of a file has received nothing yet. */
export interface DownloadEvent {
  readonly kind: 'download';
  readonly what: string;
  readonly received: number;
  readonly total: number | null;
  readonly licence: string | null;
}

/** A server that can't be reached, as opposed to one that refuses. */
export class Unreachable extends UserError {
  override name = 'Unreachable';
}

/** Attempts in a row that bring nothing new; any byte received starts the count again. */
const ATTEMPTS = 5;
/** Attempts at an answer that is not a file. */
const QUICK_ATTEMPTS = 3;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** A server that sends nothing for this long is given up. */
const IDLE_MS = 60_000;
const REDIRECTS = 8;
/** Refusals that may pass. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Downloads a file: resumed where a former attempt broke off, retried, hashed while it is written, put in place when
 * it is whole. Two processes that want the same file fetch it once. Nothing is fetched where the target exists.
 * @returns the file's size and hash; of a file that was there already, its size alone
 * @throws UserError naming the URL where the server refuses, or what it sends is not what it must be
 */
export async function download(
  what: Download,
  options: DownloadOptions = {},
): Promise<{ readonly bytes: number; readonly sha256: string | null }> {
  const { target } = what;
  await mkdir(dirname(target), { recursive: true }).catch((error: unknown) => {
    throw new UserError(`${dirname(target)}: cannot be written: ${messageOf(error)}`);
  });
  let release: (() => Promise<void>) | undefined;
  for (;;) {
    if (existsSync(target)) return { bytes: (await stat(target)).size, sha256: null };
    release = await tryLock(`${target}.lock`);
    if (release) break;
    await pause(200, options.signal);
  }
  try {
    // It may have come between the look and the lock.
    if (existsSync(target)) return { bytes: (await stat(target)).size, sha256: null };
    return await fetchWhole(what, options);
  } finally {
    await release();
  }
}

async function fetchWhole(
  what: Download,
  { signal, onProgress }: DownloadOptions,
): Promise<{ bytes: number; sha256: string }> {
  const { url, target } = what;
  const partial = `${target}.incomplete`;
  const validatorFile = `${partial}.etag`;
  const handle = await open(partial, 'a+').catch((error: unknown) => {
    throw new UserError(`${partial}: cannot be written: ${messageOf(error)}`);
  });
  try {
    let { size: at } = await handle.stat();
    let hash = await hashOf(handle, at);
    let idle = 0;
    for (;;) {
      signal?.throwIfAborted();
      const before = at;
      let asks: number | null = null;
      try {
        const validator = at > 0 ? await readFile(validatorFile, 'utf8').catch(() => undefined) : undefined;
        const known = what.sha256 || what.gitSha1;
        // Without a validator or a hash nothing tells whether the rest belongs to what is here.
        const resumes = at > 0 && (validator !== undefined || known);
        const range = resumes
          ? { Range: `bytes=${at}-`, ...(validator ? { 'If-Range': validator } : {}) }
          : {};
        const asked = { headers: { ...what.headers, ...range }, signal };
        await request(url, asked, async (response, touch) => {
          if (response.status === 416 && totalOf(response) === at) return;
          if (!response.ok) throw refusal(url, response);
          if (response.status !== 206 || startOf(response) !== at) {
            await handle.truncate(0);
            [at, hash] = [0, createHash('sha256')];
            if (response.status === 206) throw new Error('the server sent another range than was asked');
          }
          const etag = response.headers.get('etag');
          if (etag && !etag.startsWith('W/')) await writeFile(validatorFile, etag);
          const total = response.status === 206 ? totalOf(response) : lengthOf(response);
          for await (const chunk of response.body ?? []) {
            touch();
            await handle.appendFile(chunk as Uint8Array).catch((error: unknown) => {
              throw new UserError(`${partial}: cannot be written: ${messageOf(error)}`);
            });
            hash.update(chunk as Uint8Array);
            at += (chunk as Uint8Array).length;
            onProgress?.(at, total ?? what.bytes ?? null);
          }
          if (total !== null && at < total) throw new Error(`the connection ended at byte ${at} of ${total}`);
        });
        return await finish(what, { handle, partial, validatorFile, bytes: at, hash });
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof Refused) {
          if (!PASSING.has(error.status)) throw error;
          asks = error.retryAfter;
        } else if (error instanceof UserError && !(error instanceof Unreachable)) throw error;
        idle = at > before ? 0 : idle + 1;
        if (idle >= ATTEMPTS) {
          if (error instanceof UserError) throw error;
          throw new Unreachable(`${url}: ${messageOf(error)}, ${ATTEMPTS} times in a row`);
        }
      }
      const backoff = Math.min(FIRST_WAIT_MS * 2 ** idle, LONGEST_WAIT_MS) * (0.5 + Math.random());
      await pause(asks ?? backoff, signal);
    }
  } finally {
    await handle.close();
  }
}

/** Checks what came and puts it in place; what is wrong is deleted, so that it is not taken up again. */
async function finish(
  what: Download,
  got: { handle: FileHandle; partial: string; validatorFile: string; bytes: number; hash: Hash },
): Promise<{ bytes: number; sha256: string }> {
  const { url, target } = what;
  const sha256 = got.hash.digest('hex');
  const wrong = async (kind: string, expected: string | number, found: string | number): Promise<never> => {
    await rm(got.partial, { force: true });
    await rm(got.validatorFile, { force: true });
    throw new UserError(`${url}: expected ${kind} ${expected}, found ${found}; nothing of it was kept`);
  };
  if (what.bytes != null && what.bytes !== got.bytes) await wrong('bytes:', what.bytes, got.bytes);
  if (what.sha256 && what.sha256 !== sha256) await wrong('sha256', what.sha256, sha256);
  if (what.gitSha1) {
    const found = await gitSha1(got.handle, got.bytes);
    if (found !== what.gitSha1) await wrong('git sha1', what.gitSha1, found);
  }
  await got.handle.sync();
  await rename(got.partial, target);
  await rm(got.validatorFile, { force: true });
  return { bytes: got.bytes, sha256 };
}

/** Status and headers of an answer, and its JSON where it is a good one. @throws Unreachable */
export function fetchJson(
  url: string,
  options: RequestOptions,
): Promise<Answer & { readonly body: unknown }> {
  return retried(options.signal, () =>
    request(url, options, async (response) => {
      if (PASSING.has(response.status)) throw refusal(url, response);
      const { status, headers, ok } = response;
      const body: unknown = ok
        ? await response.json().catch((error: unknown) => {
            options.signal?.throwIfAborted();
            throw new UserError(`${url}: expected JSON: ${messageOf(error)}`);
          })
        : undefined;
      return { status, headers, body };
    }),
  );
}

/** Status and headers of a file without its content; of a file that lies on another host, the first host's. */
export function fetchHead(url: string, options: RequestOptions): Promise<Answer> {
  return retried(options.signal, () =>
    request(url, { ...options, method: 'HEAD', stayOnHost: true }, async (response) => {
      if (PASSING.has(response.status)) throw refusal(url, response);
      return { status: response.status, headers: response.headers };
    }),
  );
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
}

async function retried<T>(signal: AbortSignal | undefined, once: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once();
    } catch (error) {
      signal?.throwIfAborted();
      const passing = error instanceof Refused || error instanceof Unreachable;
      if (!passing || attempt >= QUICK_ATTEMPTS) throw error;
      const asks = error instanceof Refused ? error.retryAfter : null;
      await pause(asks ?? FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random()), signal);
    }
  }
}

/** Waits. @throws the signal's reason when aborted */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await timer(ms, undefined, { signal }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}

/** An answer other than the file. */
class Refused extends UserError {
  readonly status: number;
  readonly retryAfter: number | null;
  constructor(message: string, status: number, retryAfter: number | null) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

function refusal(url: string, response: Response): Refused {
  const { status } = response;
  const meaning =
    status === 401 || status === 403
      ? 'access is not granted'
      : status === 404
        ? 'there is no such file'
        : status === 429
          ? 'too many requests'
          : 'the server fails';
  return new Refused(`${url}: the server answers ${status}: ${meaning}`, status, retryAfter(response));
}

/** Milliseconds that a server asks to wait, at most a few minutes. */
function retryAfter(response: Response): number | null {
  const value = response.headers.get('retry-after');
  if (value === null) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 300) * 1000 : null;
}

/**
 * The one place that opens a connection. Redirects are followed by hand: secrets stay with the first host. A server
 * that falls silent, before its answer or between two calls of `touch`, is an error.
 */
async function request<T>(
  url: string,
  options: RequestOptions & { readonly method?: 'GET' | 'HEAD'; readonly stayOnHost?: boolean },
  use: (response: Response, touch: () => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const silence = setTimeout(
    () => controller.abort(new Error(`nothing came for ${IDLE_MS / 1000} s`)),
    IDLE_MS,
  );
  const stop = (): void => controller.abort(options.signal?.reason);
  options.signal?.throwIfAborted();
  options.signal?.addEventListener('abort', stop);
  try {
    const response = await follow(url, options, controller.signal);
    return await use(response, () => silence.refresh());
  } finally {
    clearTimeout(silence);
    options.signal?.removeEventListener('abort', stop);
    // Whatever is left of the answer is not wanted.
    controller.abort();
  }
}

async function follow(
  url: string,
  options: Parameters<typeof request>[1],
  signal: AbortSignal,
): Promise<Response> {
  let at = new URL(mirrored(url));
  const first = new URL(url).host;
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const headers = new Headers({ 'Accept-Encoding': 'identity', ...options.headers });
    if (at.host !== first) headers.delete('Authorization');
    const { method = 'GET' } = options;
    const response = await fetch(at, { method, headers, redirect: 'manual', signal }).catch(
      (error: unknown) => {
        options.signal?.throwIfAborted();
        const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
        throw new Unreachable(`${at.origin}: cannot be reached: ${messageOf(cause)}`);
      },
    );
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    const next = new URL(location, at);
    if (next.protocol !== 'https:' && next.protocol !== 'http:') {
      throw new UserError(`${url}: redirects to ${next.protocol}, expected http or https`);
    }
    if (at.protocol === 'https:' && next.protocol === 'http:') {
      throw new UserError(`${url}: redirects from https to ${next.origin}`);
    }
    if (options.stayOnHost && next.host !== at.host) return response;
    await response.body?.cancel();
    at = next;
  }
  throw new UserError(`${url}: redirects more than ${REDIRECTS} times`);
}

/** Data hosts behind a mirror: EVALGPT_MIRROR=http://host turns https://a/b into http://host/a/b. */
function mirrored(url: string): string {
  const mirror = process.env.EVALGPT_MIRROR;
  if (!mirror) return url;
  const { host, pathname, search, protocol } = new URL(url);
  return protocol === 'https:' ? `${mirror.replace(/\/$/, '')}/${host}${pathname}${search}` : url;
}

function lengthOf(response: Response): number | null {
  const value = response.headers.get('content-length');
  return value === null || !/^\d+$/.test(value) ? null : Number(value);
}

/** Content-Range: bytes 100-199/200, or bytes * /200 */
function totalOf(response: Response): number | null {
  const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
  return total === undefined ? null : Number(total);
}

function startOf(response: Response): number | null {
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  return start === undefined ? null : Number(start);
}

async function hashOf(handle: FileHandle, bytes: number): Promise<Hash> {
  const hash = createHash('sha256');
  await readThrough(handle, bytes, (chunk) => hash.update(chunk));
  return hash;
}

/** Git's name of a file's content: SHA-1 over "blob LENGTH\0" and the bytes. */
async function gitSha1(handle: FileHandle, bytes: number): Promise<string> {
  const hash = createHash('sha1').update(`blob ${bytes}\0`);
  await readThrough(handle, bytes, (chunk) => hash.update(chunk));
  return hash.digest('hex');
}

async function readThrough(
  handle: FileHandle,
  bytes: number,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  const buffer = Buffer.alloc(1 << 20);
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, bytes - at), at);
    if (bytesRead === 0) throw new Error('a partial download shrank while it was read');
    take(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}
