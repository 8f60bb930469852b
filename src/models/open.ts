import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import { packageFolder } from '../package.ts';
import type { Backend, Dtype, ModelIdentity, Tokenizer } from '../types.ts';
import type { Architecture } from './architecture.ts';
import { architectureOf } from './architectures/index.ts';
import { openBackend } from './backend.ts';
import { GRAPH_VERSION } from './blocks.ts';
import { type Checkpoint, commonFolder, hashWeights, readCheckpoint } from './checkpoint.ts';
import { openTokenizer } from './tokenizers/open.ts';

/** A model that is checked and identified; its weights are loaded when there is something to compute. */
export interface Model {
  readonly identity: ModelIdentity;
  readonly tokenizer: Tokenizer;
  /** Tokens that the model can be fed at once. */
  readonly contextLength: number;
  /** Ends a generated text; null where the model has none. */
  readonly endToken: number | null;
  readonly architecture: Architecture;
  readonly threads: number;
  /** The runtime's version. */
  readonly runtime: string;
  /** Everything but the request that a score depends on. */
  readonly scoreIdentity: readonly (string | number)[];
  /**
   * Loads the weights once. For a small number of tokens the load is kept short, for a large one the run.
   * @throws UserError where the runtime can't load the model
   */
  load(tokensToCompute: number): Promise<Backend>;
  close(): Promise<void>;
}

export interface ModelOptions {
  /** Threads for matrix products; by default all cores. */
  readonly threads?: number | null;
  readonly dtype?: Dtype;
  /** Called when the weights are loaded, with the seconds that it took. */
  readonly onLoad?: (seconds: number) => void;
}

/**
 * From this many tokens on, onnxruntime's pre-packing of the weights gains more time in the runs than it costs at
 * load; below, the weights are used as they lie, which also saves a copy of them in memory. See tests/bench.
 */
const PREPACK_FROM = 8192;

/** Where a model reference leads: a folder, or a bundled demo checkpoint by its alias `demo-NAME`. */
function modelFolder(ref: string): string {
  const bundled = /^demo-([a-z0-9-]+)$/.exec(ref)?.[1];
  return bundled === undefined || existsSync(ref) ? ref : join(packageFolder(), 'datasets', 'demo', bundled);
}

/** What can be told of a model without reading its weights. */
export interface ModelFiles {
  readonly checkpoint: Checkpoint;
  readonly architecture: Architecture;
  readonly tokenizer: Tokenizer;
}

/**
 * Reads and checks everything of a model but its weights.
 * @throws UserError where the folder is not a checkpoint that can be scored
 */
export async function inspectModel(ref: string): Promise<ModelFiles> {
  const folder = modelFolder(ref);
  const checkpoint = await readCheckpoint(folder);
  const architecture = architectureOf(checkpoint);
  const { vocabularySize } = architecture;
  const tokenizer = await openTokenizer(folder, { vocabularySize, config: checkpoint.config });
  return { checkpoint, architecture, tokenizer };
}

/**
 * Opens a model by reference: a checkpoint folder in Hugging Face layout. The graph is built in memory and its
 * weights stay in the safetensors files; nothing is written.
 * @throws UserError where the folder is not a checkpoint that can be scored.
 */
export async function openModel(ref: string, options: ModelOptions = {}): Promise<Model> {
  const { checkpoint, architecture, tokenizer } = await inspectModel(ref);
  const dtype = options.dtype ?? 'fp32';
  const quantisedFile = join(await realpath(tmpdir()), `evalgpt-int8-${randomUUID()}`);
  const files = dtype === 'int8' ? [...checkpoint.weightFiles, quantisedFile] : checkpoint.weightFiles;
  const weightFolder = commonFolder(files);
  const graph = architecture.graph({ weightFolder, dtype, quantisedFile });
  const threads = options.threads ?? availableParallelism();
  let parameters = 0;
  for (const { shape } of checkpoint.tensors.values()) parameters += shape.reduce((a, b) => a * b, 1);
  const identity: ModelIdentity = {
    ref,
    sha256: await hashWeights(checkpoint.weightFiles),
    parameters,
    architecture: architecture.name,
    config_sha256: createHash('sha256').update(JSON.stringify(checkpoint.config)).digest('hex'),
    tokenizer_sha256: tokenizer.sha256,
  };
  const load = async (tokensToCompute: number): Promise<Backend> => {
    const began = performance.now();
    const { layers, keyValueHeads, headSize, vocabularySize, rotary } = architecture;
    const prepack = tokensToCompute >= PREPACK_FROM;
    const shape = { layers, keyValueHeads, headSize, vocabularySize, rotary };
    const device = 'cpu';
    const backend = await openBackend({ graph, weightFolder, ...shape, device, threads, prepack }).catch(
      (error: unknown) => {
        throw new UserError(`${ref}: onnxruntime cannot load the model: ${messageOf(error)}`);
      },
    );
    options.onLoad?.((performance.now() - began) / 1000);
    return backend;
  };
  const runtime = runtimeVersion();
  let backend: Promise<Backend> | undefined;
  return {
    identity,
    tokenizer,
    contextLength: architecture.contextLength,
    endToken: typeof checkpoint.config.eos_token_id === 'number' ? checkpoint.config.eos_token_id : null,
    architecture,
    threads,
    runtime,
    scoreIdentity: [
      identity.sha256,
      identity.config_sha256,
      identity.tokenizer_sha256,
      GRAPH_VERSION,
      dtype,
      'cpu',
      runtime,
      architecture.contextLength,
    ],
    load(tokensToCompute) {
      backend ??= load(tokensToCompute);
      return backend;
    },
    async close() {
      await (await backend)?.close();
    },
  };
}

/** Version of the installed onnxruntime-node, without loading it. */
function runtimeVersion(): string {
  return (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }).version;
}
