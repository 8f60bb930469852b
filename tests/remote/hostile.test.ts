import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { openScorer, type Scorer, type ScorerOptions } from '../../src/evaluate/scorer.ts';
import type { Tokenizer } from '../../src/types.ts';
import {
  demoTokenizer,
  type FakeApi,
  fakeApi,
  type Handle,
  hashServer,
  Status,
  VLLM,
} from '../helpers/fake-api.ts';

/** Servers that answer the probe rightly and everything behind it wrongly. */
let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await demoTokenizer();
});
afterEach(() => vi.unstubAllEnvs());

const QUICK: ScorerOptions = {
  ...{ tokenizer: 'demo-tiny', timeoutMs: 300, attempts: 3, firstWaitMs: 5, longestWaitMs: 20 },
};

async function turning(evil: Handle, key?: string): Promise<{ api: FakeApi; scorer: Scorer }> {
  if (key !== undefined) vi.stubEnv('EVALGPT_API_KEY', key);
  const good = hashServer(VLLM, tokenizer);
  let turned = false;
  const api = await fakeApi((body, request, response) => (turned ? evil : good)(body, request, response));
  const scorer = await openScorer(`${api.url}/v1#hash`, QUICK);
  turned = true;
  return { api, scorer };
}

const PAIR = { context: 'Who is it', continuation: ' then' };

/** What of a good answer is told otherwise. */
function edited(
  edit: (logprobs: { tokens: unknown[]; token_logprobs: unknown[]; top_logprobs: unknown[] }) => void,
): Handle {
  return async (body, request, response) => {
    const answer = await hashServer(VLLM, tokenizer)(body, request, response);
    edit((answer as { choices: { logprobs: Parameters<typeof edit>[0] }[] }).choices[0]!.logprobs);
    return answer;
  };
}

const raw =
  (text: string, length = Buffer.byteLength(text)): Handle =>
  (_body, _request, response) => {
    response.writeHead(200, { 'Content-Length': length });
    response.write(text, () => {
      if (length > text.length) setTimeout(() => response.destroy(), 20);
    });
    return undefined;
  };

const flood: Handle = (_body, _request, response) => {
  response.writeHead(200);
  const chunk = 'x'.repeat(1 << 16);
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', pour);
  };
  pour();
  return undefined;
};

const drip: Handle = (_body, _request, response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write(' '), 20);
  response.on('close', () => clearInterval(timer));
  return undefined;
};

const CASES: [string, Handle, RegExp][] = [
  ['a body without end', flood, /the answer is longer than the \d+ bytes that it could need/],
  ['a byte now and then', drip, /no whole answer within 0.3 s, 3 times in a row/],
  ['silence', () => undefined, /no whole answer within 0.3 s, 3 times in a row/],
  ['a page', raw('<html>hello</html>'), /expected JSON, found "<html>hello<\/html>"/],
  ['nothing', raw(''), /expected JSON, found ""/],
  ['a body cut short', raw('{"choices": [', 1000), /the connection failed: .*3 times in a row/],
  [
    'a broken connection',
    (_b, request) => void request.socket.destroy(),
    /the connection failed: .*3 times in a row/,
  ],
  ['NaN', raw('{"choices":[{"logprobs":{"tokens":["a"],"token_logprobs":[NaN]}}]}'), /expected JSON, found/],
  ['null', raw('null'), /expected one choice in the answer, found none/],
  ['no choice', () => ({ choices: [] }), /expected one choice in the answer, found 0/],
  ['two choices', () => ({ choices: [{}, {}] }), /expected one choice in the answer, found 2/],
  ['no log-probabilities', () => ({ choices: [{ text: '' }] }), /the answer holds no log-probabilities/],
  [
    'a token too few',
    edited((l) => [l.tokens.pop(), l.token_logprobs.pop(), l.top_logprobs.pop()]),
    /expected log-probabilities of \d+ tokens, found \d+ of \d+ tokens/,
  ],
  [
    'lists of different length',
    edited((l) => l.tokens.pop()),
    /expected log-probabilities of \d+ tokens, found \d+ of \d+ tokens/,
  ],
  [
    'a token put first',
    edited((l) => l.tokens.unshift(l.tokens.pop())),
    /expected token \d+ at place 0, found \d+/,
  ],
  [
    'a log-probability above 0',
    edited((l) => (l.token_logprobs[2] = 0.5)),
    /at most 0 for token 2, found 0.5/,
  ],
  [
    'a log-probability that is none',
    edited((l) => (l.token_logprobs[2] = null)),
    /at most 0 for token 2, found null/,
  ],
  ['a text for one', edited((l) => (l.token_logprobs[2] = '-1')), /at most 0 for token 2, found "-1"/],
  ['an endless one', edited((l) => (l.token_logprobs[2] = -Infinity)), /at most 0 for token 2, found null/],
  ['no most probable tokens', edited((l) => (l.top_logprobs[2] = {})), /no most probable token at place 2/],
  [
    '500 each time',
    () => {
      throw new Status(500, 'out of\nmemory');
    },
    /the server answers 500: out of memory, 3 times in a row/,
  ],
  [
    '429 each time',
    () => {
      throw new Status(429, 'slow down');
    },
    /the server answers 429: slow down, 3 times in a row/,
  ],
  [
    '400',
    () => {
      throw new Status(400, 'x'.repeat(5000));
    },
    /the server answers 400: x{200}…$/,
  ],
  [
    'a redirect without an address',
    (_b, _r, response) => void response.writeHead(307).end(),
    /redirects to nowhere/,
  ],
  [
    'a redirect to itself',
    (_b, request, response) => void response.writeHead(307, { Location: request.url }).end(),
    /redirects more than 3 times/,
  ],
  [
    'a redirect that makes a GET',
    (_b, request, response) => void response.writeHead(302, { Location: request.url }).end(),
    /redirects with 302, expected 307 or 308/,
  ],
];

