import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UserError } from '../../errors.ts';
import { parseJson } from '../../json.ts';
import type { Model } from '../../models/open.ts';
import type { Backend } from '../../types.ts';
import { ApiError, errorBody } from './api-error.ts';
import { type Batcher, openBatcher } from './batcher.ts';
import { complete } from './completion.ts';
import { asObject, checkModel, encodeText, flag, readCompletionRequest } from './completion-request.ts';

export interface ServeLimits {
  /** Bytes of a request's body. */
  readonly body: number;
  /** Tokens of a request: its prompts, and what is to be generated behind them. */
  readonly tokens: number;
  /** Requests that are read, wait, are computed or answered. */
  readonly inFlight: number;
  /** Milliseconds in which a request's head must have come, the whole request, and its answer been taken. */
  readonly headMs: number;
  readonly requestMs: number;
  readonly answerMs: number;
}

const SERVE_LIMITS: ServeLimits = {
  body: 4 << 20,
  tokens: 65_536,
  inFlight: 256,
  headMs: 10_000,
  requestMs: 30_000,
  answerMs: 30_000,
};

export interface ServeOptions {
  readonly host?: string;
  /** 0 for any that is free. */
  readonly port?: number;
  /** As clients call the model. */
  readonly name: string;
  /** Clients must send it; on another host than the loopback one there must be one. */
  readonly token?: string | undefined;
  readonly limits?: Partial<ServeLimits>;
  /** Told what went wrong inside. */
  readonly onError?: (error: unknown) => void;
}

export interface Served {
  readonly url: string;
  /** Takes no more requests, answers those under way for so long, then breaks off. */
  close(graceMs?: number): Promise<void>;
}

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];
const HEADER_BYTES = 16_384;
const CONNECTIONS = 1024;
const GRACE_MS = 4000;
const REST_MS = 1000;

