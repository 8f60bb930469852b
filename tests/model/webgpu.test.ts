import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CheckSample, readyBackend } from '../../src/evaluate/ready.ts';
import { openBackend } from '../../src/models/backend.ts';
import { commonFolder } from '../../src/models/checkpoint.ts';
import { ModelSchema, TensorSchema } from '../../src/models/onnx/onnx_pb.ts';
import { inspectModel, type Model, openModel } from '../../src/models/open.ts';
import { probeDevice } from '../../src/models/probe.ts';
import { pairEncoder } from '../../src/prompts/join.ts';
import { contract, vectors } from '../helpers/contract.ts';
import { writeTiny } from '../helpers/tiny-checkpoints.ts';

/**
 * The WebGPU provider on a machine without a GPU: SwiftShader draws in software, and Debian's chromium package
 * brings it. EVALGPT_TEST_GPU=1 runs the same on the machine's own driver.
 */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (process.env.EVALGPT_TEST_GPU !== '1') process.env.VK_ICD_FILENAMES = SWIFTSHADER;
const probe = await probeDevice('webgpu');
const reason =
  process.env.EVALGPT_TEST_GPU !== '1' && !existsSync(SWIFTSHADER)
    ? `needs ${SWIFTSHADER}, which is not here`
    : probe.problem;
if (reason) console.log(`WebGPU skipped: ${reason}`);

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-webgpu-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(reason)('the WebGPU provider', { timeout: 300_000 }, () => {
  // A checkpoint of each architecture: compiling the shaders takes most of the time.
  contract('webgpu', ['plain', 'gpt1', 'gpt-neo', 'gpt-neox', 'llama', 'mistral', 'qwen2', 'qwen3'], 1e-4);
});

/** The checkpoint's graph with the scale of its attention off by a tenth, run on WebGPU; right everywhere else. */
async function brokenOnWebGpu(checkpoint: string): Promise<Model> {
  const model = await openModel(checkpoint);
  const { checkpoint: files, architecture } = await inspectModel(checkpoint);
  const weightFolder = commonFolder(files.weightFiles);
  const graph = architecture.graph({ weightFolder, dtype: 'fp32', quantisedFile: '' });
  const parsed = fromBinary(ModelSchema, graph.model);
  const scale = architecture.headSize ** -0.5;
  let broken = 0;
  for (const tensor of parsed.graph!.initializer) {
    if (!tensor.name.startsWith('const.float32') || !tensor.name.endsWith(`.${scale}`)) continue;
    Object.assign(tensor, create(TensorSchema, tensor), {
      rawData: new Uint8Array(Float32Array.of(scale * 1.1).buffer),
    });
    broken++;
  }
  expect(broken).toBe(1);
  return {
    ...model,
    open: (options) =>
      options.device === 'cpu'
        ? model.open(options)
        : openBackend({
            ...architecture,
            graph: { ...graph, model: toBinary(ModelSchema, parsed) },
            ...{ weightFolder, device: options.device, threads: 2, prepack: false },
          }),
  };
}

describe.skipIf(reason)('a graph that is broken on WebGPU only', { timeout: 300_000 }, () => {
  let model: Model;
  let sample: CheckSample;
  beforeAll(async () => {
    model = await brokenOnWebGpu(writeTiny('plain', folder));
    const encode = pairEncoder(model.tokenizer, { contextLength: model.contextLength });
    const requests = vectors.checkpoints.plain!.slice(0, 3).map(encode);
    sample = { requests, answers: (scores) => scores.map(({ hits }) => hits.every(Boolean)) };
  });

  test('is an error where the device is named', async () => {
    const asked = { device: 'webgpu', devices: ['webgpu'], dtype: 'fp32', tokensToCompute: 0 } as const;
    await expect(readyBackend(model, { ...asked, sample: () => sample, warn: () => {} })).rejects.toThrow(
      /--device webgpu in fp32 gives wrong numbers: .* differ from the CPU's by up to 0\.\d+ nats/,
    );
  });

  test('is passed over for the CPU, with a warning, where it is not', async () => {
    const warnings: string[] = [];
    const asked = { device: 'auto', devices: ['webgpu', 'cpu'], dtype: 'fp32', tokensToCompute: 0 } as const;
    const warn = (message: string): void => void warnings.push(message);
    const { backend, record } = await readyBackend(model, { ...asked, sample: () => sample, warn });
    await backend.close();
    expect(record.device).toBe('cpu');
    expect(warnings).toEqual([
      expect.stringContaining('webgpu is not used: webgpu in fp32 gives wrong numbers'),
    ]);
  });
});
