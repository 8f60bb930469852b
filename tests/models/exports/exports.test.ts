import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openScorer, type PairScore } from '../../../src/evaluate/scorer.ts';
import { ModelSchema, NodeSchema } from '../../../src/models/onnx/onnx_pb.ts';
import { inspectModel, openModel } from '../../../src/models/open.ts';
import { pairEncoder } from '../../../src/prompts/join.ts';
import type { BackendRecord } from '../../../src/record.ts';
import { planLimits, planScoring } from '../../../src/scoring/plan.ts';
import { score } from '../../../src/scoring/score.ts';
import type { Dtype } from '../../../src/types.ts';
import { EXPORTS, exportFolder } from '../../helpers/exports.ts';
import { writeTiny } from '../../helpers/tiny-checkpoints.ts';

interface Said {
  readonly scores: { context: string; continuation: string; logprobs: number[]; hits: boolean[] }[];
  readonly generated: { prompt: string; tokens: number[] }[];
}

/** Made with transformers and Python's onnxruntime: see make_exports.py. */
const expected = JSON.parse(readFileSync(join(EXPORTS, 'expected.json'), 'utf8')) as Record<Dtype, Said>;

interface Layout {
  readonly files: Readonly<Record<string, string>>;
  /** The file to name, where it is not the folder. */
  readonly named?: string;
  /** The numbers that it must give, and how near, in nats. */
  readonly type: Dtype;
  readonly near: number;
}

/** Exports as they are met. */
const LAYOUTS: Readonly<Record<string, Layout>> = {
  'without past': { files: { 'model.onnx': 'plain.onnx' }, type: 'fp32', near: 2e-5 },
  'with past': { files: { 'onnx/model.onnx': 'past.onnx' }, type: 'fp32', near: 2e-5 },
  merged: { files: { 'onnx/decoder_model_merged.onnx': 'merged.onnx' }, type: 'fp32', near: 2e-5 },
  'external data': {
    files: { 'decoder_model.onnx': 'external.onnx', 'external.onnx_data': 'external.onnx_data' },
    type: 'fp32',
    near: 2e-5,
  },
  fp16: {
    files: { 'onnx/model_fp16.onnx': 'fp16.onnx', 'onnx/model.onnx': 'past.onnx' },
    named: 'onnx/model_fp16.onnx',
    type: 'fp16',
    near: 2e-3,
  },
  int8: {
    files: { 'onnx/model_quantized.onnx': 'int8.onnx', 'onnx/model.onnx': 'past.onnx' },
    named: 'onnx/model_quantized.onnx',
    type: 'int8',
    near: 2e-5,
  },
};

interface Outcome {
  readonly near: number[];
  readonly exact: unknown;
}

let parent: string;
beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), 'evalgpt-exports-'));
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

/** Writes a layout and returns the reference to open it by. */
function layout(name: string): string {
  const { files, named } = LAYOUTS[name]!;
  return join(exportFolder(join(parent, name), files), named ?? '');
}

describe.each(Object.keys(LAYOUTS))('an export %s', (name) => {
  const { type, near } = LAYOUTS[name]!;

  test('scores as the reference does, whatever is scored beside', async () => {
    const scorer = await openScorer(layout(name));
    const references = expected[type].scores;
    const found = (await scorer.score(references).finally(() => scorer.close())) as PairScore[];
    for (const [i, { logprobs, hits }] of references.entries()) {
      expect(found[i]!.logprobs).toHaveLength(logprobs.length);
      const difference = Math.max(...found[i]!.logprobs.map((l, t) => Math.abs(l - logprobs[t]!)));
      expect(difference, references[i]!.context).toBeLessThan(near);
      expect(found[i]!.hits).toEqual(hits);
    }
  });

  test('continues prompts as the reference does, several or one at a time', async () => {
    const scorer = await openScorer(layout(name));
    const references = expected[type].generated;
    const prompts = references.map(({ prompt }) => prompt);
    const together = await scorer.generate(prompts, { maxTokens: 16 });
    const alone = await scorer.generate(prompts.slice(0, 1), { maxTokens: 16 });
    await scorer.close();
    expect(together.map(({ tokens }) => tokens)).toEqual(references.map(({ tokens }) => tokens));
    expect(alone[0]!.tokens).toEqual(references[0]!.tokens);
  });
});

