import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { fillSpec } from '../../src/evaluate/evaluate.ts';
import { parseJson } from '../../src/json.ts';
import { decodeResult, parseRun, parseUnit, runKey, type UnitMeta } from '../../src/queue/payload.ts';
import type { RunRecord, TaskFacts } from '../../src/record.ts';
import { readScores, readText } from '../../src/remote/client/reply.ts';
import { ApiError } from '../../src/remote/server/api-error.ts';
import { readCompletionRequest } from '../../src/remote/server/completion-request.ts';
import type { Sample } from '../../src/types.ts';
import { demoTokenizer } from '../helpers/fake-api.ts';
import { CASES, fuzz, jsonText, mutatedBytes, mutatedJson } from './fuzz.ts';

/** What the connection hands on of a body. */
function received(made: unknown): unknown {
  try {
    return parseJson(jsonText(made));
  } catch (error) {
    throw new UserError((error as Error).message);
  }
}

/** Cases of these take a fraction of a millisecond. */
const MANY = 10 * CASES;

describe('queue payloads', () => {
  const sample: Sample = {
    ...{ id: 'a', cluster: 'c', status: 'scored', prediction: 0, gold: 0, values: { acc: 1 } },
    spans: [{ tokens: [1, 2], logprobs: [-0.5, -1], hits: [true, false] }],
    ...{ counts: { tp: [1, 2] }, shots: ['b'], shots_requested: 1, shots_used: 1, tokens_dropped: 0 },
    ...{ flags: ['tie'], overlap: { fields: { text: { grams: 1 } }, where: [] } },
  } as unknown as Sample;
  const meta: UnitMeta = {
    worker: 'w',
    environment: { node: 'v20', ort: '1', platform: 'linux-x64', threads: 1 },
    backend: { model: 'm', device: 'cpu', dtype: 'fp32' } as UnitMeta['backend'],
    cost: [
      { model: 'm', task: 't', seconds: 1, tokens_scored: 3, tokens_computed: 3, reused: 0 },
    ] as unknown as UnitMeta['cost'],
  };
  const cells = [{ ids: ['a'], shots: 1 }];
  /** As a malicious worker would write it: the checksum is right. */
  const packed = (samples: unknown, account: unknown): Buffer => {
    const body = jsonText(samples);
    const sha = createHash('sha256').update(body).digest('hex');
    return Buffer.concat([Buffer.from(sha), gzipSync(`${jsonText(account)}\n${body}`)]);
  };

  test('samples: what is taken is what was asked for', async () => {
    const tally = await fuzz(
      'queue: samples',
      mutatedJson([[sample]]),
      async (made) => {
        const { samples } = await decodeResult(packed(made, meta), 'u1', cells);
        expect(samples[0]?.[0]).toMatchObject({ id: 'a', shots_requested: 1 });
        for (const span of samples[0]?.[0]?.spans ?? [])
          expect(span.logprobs.every(Number.isFinite) && span.logprobs.length === span.tokens.length).toBe(
            true,
          );
      },
      MANY,
    );
    expect(tally.refused).toBeGreaterThan(tally.cases / 4);
  });

  test('accounts of workers', async () => {
    await fuzz(
      'queue: accounts',
      mutatedJson(meta),
      (made) => decodeResult(packed([[sample]], made), 'u1', cells),
      MANY,
    );
  });

  test('bytes', async () => {
    const tally = await fuzz('queue: bytes', mutatedBytes(packed([[sample]], meta)), (bytes) =>
      decodeResult(bytes, 'u1', cells),
    );
    expect(tally.refused).toBeGreaterThan(tally.cases / 2);
  });

  test('runs: a spec that names itself rightly, and asks for anything', async () => {
    const spec = fillSpec({ models: ['gpt2'] });
    const resolved = { ...spec, evalgpt: '0', models: [], tasks: [] } as unknown as RunRecord['spec'];
    await fuzz(
      'queue: runs',
      mutatedJson({ spec, resolved, unit: 1000 }),
      (made) => {
        const text = jsonText(made);
        const value = JSON.parse(text) as { resolved?: RunRecord['spec'] } | null;
        const named = typeof value?.resolved === 'object' && text.length < 10_000;
        const read = parseRun(text, named ? runKey(value.resolved as RunRecord['spec']) : 'r');
        expect(read.spec.models.every((model) => typeof model === 'string')).toBe(true);
        expect(Number.isSafeInteger(read.unit)).toBe(true);
      },
      MANY,
    );
  });

  test('units', async () => {
    const facts = { name: 't', items: 300 } as TaskFacts;
    const slices = [{ model: 'm', task: 't', from: 0, to: 256 }];
    await fuzz(
      'queue: units',
      mutatedJson({ model: 'm', slices }),
      (made) => {
        const unit = parseUnit(JSON.parse(jsonText(made)), 'r', { models: ['m'], tasks: [facts] });
        for (const { from, to } of unit.slices) expect(from >= 0 && from < to && to <= 300).toBe(true);
      },
      MANY,
    );
  });
});

