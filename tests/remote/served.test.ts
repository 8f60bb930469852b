import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countRequests } from '../../src/evaluate/dry-run.ts';
import { evaluate } from '../../src/evaluate/evaluate.ts';
import { openScorer, type PairScore } from '../../src/evaluate/scorer.ts';
import type { RunRecord } from '../../src/record.ts';
import { samplesPath } from '../../src/store/run-folder.ts';
import type { Pair, Sample } from '../../src/types.ts';
import { chaosProxy } from '../helpers/chaos-proxy.ts';
import { evalgpt } from '../helpers/cli.ts';
import { type ServedDemo, serveDemo, spawnServe } from '../helpers/served.ts';

/** A bundled model scored through `serve` and the client, against the same model in this process. */
const MODEL = 'demo-tiny';
const folder = mkdtempSync(join(tmpdir(), 'evalgpt-served-'));
let served: ServedDemo;
beforeAll(async () => {
  served = await serveDemo(MODEL);
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const story = readFileSync(new URL('../../datasets/demo/data/stories.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .slice(0, 30)
  .join(' ');

/** Contexts that choices share, answers of one token behind the same tokens, none, long ones, ones too long. */
const PAIRS: readonly Pair[] = [
  ...['a', 'b', 'c', ' d', ' the', ' the cat'].map((continuation) => ({
    context: 'Who is it?',
    continuation,
  })),
  { context: '', continuation: 'the whole of it' },
  { context: 'ends in space ', continuation: 'and goes on' },
  ...Array.from({ length: 40 }, (_, i) => ({
    context: story.slice(70 * i, 70 * i + 20 + 13 * i),
    continuation: story.slice(70 * i + 20 + 13 * i, 70 * i + 40 + 14 * i),
  })),
  { context: story.slice(0, 3000), continuation: story.slice(3000, 3060) },
];

/** The largest difference of a token's log-probability, and that all else is the same. */
function expectSame(found: readonly PairScore[], expected: readonly PairScore[]): number {
  const rest = ({ logprobs: _, logprob: __, ...score }: PairScore): object => score;
  expect(found.map(rest)).toEqual(expected.map(rest));
  const differences = found.flatMap(({ logprobs }, i) =>
    logprobs.map((l, t) => Math.abs(l - (expected[i]?.logprobs[t] ?? Number.NaN))),
  );
  expect(differences.length).toBeGreaterThan(500);
  return Math.max(...differences);
}

/** What the company in which a token is computed may move its log-probability by: float32, in nats. */
const COMPANY = 5e-5;

test('pairs scored one by one have the very same log-probabilities, flags, tokens and cuts', async () => {
  const own = await openScorer(MODEL, { threads: 1 });
  const remote = await openScorer(served.ref, { tokenizer: MODEL, concurrency: 1 });
  try {
    expect(remote.contextLength).toBe(own.contextLength);
    const found: PairScore[] = [];
    const expected: PairScore[] = [];
    for (const pair of PAIRS) {
      expected.push(...((await own.score([pair])) as PairScore[]));
      found.push(...((await remote.score([pair])) as PairScore[]));
    }
    expect(expected.some(({ truncated = 0 }) => truncated > 0)).toBe(true);
    expect(new Set(expected.flatMap(({ hits }) => hits))).toEqual(new Set([true, false]));
    const most = expectSame(found, expected);
    console.log(`one by one, the largest difference of a log-probability: ${most.toExponential(1)} nats`);
    // A step of float32 at -20.
    expect(most).toBeLessThan(2e-6);
  } finally {
    await own.close();
    await remote.close();
  }
});

test.each([
  ['the local tokenizer', { tokenizer: MODEL }],
  ["the server's tokenizer", {}],
])('pairs scored together, with %s, are the same', { timeout: 60_000 }, async (_, options) => {
  // Text is tokenised while this process waits: the server must be another.
  await using other = await spawnServe(['--model', MODEL, '--device', 'cpu']);
  const own = await openScorer(MODEL, { threads: 1 });
  const remote = await openScorer(`${other.url}/v1#${MODEL}`, options);
  try {
    const expected = (await own.score(PAIRS)) as PairScore[];
    const most = expectSame((await remote.score(PAIRS)) as PairScore[], expected);
    console.log(`together, the largest difference of a log-probability: ${most.toExponential(1)} nats`);
    expect(most).toBeLessThan(COMPANY);
  } finally {
    await own.close();
    await remote.close();
  }
});

test('texts are continued by the same tokens, with and without a stop string', async () => {
  const [own, remote] = [await openScorer(MODEL), await openScorer(served.ref, { tokenizer: MODEL })];
  const prompts = [...Array.from({ length: 20 }, (_, i) => story.slice(31 * i, 31 * i + 60)), '', story];
  try {
    for (const stop of [[], ['.'], ['\n', ' the']]) {
      const expected = await own.generate(prompts, { maxTokens: 24, stop });
      const found = await remote.generate(prompts, { maxTokens: 24, stop });
      const rest = expected.map(({ logprobs: _, ...text }) => text);
      expect(found.map(({ logprobs: _, ...text }) => text)).toEqual(rest);
      for (const [i, { logprobs }] of found.entries())
        for (const [t, l] of logprobs.entries()) expect(l).toBeCloseTo(expected[i]?.logprobs[t] as number, 4);
    }
  } finally {
    await own.close();
    await remote.close();
  }
});

const SPEC = {
  tasks: ['demo-lambada', 'demo-nli', 'demo-arithmetic', 'demo-translation'],
  shots: [0, 2],
  limit: 12,
};

function samplesOf(record: RunRecord, out: string, model: string): Sample[] {
  return record.results.flatMap(({ task, shots }) => {
    const path = join(out, samplesPath({ model, task, shots, draw: 0 }));
    return readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Sample)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  });
}

/** Everything of a run's samples but log-probabilities, and these. */
function compareRuns(a: readonly Sample[], b: readonly Sample[]): number {
  const rest = ({ spans, values: _, ...sample }: Sample): object => ({
    ...sample,
    spans: spans?.map(({ tokens, hits }) => [tokens, hits]),
  });
  expect(a.map(rest)).toEqual(b.map(rest));
  const logprobs = (samples: readonly Sample[]): number[] =>
    samples.flatMap(({ spans = [] }) => spans.flatMap((span) => span.logprobs));
  const other = logprobs(b);
  return Math.max(...logprobs(a).map((l, i) => Math.abs(l - (other[i] ?? Number.NaN))));
}

describe('a run', () => {
  const text = join(folder, 'story.txt');
  let own: RunRecord;
  beforeAll(async () => {
    writeFileSync(text, story);
    own = await evaluate(
      { models: [MODEL], ...SPEC, texts: [text], device: 'cpu' },
      { out: join(folder, 'own') },
    );
  }, 60_000);

  test('has the same results: choices, texts to be written, rolling texts', { timeout: 60_000 }, async () => {
    const out = join(folder, 'remote');
    const record = await evaluate(
      { models: [served.ref], ...SPEC, texts: [text], tokenizer: MODEL },
      { out },
    );
    const most = compareRuns(samplesOf(record, out, served.ref), samplesOf(own, join(folder, 'own'), MODEL));
    expect(most).toBeLessThan(COMPANY);
    for (const [i, result] of record.results.entries()) {
      const expected = own.results[i];
      expect({ ...result, metrics: {}, model: '', centred: 0, published: [] }).toEqual({
        ...{ ...expected, metrics: {}, model: '', centred: 0, published: [] },
      });
      expect(Object.keys(result.metrics)).toEqual(Object.keys(expected?.metrics ?? {}));
      for (const [name, { value }] of Object.entries(result.metrics))
        expect(value / (expected?.metrics[name]?.value || 1)).toBeCloseTo(
          expected?.metrics[name]?.value ? 1 : 0,
          5,
        );
    }
    expect(record.environment.backends).toMatchObject([{ device: 'served', check: null }]);
    const [identity] = record.spec.models;
    expect(identity?.served).toMatchObject({ name: MODEL, entry: { sha256: own.spec.models[0]?.sha256 } });
    console.log(`largest difference of a run's log-probability: ${most.toExponential(1)} nats`);
  });

  test('through a proxy that spoils six tenths of the requests is the same', {
    timeout: 120_000,
  }, async () => {
    await using proxy = await chaosProxy(served.url, 'chaos');
    const ref = `${proxy.url}/v1#${MODEL}`;
    const out = join(folder, 'chaos');
    const record = await evaluate(
      { models: [ref], ...SPEC, texts: [text], tokenizer: MODEL },
      { out, served: { firstWaitMs: 10, longestWaitMs: 100, attempts: 30 } },
    );
    const most = compareRuns(samplesOf(record, out, ref), samplesOf(own, join(folder, 'own'), MODEL));
    expect(most).toBeLessThan(COMPANY);
    for (const fault of Object.values(proxy.counts)) expect(fault).toBeGreaterThan(5);
    // Every cost and count is of what was asked, not of what was sent.
    const counted = record.cost.map(({ tokens_scored }) => tokens_scored);
    expect(counted).toEqual(own.cost.map(({ tokens_scored }) => tokens_scored));
    console.log(`requests by fault: ${JSON.stringify(proxy.counts)}, forwarded ${proxy.forwarded}`);
  });

  test('is counted beforehand: just the requests that it makes', { timeout: 60_000 }, async () => {
    await using proxy = await chaosProxy(served.url, 'calm');
    const ref = `${proxy.url}/v1#${MODEL}`;
    const spec = { models: [ref], ...SPEC, tokenizer: MODEL };
    const requestOptions = { firstWaitMs: 1, longestWaitMs: 10, attempts: 30 };
    const counts = (await countRequests(spec, { served: requestOptions })).get(ref);
    const sum = (): number => proxy.counts.none + proxy.counts.delay + proxy.counts.duplicate;
    const before = sum();
    await evaluate(spec, { served: requestOptions });
    // The list of models and the probe are asked both times.
    expect(sum() - before * 2).toBe(counts?.requests);
    expect(counts?.promptTokens).toBeGreaterThan(5000);
    expect(counts?.generatedTokens).toBeGreaterThan(0);
  });

  test('that only a file names gets no key', { timeout: 60_000 }, async () => {
    const spec = join(folder, 'spec.json');
    writeFileSync(spec, JSON.stringify({ models: [served.ref], tasks: ['demo-nli'], tokenizer: MODEL }));
    const env = { EVALGPT_API_KEY: 'a-key' };
    const run = await evalgpt(['run', '--spec', spec, '--out', join(folder, 'unnamed')], { env });
    expect(run).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`add --model ${served.ref}, or unset`),
    });
    const verify = await evalgpt(['verify', join(folder, 'remote')], { env });
    expect(verify).toMatchObject({ code: 2, stderr: expect.stringContaining('unset EVALGPT_API_KEY') });
  });

  test('that is resumed when another model is served is refused', { timeout: 60_000 }, async () => {
    const out = join(folder, 'other');
    const port = Number(new URL(served.url).port);
    const spec = { models: [served.ref], tasks: ['demo-nli'], shots: [0], limit: 5, tokenizer: MODEL };
    await evaluate(spec, { out });
    const path = join(out, 'run.json');
    expect(existsSync(path)).toBe(true);
    const record = JSON.parse(readFileSync(path, 'utf8')) as RunRecord;
    const [backend] = record.environment.backends;
    const probe = backend?.probe?.map((l, i) => (i === 3 ? l - 0.5 : l)) ?? [];
    writeFileSync(
      path,
      JSON.stringify({
        ...record,
        environment: { ...record.environment, backends: [{ ...backend, probe }] },
      }),
    );
    await expect(evaluate(spec, { out })).rejects.toThrow(
      `http://127.0.0.1:${port}/v1#demo-tiny: another model is served than when the run was begun`,
    );
  });
});
