import { beforeAll, describe, expect, test } from 'vitest';
import { openScorer, type PairScore, type ScorerOptions } from '../../src/evaluate/scorer.ts';
import { apiKey, parseAddress, wouldGetKey } from '../../src/remote/client/address.ts';
import { servedBackend } from '../../src/remote/client/backend.ts';
import { retryAfter } from '../../src/remote/client/http.ts';
import { readScores } from '../../src/remote/client/reply.ts';
import type { Tokenizer } from '../../src/types.ts';
import {
  demoTokenizer,
  type FakeApi,
  fakeApi,
  hashed,
  hashServer,
  OPENAI_LEGACY,
  type Shape,
  Status,
  VLLM,
} from '../helpers/fake-api.ts';

/** Servers of other makes, by their documentation: none of them runs here. */
let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await demoTokenizer();
});

const PAIRS = ['a', 'b', ' longer than that', ' the'].flatMap((continuation) =>
  ['Who is it?', 'Once there was a lamp in the barn.'].map((context) => ({ context, continuation })),
);

async function scoreOn(api: FakeApi, options: ScorerOptions = {}): Promise<PairScore[]> {
  const scorer = await openScorer(`${api.url}/v1#hash`, {
    tokenizer: 'demo-tiny',
    contextLength: 322,
    ...options,
  });
  return scorer.score(PAIRS).finally(() => scorer.close()) as Promise<PairScore[]>;
}

/** The request that scored the first pair. */
const lastBody = (api: FakeApi): Record<string, unknown> => ({ ...api.requests.at(-1)?.body });

const SHAPES: [string, Shape, Record<string, unknown>][] = [
  ['vLLM: echo, tokens by their ids', VLLM, { max_tokens: 0, echo: true, return_tokens_as_token_ids: true }],
  ['vLLM: prompt_logprobs alone', { ...VLLM, echo: false }, { max_tokens: 1, prompt_logprobs: 1 }],
  ['OpenAI legacy', OPENAI_LEGACY, { max_tokens: 0, echo: true, logprobs: 1 }],
  ['OpenAI legacy that must generate', { ...OPENAI_LEGACY, takesZero: false }, { max_tokens: 1, echo: true }],
  [
    'OpenAI legacy that takes text alone',
    { ...OPENAI_LEGACY, takesIds: false },
    { max_tokens: 0, prompt: expect.any(String) },
  ],
  [
    'text alone, and must generate',
    { ...OPENAI_LEGACY, takesIds: false, takesZero: false },
    { max_tokens: 1, prompt: expect.any(String) },
  ],
];

describe.each(SHAPES)('a server shaped like %s', (_, shape, asked) => {
  test('gives the log-probabilities and greedy flags of its model', async () => {
    await using api = await fakeApi(hashServer(shape, tokenizer));
    const warnings: string[] = [];
    const found = await scoreOn(api, { onWarning: (message) => warnings.push(message) });
    expect(lastBody(api)).toMatchObject(asked);
    expect(warnings).toEqual(shape.takesIds ? [] : [expect.stringContaining('takes no token ids')]);
    for (const [i, { context, continuation }] of PAIRS.entries()) {
      const whole = tokenizer.encode(context + continuation);
      const expected = hashed(whole).slice(tokenizer.encode(context).length);
      expect(found[i]?.logprobs).toEqual(expected.map(({ logprob }) => logprob));
      expect(found[i]?.hits).toEqual(expected.map(({ topLogprob, logprob }) => topLogprob === logprob));
    }
  });
});

test('what a server lacks is told in a sentence', async () => {
  const refuses = async (shape: Shape | undefined, message: string | RegExp): Promise<void> => {
    const handle = hashServer(shape ?? VLLM, tokenizer);
    await using api = await fakeApi((body, request, response) => {
      if (!shape && request.url === '/v1/completions') throw new Status(404, 'Not Found');
      return handle(body, request, response);
    });
    await expect(scoreOn(api)).rejects.toThrow(message);
  };
  await refuses(
    { ...OPENAI_LEGACY, echo: false },
    /does not give the log-probabilities of a prompt, .* 400: Unrecognized request argument supplied: return_tokens/,
  );
  await refuses(
    undefined,
    /does not give the log-probabilities of a prompt, .*chat APIs have neither.*404: Not Found/,
  );
});