test('--dtype int8 takes the int8 file of a folder and holds it against the float32 one', async () => {
  const records: BackendRecord[] = [];
  const folder = join(layout('int8'), '..', '..');
  const scorer = await openScorer(folder, { dtype: 'int8', onReady: (record) => records.push(record) });
  const references = expected.int8.scores;
  const found = (await scorer.score(references).finally(() => scorer.close())) as PairScore[];
  for (const [i, { logprobs }] of references.entries()) {
    expect(Math.max(...found[i]!.logprobs.map((l, t) => Math.abs(l - logprobs[t]!)))).toBeLessThan(2e-5);
  }
  const tokens = (type: Dtype): number[] => expected[type].scores.flatMap(({ logprobs }) => logprobs);
  const apart = tokens('int8').map((l, t) => Math.abs(l - tokens('fp32')[t]!));
  expect(records[0]!.check!.max).toBeCloseTo(Math.max(...apart), 4);
});

test('an int8 score does not move at all when other pairs are scored with it', async () => {
  const scorer = await openScorer(layout('int8'));
  const pairs = expected.int8.scores;
  const together = (await scorer.score([...pairs].reverse())).reverse();
  for (const [i, pair] of pairs.entries()) expect(await scorer.score([pair])).toEqual([together[i]]);
  await scorer.close();
});

test.each([
  ['QuantizeLinear', false],
  ['MatMulNBits', true],
  ['MatMulNBits of 8-bit activations', false],
] as const)('an export with %s shares beginnings: %s', async (op, shares) => {
  const folder = layout('with past');
  const file = join(folder, 'onnx', 'model.onnx');
  const model = fromBinary(ModelSchema, readFileSync(file));
  const attribute = { name: 'accuracy_level', type: 2, i: op.endsWith('activations') ? 4n : 0n };
  model.graph!.node.push(create(NodeSchema, { opType: op.split(' ')[0]!, attribute: [attribute] }));
  writeFileSync(file, toBinary(ModelSchema, model));
  expect((await inspectModel(folder)).architecture.shares).toBe(shares);
});

test('an int8 continuation does not move at all when other texts are continued with it', async () => {
  const scorer = await openScorer(layout('int8'));
  const prompts = expected.int8.generated.map(({ prompt }) => prompt);
  const together = await scorer.generate(prompts, { maxTokens: 5 });
  for (const [i, prompt] of prompts.entries()) {
    expect(await scorer.generate([prompt], { maxTokens: 5 })).toEqual([together[i]]);
  }
  await scorer.close();
});

test('a merged export is run without its past where there is none, and with it where there is', async () => {
  const [reference] = expected.fp32.scores;
  const near = async (spoilt: string): Promise<boolean> => {
    const folder = layout('merged');
    const file = join(folder, 'onnx', 'decoder_model_merged.onnx');
    const model = fromBinary(ModelSchema, readFileSync(file));
    const branch = model.graph!.node[0]!.attribute.find(({ name }) => name === spoilt)!.g!;
    // Negated logits in one of the two branches.
    const last = branch.node.find((n) => n.output[0] === branch.output[0]!.name)!;
    branch.node.push(create(NodeSchema, { opType: 'Neg', input: ['right'], output: [...last.output] }));
    last.output = ['right'];
    writeFileSync(file, toBinary(ModelSchema, model));
    const scorer = await openScorer(folder);
    const [found] = (await scorer.score([reference!]).finally(() => scorer.close())) as PairScore[];
    return found!.logprobs.every((l, t) => Math.abs(l - reference!.logprobs[t]!) < 2e-5);
  };
  expect(await near('then_branch')).toBe(true);
  expect(await near('else_branch')).toBe(false);
});