describe('a served model whose server answers with', () => {
  test.each(CASES)('%s', async (_, evil, message) => {
    const { api, scorer } = await turning(evil);
    await using _api = api;
    const began = performance.now();
    const error = await scorer.score([PAIR]).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    await scorer.close();
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(message);
    expect((error as UserError).message).not.toContain('\n');
    expect((error as UserError).message.length).toBeLessThan(400);
    expect(performance.now() - began).toBeLessThan(4000);
  });
});

test('prompts and keys go to no other host', async () => {
  await using thief = await fakeApi(() => ({}));
  const { api, scorer } = await turning(
    (_b, _r, response) => void response.writeHead(307, { Location: `${thief.url}/v1/completions` }).end(),
    'sk-secret-1',
  );
  await using _api = api;
  await expect(scorer.score([PAIR])).rejects.toThrow(
    `redirects to ${thief.url}, and requests go to ${api.url} only`,
  );
  await scorer.close();
  expect(thief.requests).toEqual([]);
  expect(api.requests.at(-1)?.authorization).toBe('Bearer sk-secret-1');
});

test('a key that the server quotes does not come out', async () => {
  const { api, scorer } = await turning((_b, request) => {
    throw new Status(401, `Incorrect API key provided: ${request.headers.authorization}`);
  }, 'sk-secret-1');
  await using _api = api;
  await expect(scorer.score([PAIR])).rejects.toThrow(/401: Incorrect API key provided: Bearer …$/);
  await scorer.close();
});

test('bodies without end leave no memory behind', async () => {
  const { api, scorer } = await turning(flood);
  await using _api = api;
  const once = (): Promise<unknown> => scorer.score([PAIR]).catch(() => {});
  await once();
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 60; i++) await once();
  const grown = process.memoryUsage().rss - before;
  console.log(`60 bodies without end: ${(grown / 2 ** 20).toFixed(1)} MiB more`);
  expect(grown).toBeLessThan(64 * 2 ** 20);
  await scorer.close();
});

test('a wait that the server asks for is kept, up to the longest', async () => {
  const good = hashServer(VLLM, tokenizer);
  const at: number[] = [];
  const { api, scorer } = await turning((body, request, response) => {
    at.push(performance.now());
    if (at.length > 2) return good(body, request, response);
    response
      .writeHead(429, {
        'Retry-After': at.length === 1 ? '3600' : new Date(Date.now() + 3.6e6).toUTCString(),
      })
      .end();
    return undefined;
  });
  await using _api = api;
  await expect(scorer.score([PAIR])).resolves.toHaveLength(1);
  await scorer.close();
  for (const [i, then] of [at[0], at[1]].entries()) {
    const waited = (at[i + 1] as number) - (then as number);
    expect(waited).toBeGreaterThan(15);
    expect(waited).toBeLessThan(1000);
  }
});

test('closing breaks off what is under way', async () => {
  const { api, scorer } = await turning(() => undefined);
  await using _api = api;
  const scoring = scorer.score([PAIR]);
  setTimeout(() => scorer.close(), 50);
  const began = performance.now();
  await expect(scoring).rejects.toThrow('the client is closed');
  expect(performance.now() - began).toBeLessThan(250);
});