test('a window that nobody tells must be given', async () => {
  await using api = await fakeApi(hashServer(OPENAI_LEGACY, tokenizer));
  const open = openScorer(`${api.url}/v1#hash`, { tokenizer: 'demo-tiny' });
  await expect(open).rejects.toThrow(
    'the server does not tell its window (max_model_len of /models): add --context-length N',
  );
});

test('a tokenizer that is not the served model’s is found out, whether ids or text are sent', async () => {
  const other: Tokenizer = {
    ...tokenizer,
    decode: (ids) => tokenizer.decode(ids.map((id) => (id + 1) % 700)),
  };
  await using api = await fakeApi(hashServer(OPENAI_LEGACY, other));
  await expect(scoreOn(api)).rejects.toThrow(
    /the server reads token \d+ as .* must be the served model's own/,
  );
  const letters: Tokenizer = {
    ...tokenizer,
    encode: (text) => [...text].map((c) => tokenizer.encode(c)[0] as number),
  };
  await using apart = await fakeApi(hashServer({ ...OPENAI_LEGACY, takesIds: false }, letters));
  await expect(scoreOn(apart)).rejects.toThrow(
    /reads token|expected log-probabilities of|begins at character/,
  );
});

test('a name that the server has not, or that is left out', async () => {
  await using api = await fakeApi(hashServer(VLLM, tokenizer));
  const open = (name: string): Promise<unknown> =>
    openScorer(`${api.url}/v1${name}`, { tokenizer: 'demo-tiny' });
  await expect(open('#gpt5')).rejects.toThrow('the server has no model "gpt5", found hash');
  await expect(open('')).resolves.toMatchObject({ identity: { served: { name: 'hash' } } });
});

test('two servers of the same address and another window or entry are two models; a time of making is none', async () => {
  await using api = await fakeApi(hashServer(VLLM, tokenizer));
  const identity = async (): Promise<string> =>
    (await openScorer(`${api.url}/v1#hash`, { tokenizer: 'demo-tiny' })).identity.sha256;
  expect(await identity()).toBe(await identity());
});

describe('the most probable token', () => {
  const reply = (tops: object, own = -1): object => ({
    choices: [
      {
        logprobs: {
          tokens: ['token_id:5', 'token_id:7'],
          token_logprobs: [null, own],
          top_logprobs: [null, tops],
        },
      },
    ],
  });
  test.each([
    ['is another one', { 'token_id:3': -0.5, 'token_id:7': -1 }, false],
    ['is this one', { 'token_id:7': -1, 'token_id:3': -2 }, true],
    [
      'is this one, of several equally probable, as the lowest id',
      { 'token_id:7': -1, 'token_id:9': -1 },
      true,
    ],
    ['is the lower id of equally probable ones', { 'token_id:3': -1, 'token_id:7': -1 }, false],
    ['may be this one where ids are not told', { ' a': -1, ' b': -1 }, true],
  ])('%s', (_, tops, greedy) => {
    expect(readScores(reply(tops), [5, 7], 'echo', 'url').greedy[1]).toBe(greedy);
  });
});

describe('the most probable token that is not banned', () => {
  const reply = (tops: object, own: number): object => ({
    choices: [{ prompt_logprobs: [null, { ...tops, 7: { logprob: own } }] }],
  });
  const [some, all] = [
    { 3: { logprob: -1 }, 4: { logprob: -2 } },
    { 3: { logprob: -1 }, 5: { logprob: -2 } },
  ];
  test.each([
    ['is this one behind a banned one', some, -1.5, [3], true],
    ['is another one', some, -1.5, [4], false],
    ['is not this one, which is banned', some, -0.5, [7], false],
    ['is not known where all that are listed are banned', all, -3, [3, 5], false],
  ])('%s', (_, tops, own, banned, allowed) => {
    const scores = readScores(reply(tops, own), [5, 7], 'prompt_logprobs', 'url', new Set(banned));
    expect(scores.allowed?.[1]).toBe(allowed);
  });
});

