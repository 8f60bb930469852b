import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BLOCK_ITEMS, blocksOf, type Part } from '../../src/evaluate/blocks.ts';
import { evaluate } from '../../src/evaluate/evaluate.ts';
import type { LoadedTask } from '../../src/evaluate/load.ts';
import { mergeShards } from '../../src/evaluate/merge-shards.ts';
import type { Prompt } from '../../src/prompts/fit.ts';
import type { RunRecord, RunSpec } from '../../src/record.ts';
import { samplesPath } from '../../src/store/run-folder.ts';
import type { Sample } from '../../src/types.ts';

const parent = mkdtempSync(join(tmpdir(), 'evalgpt-shards-'));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

/** A choice, a span, a generated text and a text of files, with draws and with what stood in the training data. */
const spec: Pick<RunSpec, 'models'> & Partial<RunSpec> = {
  models: ['demo-tiny', 'demo-small'],
  tasks: ['demo-nli', 'demo-lambada', 'demo-translation'],
  shots: [0, 2],
  draws: 3,
  limit: 12,
  device: 'cpu',
  texts: ['datasets/demo/README.md', 'SECURITY.md', 'LICENSE'],
  overlap: ['datasets/demo/overlap.jsonl'],
};
/** Of a table of 600 items, three blocks; --limit would cut it. */
const table = join(parent, 'sums.csv');
const long: typeof spec = { models: ['demo-tiny'], taskFiles: [table], shots: [0], device: 'cpu' };
const N = 5;
const whole = join(parent, 'whole');
const parts = Array.from({ length: N }, (_, i) => join(parent, `part-${i + 1}`));
let expected: RunRecord;

beforeAll(async () => {
  expected = await evaluate(spec, { out: whole, offline: true });
  for (const [i, out] of parts.entries())
    await evaluate(spec, { out, offline: true, shard: { i: i + 1, n: N } });
}, 60_000);

/** All files of a folder but run.json, whose samples lie in the order of finishing. */
function files(folder: string): Record<string, string[]> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.jsonl?$/.test(name),
  );
  return Object.fromEntries(
    names
      .filter((name) => name !== 'run.json')
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), 'utf8').split('\n').sort()]),
  );
}

