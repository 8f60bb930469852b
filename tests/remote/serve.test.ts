import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as timer } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openModel } from '../../src/models/open.ts';
import { openBatcher } from '../../src/remote/server/batcher.ts';
import { serve } from '../../src/remote/server/serve.ts';
import { hashBackend, hashScores } from '../helpers/backends.ts';
import { hashModel } from '../helpers/hash-model.ts';
import { type ServedDemo, serveDemo, spawnServe } from '../helpers/served.ts';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the answer is what is tested
  readonly body: any;
}

async function ask(url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

let demo: ServedDemo;
beforeAll(async () => {
  demo = await serveDemo('demo-tiny', {
    slow: 5,
    limits: { body: 20_000, tokens: 1000, inFlight: 4, headMs: 500, requestMs: 1000, answerMs: 1000 },
  });
});
afterAll(() => demo[Symbol.asyncDispose]());
const complete = (body: object): Promise<Answer> => ask(`${demo.url}/v1/completions`, body);

describe('completions', () => {
  test('echo and logprobs tell each token, its place, and the most probable ones', async () => {
    const { body } = await complete({
      model: 'demo-tiny',
      prompt: 'the cat',
      echo: true,
      logprobs: 3,
      max_tokens: 0,
    });
    const [choice] = body.choices;
    const { tokens, token_logprobs: logprobs, top_logprobs: tops, text_offset: offsets } = choice.logprobs;
    expect(choice.text).toBe('the cat');
    expect(tokens.join('')).toBe('the cat');
    expect(offsets).toEqual(tokens.map((_: string, i: number) => tokens.slice(0, i).join('').length));
    expect([logprobs[0], tops[0]]).toEqual([null, null]);
    for (const [i, top] of tops.slice(1).entries()) {
      expect(Object.keys(top).length).toBeGreaterThanOrEqual(3);
      expect(top[tokens[i + 1]]).toBe(logprobs[i + 1]);
      expect(Math.max(...(Object.values(top) as number[]))).toBeLessThanOrEqual(0);
    }
    expect(body.usage).toEqual({
      prompt_tokens: tokens.length,
      completion_tokens: 0,
      total_tokens: tokens.length,
    });
  });

  test('a token asked behind a scored prompt is the one that is written behind it', async () => {
    const prompt = 'The pen was with Kira. Hugo had the';
    const { body: alone } = await complete({ prompt, max_tokens: 1, logprobs: 1 });
    const { body: behind } = await complete({ prompt, max_tokens: 1, logprobs: 1, echo: true });
    const [one, two] = [alone.choices[0], behind.choices[0]];
    expect(two.text).toBe(prompt + one.text);
    expect(two.logprobs.tokens.at(-1)).toBe(one.logprobs.tokens[0]);
    expect(two.logprobs.token_logprobs.at(-1)).toBeCloseTo(one.logprobs.token_logprobs[0], 4);
  });

  test('prompts are a text, texts, token ids or lists of them, answered in order', async () => {
    const ids = (await ask(`${demo.url}/tokenize`, { prompt: 'the cat' })).body.tokens as number[];
    const texts = async (prompt: unknown): Promise<string[]> =>
      (await complete({ prompt, max_tokens: 4, echo: true })).body.choices.map(
        (c: { text: string }) => c.text,
      );
    const [cat] = await texts('the cat');
    const [dog] = await texts('a dog');
    expect(await texts(['the cat', 'a dog', 'the cat'])).toEqual([cat, dog, cat]);
    expect(await texts(ids)).toEqual([cat]);
    expect(await texts([ids, ids])).toEqual([cat, cat]);
    expect((await ask(`${demo.url}/detokenize`, { tokens: ids })).body).toEqual({ prompt: 'the cat' });
  });

  test('stop strings end a text', async () => {
    const { body } = await complete({ prompt: 'The pen was with', max_tokens: 30, stop: ['.', 'zzz'] });
    expect(body.choices[0]).toMatchObject({ finish_reason: 'stop', stop_reason: '.' });
    expect(body.choices[0].text).not.toContain('.');
  });

  test.each([
    [{ prompt: 'a', temperature: 0.7 }, '"temperature" expected 0, found 0.7: texts are written greedily'],
    [{ prompt: 'a', n: 2 }, '"n" expected 1, found 2'],
    [{ prompt: 'a', stream: true }, '"stream" expected false, found true'],
    [{ prompt: 'a', logit_bias: { 1: 2 } }, '"logit_bias" expected nothing'],
    [{ prompt: 'a', colour: 'red' }, '"colour" is not a field that this server knows'],
    [{ prompt: 'a', logprobs: 99 }, '"logprobs" expected a whole number from 0 to 20, found 99'],
    [{ prompt: 'a', max_tokens: -1 }, '"max_tokens" expected a whole number from 0 to 320, found -1'],
    [{ prompt: 'a', stop: [''] }, '"stop" expected a text or up to 64 of them'],
    [{ prompt: 'a', echo: 'yes' }, '"echo" expected true or false, found "yes"'],
    [{ prompt: [] }, '"prompt" expected at least one prompt'],
    [{ prompt: [5, 9999] }, '"prompt" expected token ids from 0 to 767, found 9999'],
    [{ prompt: [1.5] }, '"prompt" expected token ids from 0 to 767, found 1.5'],
    [{ prompt: { a: 1 } }, '"prompt" expected a text, token ids, or a list of these'],
    [{}, '"prompt" expected a text, token ids, or a list of these, found nothing'],
    [[], 'the body expected to be a JSON object'],
  ])('%j is refused in a sentence', async (asked, message) => {
    const { status, body } = await complete(asked);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ type: 'invalid_request_error' });
    expect(body.error.message).toContain(message);
  });

  test('another model, a prompt longer than the window', async () => {
    const other = await complete({ model: 'gpt-4', prompt: 'a' });
    expect(other).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_found', param: 'model' } },
    });
    const ids = (n: number): number[] => Array(n).fill(5);
    const long = await complete({ prompt: ids(322), max_tokens: 0 });
    expect(long).toMatchObject({ status: 400, body: { error: { code: 'context_length_exceeded' } } });
    expect((await complete({ prompt: ids(321), max_tokens: 0, echo: true, logprobs: 1 })).status).toBe(200);
    expect((await complete({ prompt: ids(318), max_tokens: 4 })).status).toBe(400);
    expect((await complete({ prompt: ids(317), max_tokens: 4 })).status).toBe(200);
  });
});