test('a step asks once for each token behind its sequence, and its rows are answered by them', async () => {
  const asked: number[][] = [];
  const backend = servedBackend(
    {
      async score(ids) {
        asked.push(Array.from(ids));
        const last = ids[3] as number;
        const flags = (at: number, end: boolean): boolean[] => [false, false, at === 2, end];
        return {
          logprobs: Float32Array.of(0, -1, -2, -last),
          greedy: flags(2, last === 9),
          allowed: flags(1, last === 8),
        };
      },
      complete: () => Promise.reject(new Error('not asked')),
    },
    1,
    () => {},
  );
  const index = Int32Array.of(0, 1, 2);
  const step = {
    ...{
      ids: Int32Array.of(1, 2, 3),
      positions: index,
      enter: index,
      exit: index.map(() => 3),
      past: -1,
      keep: -1,
    },
    ...{ rows: Int32Array.of(1, 2), pairRow: Int32Array.of(0, 1, 1), pairTarget: Int32Array.of(3, 9, 8) },
  };
  const found = await backend.forward({ ...step, banned: Int32Array.of(9) });
  expect(asked).toEqual([
    [1, 2, 3, 8],
    [1, 2, 3, 9],
  ]);
  expect(Array.from(found.logprobs)).toEqual([-2, -9, -8]);
  expect(Array.from(found.topIds)).toEqual([3, 9]);
  expect(Array.from(found.allowedIds)).toEqual([-1, 8]);
});

test('addresses hold no secrets, and keys go where they belong', () => {
  expect(parseAddress('https://host/v1/#meta/Llama%203')).toEqual({
    ref: 'https://host/v1/#meta/Llama%203',
    base: 'https://host/v1',
    name: 'meta/Llama 3',
  });
  for (const ref of ['https://me:pw@host/v1#m', 'https://host/v1?key=pw#m', 'https://:pw@host'])
    expect(() => parseAddress(ref)).toThrow(/^(?!.*pw).*EVALGPT_API_KEY$/);
  expect(() => parseAddress('http://')).toThrow('expected http(s)://host/v1#name');
  const both = { EVALGPT_API_KEY: 'own', OPENAI_API_KEY: 'theirs' };
  expect(apiKey('https://api.openai.com/v1', both)).toBe('own');
  expect(apiKey('https://api.openai.com/v1', { OPENAI_API_KEY: 'theirs' })).toBe('theirs');
  expect(apiKey('https://api.openai.com.example/v1', { OPENAI_API_KEY: 'theirs' })).toBeUndefined();
  expect(apiKey('http://127.0.0.1:8000/v1', both)).toBe('own');
  expect(() => apiKey('http://example.com/v1', both)).toThrow('not sent over http to another machine');
  const refs = ['demo-tiny', 'https://host/v1#m'];
  expect([wouldGetKey(refs, both), wouldGetKey(refs, {}), wouldGetKey(['demo-tiny'], both)]).toEqual([
    ...['https://host/v1#m', undefined, undefined],
  ]);
  expect(() => apiKey('https://host', { EVALGPT_API_KEY: 'a b' })).toThrow('printable ASCII');
});

test('Retry-After is seconds or a date', () => {
  const after = (value: string): number | null =>
    retryAfter(new Headers({ 'Retry-After': value }), Date.parse('2026-01-01T00:00:00Z'));
  expect(after('7')).toBe(7000);
  expect(after('Thu, 01 Jan 2026 00:00:30 GMT')).toBe(30_000);
  expect(after('Wed, 31 Dec 2025 00:00:30 GMT')).toBe(0);
  expect(after('soon')).toBeNull();
});