describe("servers' replies", () => {
  const ids = [5, 6, 7];
  const logprobs = {
    tokens: ['token_id:5', 'token_id:6', 'token_id:7'],
    token_logprobs: [null, -1, -2],
    top_logprobs: [null, { 'token_id:6': -1, 'token_id:9': -1.5 }, { 'token_id:7': -2, 'token_id:1': -0.1 }],
    text_offset: [0, 2, 4],
  };
  const entry = (logprob: number): object => ({ logprob, rank: 1, decoded_token: 'x' });
  const forms = [
    ['echo', { choices: [{ text: 'x', finish_reason: 'length', logprobs }] }],
    [
      'prompt_logprobs',
      {
        choices: [
          {
            text: 'x',
            prompt_logprobs: [null, { 6: entry(-1), 9: entry(-1.5) }, { 7: entry(-2), 1: entry(-0.1) }],
          },
        ],
      },
    ],
  ] as const;

  test.each(forms)(
    '%s: what is taken are log-probabilities of the tokens that were sent',
    async (form, reply) => {
      for (const banned of [undefined, new Set([1])]) {
        await fuzz(
          `replies: ${form}`,
          mutatedJson(reply),
          (made) => {
            const scores = readScores(received(made), ids, form, 'url', banned);
            expect(scores.logprobs.length).toBe(3);
            expect(scores.logprobs.every((l) => l <= 0 && Number.isFinite(l))).toBe(true);
            expect([scores.greedy.length, scores.allowed?.length]).toEqual([3, banned && 3]);
          },
          MANY,
        );
      }
    },
  );

  test('texts', async () => {
    await fuzz(
      'replies: texts',
      mutatedJson({
        choices: [
          {
            ...{ text: 'a b', finish_reason: 'stop', stop_reason: '\n' },
            logprobs: { tokens: ['a', ' b'], token_logprobs: [-1, -2] },
          },
        ],
      }),
      (made) => {
        const written = readText(received(made), 3, 'url');
        expect(written.tokens.length).toBe(written.logprobs.length);
        expect(typeof written.text).toBe('string');
      },
      MANY,
    );
  });
});

test('requests to our server', async () => {
  const tokenizer = await demoTokenizer();
  const bounds = { name: 'm', tokenizer, vocabularySize: 100, contextLength: 64, tokens: 256 };
  await fuzz(
    'requests',
    fc
      .constantFrom<object>(
        { model: 'm', prompt: 'Who is it', max_tokens: 0, echo: true, logprobs: 1 },
        { prompt: [[1, 2], [3]], max_tokens: 4, stop: ['\n'], n: 1, temperature: 0, stream: false },
      )
      .chain(mutatedJson),
    (made) => {
      try {
        const request = readCompletionRequest(received(made), bounds);
        expect(request.prompts.every(({ tokens }) => tokens.length > 0 && tokens.length <= 65)).toBe(true);
      } catch (error) {
        if (error instanceof ApiError) throw new UserError(error.message);
        throw error;
      }
    },
    MANY,
  );
});