test.each(['without past', 'with past', 'merged', 'external data'])(
  'an export %s says what the checkpoint that it was made of says, in pieces of any size',
  async (name) => {
    const [own, exported] = [
      await openModel(writeTiny('exported', join(parent, 'own'))),
      await openModel(layout(name)),
    ];
    expect(exported.identity.architecture).toBe('onnx:gpt2');
    expect(exported.contextLength).toBe(own.contextLength);
    const encode = pairEncoder(own.tokenizer, { contextLength: own.contextLength });
    const shots = 'A preamble that is shared by all of them. ';
    const requests = ['one', 'two', 'twofold', 'three sheep', 'x'].flatMap((word) =>
      [' yes', ' no', ' never'].map((continuation) => encode({ context: `${shots}${word}`, continuation })),
    );
    const ask = { topK: 3, banned: Int32Array.of(32, 101) };
    const run = async (model: typeof own, limits = planLimits(model.architecture)): Promise<Outcome[]> => {
      const results: Outcome[] = [];
      const backend = await model.open({ device: 'cpu', dtype: 'fp32', tokensToCompute: 1 });
      for await (const [i, s] of score(requests, planScoring(requests, limits), backend, ask)) {
        results[i] = {
          near: [...s.logprobs, ...s.top!.logprobs],
          exact: { hits: s.hits, allowed: s.allowedHits, ids: [...s.top!.ids] },
        };
      }
      await backend.close();
      return results;
    };
    const reference = await run(own);
    const usual = planLimits(exported.architecture);
    const ways = [
      usual,
      { ...usual, shares: true },
      { ...usual, shares: true, treeTokens: 8, stepTokens: 8, trunkCost: 0, stepCost: 0 },
    ];
    for (const limits of ways) {
      for (const [i, { near, exact }] of (await run(exported, limits)).entries()) {
        expect(exact).toEqual(reference[i]!.exact);
        expect(Math.max(...near.map((l, t) => Math.abs(l - reference[i]!.near[t]!)))).toBeLessThan(2e-5);
      }
    }
  },
);

test('a hub cache of symlinks, with data beside the blob of the export, scores alike', async () => {
  const source = layout('external data');
  const blobs = join(parent, 'hub', 'blobs');
  const snapshot = join(parent, 'hub', 'snapshots', '0123abcd');
  for (const path of [blobs, snapshot]) mkdirSync(path, { recursive: true });
  for (const file of readdirSync(source)) {
    renameSync(join(source, file), join(blobs, `blob-${file}`));
    symlinkSync(relative(snapshot, join(blobs, `blob-${file}`)), join(snapshot, file));
  }
  const scorer = await openScorer(snapshot);
  const [reference] = expected.fp32.scores;
  const [found] = (await scorer.score([reference!]).finally(() => scorer.close())) as PairScore[];
  expect(Math.abs(found!.logprobs[0]! - reference!.logprobs[0]!)).toBeLessThan(2e-5);
});

test('the hash of an export is over its data files too, and its parameters are those stored', async () => {
  const folder = layout('external data');
  const before = (await openModel(folder)).identity;
  const data = readFileSync(join(folder, 'external.onnx_data'));
  data[100]! ^= 1;
  writeFileSync(join(folder, 'external.onnx_data'), data);
  expect((await openModel(folder)).identity.sha256).not.toBe(before.sha256);
  const own = (await openModel(writeTiny('exported', join(parent, 'counted')))).identity.parameters;
  // The head, which the checkpoint has tied to the embeddings, is stored beside them.
  expect(Math.abs(before.parameters - own - 257 * 8)).toBeLessThan(100);
});