/** Serves a model through OpenAI's completions API. The caller closes the backend, after the server. */
export async function serve(model: Model, backend: Backend, options: ServeOptions): Promise<Served> {
  const { host = '127.0.0.1', port = 0, name, token } = options;
  const limits = { ...SERVE_LIMITS, ...options.limits };
  const open = LOOPBACK.includes(host);
  if (!open && !token)
    throw new UserError(
      `--host ${host}: whoever reaches this address could use the model: add --token-env NAME`,
    );
  const batcher = openBatcher(model, backend);
  const routes = routesOf(model, batcher, name, limits);
  const created = Math.floor(Date.now() / 1000);
  let inFlight = 0;
  let closing = false;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController();
    response.on('close', () => gone.abort(new Error('the client is gone')));
    try {
      const path = new URL(request.url ?? '/', 'http://host').pathname;
      if (path !== '/health') authorise(request, token);
      if (request.method === 'GET') {
        if (path === '/health')
          return send(
            response,
            200,
            { status: 'ok', in_flight: inFlight, waiting: batcher.waiting() },
            limits,
          );
        if (path === '/v1/models')
          return send(response, 200, { object: 'list', data: [entryOf(model, name, created)] }, limits);
      }
      const action = path.replace(/^\/v1(?=\/(de)?tokenize$)/, '');
      const route = Object.hasOwn(routes, action) ? routes[action] : undefined;
      if (!route) throw new ApiError(404, `there is no ${request.method} ${path.slice(0, 100)}`);
      if (request.method !== 'POST')
        throw new ApiError(405, `${path} expected POST, found ${request.method}`);
      if (closing) throw new ApiError(503, 'the server is about to stop');
      if (inFlight >= limits.inFlight)
        throw new ApiError(429, `${limits.inFlight} requests are under way, and no more are taken`);
      inFlight++;
      response.on('close', () => inFlight--);
      const body = await readBody(request, limits.body);
      send(response, 200, await route(body, gone.signal), limits);
    } catch (error) {
      if (gone.signal.aborted) return;
      if (!(error instanceof ApiError)) options.onError?.(error);
      const told = error instanceof ApiError ? error : new ApiError(500, 'the engine failed');
      if (told.status === 429 || told.status === 503) response.setHeader('Retry-After', '1');
      if (told.status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
      send(response, told.status, errorBody(told), limits);
    }
  };

  const server = createServer(
    { maxHeaderSize: HEADER_BYTES, connectionsCheckingInterval: 1000 },
    (request, response) => {
      if (!token && !isLocal(request.headers.host)) {
        // A page of another site, whose name was made to lead here, must not use the model of whoever reads it.
        return send(
          response,
          403,
          errorBody(new ApiError(403, 'the Host header names another machine')),
          limits,
        );
      }
      void handle(request, response);
    },
  );
  server.headersTimeout = limits.headMs;
  server.requestTimeout = limits.requestMs;
  server.keepAliveTimeout = 15_000;
  server.maxConnections = CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  }).catch((error: unknown) => {
    throw new UserError(
      `--host ${host} --port ${port}: cannot be listened on: ${error instanceof Error ? error.message : error}`,
    );
  });
  const at = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${at.port}`,
    async close(graceMs = GRACE_MS) {
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), graceMs);
      const idle = setInterval(() => server.closeIdleConnections(), 50);
      await closed;
      clearTimeout(late);
      clearInterval(idle);
    },
  };
}

type Route = (body: unknown, signal: AbortSignal) => Promise<object>;

function routesOf(
  model: Model,
  batcher: Batcher,
  name: string,
  { tokens }: ServeLimits,
): Readonly<Record<string, Route>> {
  const { tokenizer, contextLength } = model;
  const { vocabularySize } = model.architecture;
  const bounds = { name, tokenizer, vocabularySize, contextLength, tokens };
  return {
    async '/v1/completions'(body, signal) {
      const request = readCompletionRequest(body, bounds);
      const answers = await Promise.all(
        request.prompts.map((prompt, i) => complete(i, prompt, request, model, batcher, signal)),
      );
      const prompts = request.prompts.reduce((sum, prompt) => sum + prompt.tokens.length, 0);
      const written = answers.reduce((sum, answer) => sum + answer.written, 0);
      return {
        id: `cmpl-${randomUUID()}`,
        ...{ object: 'text_completion', created: Math.floor(Date.now() / 1000), model: name },
        choices: answers.map(({ choice }) => choice),
        usage: { prompt_tokens: prompts, completion_tokens: written, total_tokens: prompts + written },
      };
    },
    async '/tokenize'(value) {
      const body = asObject(value);
      checkModel(body, name);
      if (typeof body.prompt !== 'string') throw new ApiError(400, '"prompt" expected a text', 'prompt');
      const ids = encodeText(tokenizer, body.prompt, flag(body, 'add_special_tokens', true));
      return { count: ids.length, max_model_len: contextLength + 1, tokens: ids };
    },
    async '/detokenize'(value) {
      const body = asObject(value);
      checkModel(body, name);
      const { tokens: ids } = body;
      const isIds =
        Array.isArray(ids) &&
        ids.every((id) => Number.isSafeInteger(id) && id >= 0 && id < tokenizer.vocabularySize);
      if (!isIds) throw new ApiError(400, '"tokens" expected token ids', 'tokens');
      return { prompt: tokenizer.decode(ids as number[]) };
    },
  };
}

/** The model in /models: what it is called, and which it is. The window counts the last token, which is never fed. */
function entryOf({ identity, contextLength }: Model, name: string, created: number): object {
  const { sha256, parameters, architecture, config_sha256, tokenizer_sha256 } = identity;
  return {
    ...{ id: name, object: 'model', created, owned_by: 'evalgpt', max_model_len: contextLength + 1 },
    ...{ sha256, parameters, architecture, config_sha256, tokenizer_sha256 },
  };
}

/** @throws ApiError where a token is asked and another one sent; how long that takes tells nothing of it */
function authorise(request: IncomingMessage, token: string | undefined): void {
  if (!token) return;
  const sent = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  if (!timingSafeEqual(digest(sent), digest(token)))
    throw new ApiError(401, 'the bearer token is not the right one');
}

function isLocal(host: string | undefined): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i.test(host ?? '');
}

/** Reads a JSON body. A type that pages of other sites may send without being asked is refused. */
async function readBody(request: IncomingMessage, most: number): Promise<unknown> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    throw new ApiError(415, 'Content-Type expected application/json');
  const tooLong = new ApiError(413, `the body may have ${most} bytes, and this has more`);
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLong;
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Without this the loop below would destroy the connection where it is left, and the error would not get through.
  const parts = request.iterator({ destroyOnReturn: false });
  for await (const chunk of parts as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > most) throw tooLong;
    chunks.push(chunk);
  }
  try {
    return parseJson(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new ApiError(400, 'the body expected to be JSON');
  }
}

/** Answers; a client that does not take its answer is cut off. */
function send(response: ServerResponse, status: number, body: object, { answerMs }: ServeLimits): void {
  // Its close has been told already: a timer would only hold the server up when it stops.
  if (response.destroyed) return;
  const text = JSON.stringify(body);
  const late = setTimeout(() => response.destroy(), answerMs);
  response.on('close', () => clearTimeout(late));
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text, () => {
    // What is left of a refused body goes nowhere, and not for long. An end at once could overtake the answer.
    const { req: request } = response;
    if (request.complete) return;
    const end = setTimeout(() => request.socket.destroy(), REST_MS);
    // The connection may live on: nothing may be left on its socket.
    request.once('close', () => clearTimeout(end));
    request.resume();
  });
}