test('the parts merged are the run of one machine, to the byte', async () => {
  const out = join(parent, 'merged');
  // Models and data are not asked for: the parts are enough.
  const merged = await mergeShards([...parts].reverse(), out);
  expect(merged.status).toBe('complete');
  expect(JSON.stringify(merged.results)).toBe(JSON.stringify(expected.results));
  expect(merged.results.filter((r) => r.overlap)).not.toHaveLength(0);
  for (const key of ['spec', 'groups', 'environment'] as const) expect(merged[key]).toEqual(expected[key]);
  expect(files(out)).toEqual(files(whole));
  expect(JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'))).toEqual(merged);
  const scored = (record: RunRecord): unknown =>
    record.cost.map(({ model, task, shots, tokens_scored }) => [model, task, shots, tokens_scored]);
  expect(scored(merged)).toEqual(scored(expected));
});

test('a task of several blocks is divided, at no cost', async () => {
  const rows = Array.from({ length: 600 }, (_, i) => `${i} + ${(7 * i) % 50} =, ${i + ((7 * i) % 50)}`);
  writeFileSync(table, `context,target\n${rows.join('\n')}\n`);
  const one = await evaluate(long, { out: join(parent, 'long'), offline: true });
  const three = [1, 2, 3].map((i) => join(parent, `long-${i}`));
  const computed: number[] = [];
  for (const [i, out] of three.entries()) {
    const record = await evaluate(long, { out, offline: true, shard: { i: i + 1, n: 3 } });
    expect(record.shard!.slices).toHaveLength(1);
    computed.push(record.cost[0]!.tokens_computed);
  }
  const merged = await mergeShards(three, join(parent, 'long-merged'));
  expect(JSON.stringify(merged.results)).toBe(JSON.stringify(one.results));
  expect(files(join(parent, 'long-merged'))).toEqual(files(join(parent, 'long')));
  expect(computed.reduce((a, b) => a + b, 0)).toBe(one.cost[0]!.tokens_computed);
});

test('a part has no results, and its items are its own', () => {
  const ids = parts.map((folder) => {
    const record = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunRecord;
    expect(record).toMatchObject({
      status: 'partial',
      results: [],
      groups: [],
      shard: { of: N, done: true },
    });
    return record.shard!.slices.reduce((sum, { from, to }) => sum + to - from, 0);
  });
  expect(ids.reduce((a, b) => a + b, 0)).toBe(2 * (3 * 12 + 3));
});

describe('refuses, in one sentence', () => {
  const refusal = async (folders: readonly string[]): Promise<string> => {
    const out = mkdtempSync(join(parent, 'out-'));
    const error = await mergeShards(folders, out).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'UserError' });
    return (error as Error).message.replaceAll(parent, '');
  };
  const copyOf = (folder: string, change: (record: RunRecord) => object = (r) => r): string => {
    const copy = mkdtempSync(join(parent, 'copy-'));
    cpSync(folder, copy, { recursive: true });
    const path = join(copy, 'run.json');
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as RunRecord)));
    return copy;
  };

  test('missing parts', async () => {
    expect(await refusal([parts[0]!, parts[3]!])).toBe(
      'shards of the run of /part-1 are missing: 2/5, 3/5, 5/5',
    );
  });

  test('a part of another run', async () => {
    const other = copyOf(parts[1]!, (r) => ({ ...r, spec: { ...r.spec, seed: 2 } }));
    expect(await refusal([parts[0]!, other])).toMatch(
      /shard 2\/5 is not of the run of \/part-1 \(spec\.seed is 1 there, 2 here\)/,
    );
  });

  test('a whole run, and an unfinished part', async () => {
    expect(await refusal([parts[0]!, whole])).toMatch(/^\/whole: expected a part of a run/);
    const stopped = copyOf(parts[1]!, (r) => ({ ...r, shard: { ...r.shard!, done: false } }));
    expect(await refusal([parts[0]!, stopped])).toMatch(/shard 2\/5 is not finished/);
  });

  test('a part given twice with different samples; equal ones count once', async () => {
    const twin = copyOf(parts[2]!);
    const out = mkdtempSync(join(parent, 'out-'));
    const merged = await mergeShards([...parts, twin], out);
    expect(JSON.stringify(merged.results)).toBe(JSON.stringify(expected.results));
    const [first] = (JSON.parse(readFileSync(join(twin, 'run.json'), 'utf8')) as RunRecord).shard!.slices;
    const file = join(twin, samplesPath({ ...first!, shots: 0, draw: 0 }));
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    const { spans, ...sample } = JSON.parse(lines[0]!) as Sample;
    lines[0] = JSON.stringify({ ...sample, spans: [{ ...spans![0]!, logprobs: [-1] }] });
    writeFileSync(file, `${lines.join('\n')}\n`);
    expect(await refusal([...parts, twin])).toMatch(
      /both are shard 3\/5, but item ".*" of samples\/.* differs/,
    );
  });

  test('a part that lacks a sample, or holds a stranger', async () => {
    const lacking = copyOf(parts[0]!);
    const { model, task } = (JSON.parse(readFileSync(join(lacking, 'run.json'), 'utf8')) as RunRecord).shard!
      .slices[0]!;
    const file = join(lacking, samplesPath({ model, task, shots: 2, draw: 1 }));
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    writeFileSync(file, `${lines.slice(1).join('\n')}\n`);
    expect(await refusal([lacking, ...parts.slice(1)])).toMatch(/expected \d+ items, found none of id/);
    const sample = JSON.parse(lines[0]!) as Sample;
    writeFileSync(file, `${[...lines, JSON.stringify({ ...sample, id: 'stranger' })].join('\n')}\n`);
    expect(await refusal([lacking, ...parts.slice(1)])).toMatch(
      /holds an item "stranger" that is not of shard 1/,
    );
  });

  test('a folder of another part', async () => {
    const error = await evaluate(spec, { out: parts[1]!, offline: true, shard: { i: 1, n: N } }).catch(
      String,
    );
    expect(error).toMatch(/holds shard 2\/5 of the run, expected shard 1\/5/);
  });
});

test('a part of a task has the blocks of the whole that hold its items', async () => {
  // Items of 300,000 tokens: a block is full with four, and at every 256.
  const examples = Array.from({ length: 2 * BLOCK_ITEMS + 6 }, (_, i) => ({ id: String(i) }));
  const loaded = { examples, shots: [() => []] } as unknown as LoadedTask;
  const cell = { shots: 0, draw: 0, path: '', finished: new Map() };
  const tokens = new Int32Array(300_000);
  const build = (example: { id: string }): Prompt =>
    ({ example, requests: [{ tokens, start: 1, truncated: 0, merged: false }] }) as unknown as Prompt;
  const blocks = async (part: Part): Promise<string[][]> => {
    const found: string[][] = [];
    for await (const block of blocksOf(loaded, [cell], build, 1024, part))
      found.push(block.map(({ prompt }) => prompt.example.id));
    return found;
  };
  const all = await blocks({ from: 0, to: examples.length });
  expect(all.map((block) => block.length)).toEqual([...Array.from({ length: 129 }, () => 4), 2]);
  const middle = await blocks({ from: BLOCK_ITEMS, to: 2 * BLOCK_ITEMS });
  expect(middle).toEqual(all.slice(64, 128));
  expect(await blocks({ from: 2 * BLOCK_ITEMS, to: examples.length })).toEqual(all.slice(128));
});