describe('limits hold', () => {
  test('of bytes, whether they are announced or not', async () => {
    expect((await complete({ prompt: 'a'.repeat(30_000) })).status).toBe(413);
    const status = await new Promise<number>((resolve, reject) => {
      const sending = httpRequest(`${demo.url}/v1/completions`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
      });
      sending.on('response', (response) => resolve(response.statusCode ?? 0));
      sending.on('error', reject);
      const pour = (): void =>
        void (sending.destroyed || sending.write(' '.repeat(4096), () => setTimeout(pour, 1)));
      pour();
    });
    expect(status).toBe(413);
  });

  test('of tokens, over all prompts and what is to be written', async () => {
    const { status, body } = await complete({ prompt: Array(4).fill(Array(250).fill(5)), max_tokens: 1 });
    expect(status).toBe(413);
    expect(body.error.message).toContain('a request may have 1000 tokens');
  });

  test('of requests under way: 429 and when to come again; those under way are answered', async () => {
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => complete({ prompt: 'The pen was with', max_tokens: 8 })),
    );
    const taken = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 429);
    expect(taken.length).toBeGreaterThanOrEqual(4);
    expect(taken.length + refused.length).toBe(24);
    expect(new Set(taken.map(({ body }) => body.choices[0].text)).size).toBe(1);
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
    expect(refused[0]?.body.error).toMatchObject({ type: 'rate_limit_error' });
    expect((await ask(`${demo.url}/health`)).body).toEqual({ status: 'ok', in_flight: 0, waiting: 0 });
  });

  test('refused requests leave nothing on the connections that they came by', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): number => warnings.push(warning);
    process.on('warning', note);
    for (let round = 0; round < 20; round++) {
      const tried = Array.from({ length: 24 }, () => complete({ prompt: 'The pen was with', max_tokens: 2 }));
      expect((await Promise.all(tried)).some(({ status }) => status === 429)).toBe(true);
    }
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  test('of time: heads and bodies that come byte by byte', async () => {
    const port = Number(new URL(demo.url).port);
    const drip = async (first: string): Promise<[text: string, ms: number]> => {
      const began = performance.now();
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => {});
      socket.write(first);
      const timer = setInterval(() => socket.writable && socket.write('x'), 50);
      await new Promise((resolve) => socket.on('close', resolve));
      clearInterval(timer);
      return [text, performance.now() - began];
    };
    const head = 'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n';
    const json = 'Content-Type: application/json\r\n';
    for (const first of [head, `${head}${json}Content-Length: 9000\r\n\r\n`]) {
      const [text, ms] = await drip(first);
      expect(text).toMatch(/^HTTP\/1.1 408/);
      expect(ms).toBeLessThan(4000);
    }
  });

  test('a client that goes away leaves nothing behind', async () => {
    const leaving = new AbortController();
    const asked = fetch(`${demo.url}/v1/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ prompt: 'The pen was with', max_tokens: 200 }),
      signal: leaving.signal,
    });
    await timer(30);
    leaving.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(async () => (await ask(`${demo.url}/health`)).body.in_flight).toBe(0);
  });
});

describe('whoever may not is refused', () => {
  test('a token is asked for, everywhere but at /health', async () => {
    await using guarded = await serveDemo('demo-tiny', { token: 'a-token-of-twenty-two' });
    const models = (headers: Record<string, string>): Promise<Answer> =>
      ask(`${guarded.url}/v1/models`, undefined, headers);
    for (const headers of [
      {},
      { Authorization: 'Bearer a-token-of-twenty-tw0' },
      { Authorization: 'Basic a-token-of-twenty-two' },
    ]) {
      const { status, body, headers: told } = await models(headers as Record<string, string>);
      expect(status).toBe(401);
      expect(body.error.type).toBe('authentication_error');
      expect(told.get('www-authenticate')).toBe('Bearer');
    }
    expect((await models({ Authorization: 'Bearer a-token-of-twenty-two' })).status).toBe(200);
    expect((await ask(`${guarded.url}/health`)).status).toBe(200);
  });

  test('another host than the loopback one needs a token', async () => {
    const model = hashModel('hash');
    const open = serve(model, hashBackend(), { host: '0.0.0.0', name: 'hash' });
    await expect(open).rejects.toThrow(
      '--host 0.0.0.0: whoever reaches this address could use the model: add --token-env NAME',
    );
  });

  test('pages of other sites: other names for this machine, and types that need no asking', async () => {
    const status = await new Promise<number>((resolve, reject) => {
      const asked = httpRequest(
        `${demo.url}/v1/models`,
        { headers: { Host: 'evil.example' } },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      asked.on('error', reject).end();
    });
    expect(status).toBe(403);
    const plain = await ask(`${demo.url}/v1/completions`, '{"prompt": "a"}', {
      'Content-Type': 'text/plain',
    });
    expect(plain.status).toBe(415);
  });

  test('what is not there, and what is asked in another way', async () => {
    expect((await ask(`${demo.url}/v1/chat/completions`, {})).status).toBe(404);
    expect((await ask(`${demo.url}/constructor`, {})).status).toBe(404);
    expect((await ask(`${demo.url}/v1/completions`)).status).toBe(405);
    expect(await ask(`${demo.url}/v1/completions`, 'nonsense')).toMatchObject({
      status: 400,
      body: { error: { message: 'the body expected to be JSON' } },
    });
  });
});

describe('the batcher', () => {
  const model = hashModel('hash', 64);
  const request = (
    tokens: readonly number[],
  ): { tokens: Int32Array; start: number; truncated: number; merged: boolean } => ({
    tokens: Int32Array.from(tokens),
    ...{ start: 1, truncated: 0, merged: false },
  });
  const { signal } = new AbortController();

  test('scores what waits together as one batch, shared beginnings once, each answer as if alone', async () => {
    const backend = hashBackend();
    const batcher = openBatcher(model, backend);
    const shared = Array.from({ length: 40 }, (_, i) => i + 1);
    const asked = Array.from({ length: 20 }, (_, i) => request([...shared, 100 + i, 200 + i]));
    const scored = await Promise.all(asked.map((r) => batcher.score({ request: r, topK: 2 }, signal)));
    for (const [i, { logprobs, hits }] of scored.entries())
      expect({ logprobs: Array.from(logprobs), hits }).toEqual(
        hashScores(asked[i] as (typeof asked)[number]),
      );
    const fed = backend.steps.reduce((sum, step) => sum + step.ids.length, 0);
    expect(fed).toBeLessThan(40 + 20 * 2 + 1);
  });

  test('goes on behind a batch that fails, and leaves out those whose client is gone', async () => {
    const backend = hashBackend();
    let failing = true;
    const batcher = openBatcher(model, {
      ...backend,
      async forward(step) {
        if (failing) throw new Error('out of memory');
        return backend.forward(step);
      },
    });
    await expect(batcher.score({ request: request([1, 2]), topK: 2 }, signal)).rejects.toThrow(
      'out of memory',
    );
    failing = false;
    const gone = AbortSignal.abort(new Error('gone'));
    const [left, stayed] = await Promise.allSettled([
      batcher.score({ request: request([1, 2]), topK: 2 }, gone),
      batcher.score({ request: request([1, 3]), topK: 2 }, signal),
    ]);
    expect(left).toMatchObject({ status: 'rejected', reason: { message: 'gone' } });
    expect(stayed.status).toBe('fulfilled');
    expect(batcher.waiting()).toBe(0);
  });

  test('answers do not depend on the batch: a model of weights, alone and in company', async () => {
    const real = await openModel('demo-tiny', { threads: 1 });
    const backend = await real.open({ device: 'cpu', dtype: 'fp32', tokensToCompute: 0 });
    const batcher = openBatcher(real, backend);
    const asked = Array.from({ length: 30 }, (_, i) =>
      request(Array.from({ length: 20 + 3 * i }, (_, t) => (t * (1 + (i % 3)) + 7) % 700)),
    );
    const together = await Promise.all(
      asked.map((r, i) => batcher.score({ request: r, topK: 2 + (i % 4) }, signal)),
    );
    let most = 0;
    for (const [i, r] of asked.entries()) {
      const alone = await batcher.score({ request: r, topK: 2 }, signal);
      for (const [t, l] of alone.logprobs.entries())
        most = Math.max(most, Math.abs(l - (together[i]?.logprobs[t] ?? Number.NaN)));
      expect(together[i]?.hits).toEqual(alone.hits);
    }
    await backend.close();
    console.log(`largest difference of a log-probability in company: ${most.toExponential(1)} nats`);
    expect(most).toBeLessThan(5e-5);
  });
});

describe('evalgpt serve', () => {
  test('answers what is under way when it is told to end, and ends within five seconds', {
    timeout: 60_000,
  }, async () => {
    await using served = await spawnServe(['--model', 'demo-small', '--device', 'cpu', '--name', 'small']);
    const asked = ask(`${served.url}/v1/completions`, {
      model: 'small',
      prompt: Array(40).fill('The pen'),
      max_tokens: 60,
    });
    await expect.poll(async () => (await ask(`${served.url}/health`)).body.in_flight).toBe(1);
    const began = performance.now();
    const code = served.stop('SIGTERM');
    expect((await asked).status).toBe(200);
    expect(await code).toBe(143);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('tells what it can’t do in a sentence', { timeout: 60_000 }, async () => {
    const fails = (args: readonly string[], env = {}): Promise<unknown> =>
      spawnServe(['--model', 'demo-tiny', '--device', 'cpu', ...args], env);
    await expect(fails(['--host', '0.0.0.0'])).rejects.toThrow(
      /^serve ended with 2: .*--host 0.0.0.0: whoever reaches/s,
    );
    await expect(fails(['--token-env', 'EMPTY_TOKEN'])).rejects.toThrow(
      '--token-env EMPTY_TOKEN: expected the variable to hold a token',
    );
    await expect(fails(['--port', '99999'])).rejects.toThrow('--port: expected at most 65535, found 99999');
  });
});
