import { createHash, randomUUID } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import type { ModelIdentity } from '../record.ts';
import type { Backend, Device, Dtype, Tokenizer } from '../types.ts';
import type { Architecture } from './architecture.ts';
import { architectureOf } from './architectures/index.ts';
import { openBackend } from './backend.ts';
import { GRAPH_VERSION } from './blocks.ts';
import { type Checkpoint, commonFolder, hashWeights, readCheckpoint } from './checkpoint.ts';
import { readExport } from './exports/export.ts';
import { findExport } from './exports/find.ts';
import type { HubOptions } from './hub.ts';
import { checkMemory, memoryLimit, memoryNeeds } from './memory.ts';
import { type ResolvedModel, resolveModel } from './resolve.ts';
import { openTokenizer } from './tokenizers/open.ts';

/** A model that is checked and identified; its weights are loaded when it is opened on a device. */
export interface Model {
  readonly identity: ModelIdentity;
  readonly tokenizer: Tokenizer;
  /** Tokens that the model can be fed at once. */
  readonly contextLength: number;
  /** End a generated text; none where the model has no such token. */
  readonly endTokens: readonly number[];
  readonly architecture: Architecture;
  readonly threads: number;
  /** The runtime's version. */
  readonly runtime: string;
  /** Everything but the request that a score depends on. */
  scoreIdentity(on: {
    readonly device: Device | 'served';
    readonly dtype: Dtype;
  }): readonly (string | number)[];
  /**
   * Loads the weights. For a small number of tokens the load is kept short, for a large one the run.
   * @throws UserError where the runtime can't load the model
   */
  open(options: OpenOptions): Promise<Backend>;
  /**
   * Of a model behind an API, whose devices and weights are its server's: its log-probabilities of a fixed text, and
   * whether it tells the most probable tokens by their ids.
   */
  readonly served?: { readonly probe: readonly number[]; readonly tellsIds: boolean };
}

export interface OpenOptions {
  readonly device: Device;
  readonly dtype: Dtype;
  readonly tokensToCompute: number;
}

/** How a model is found, and how it is run. */
export interface ModelOptions extends HubOptions {
  /** Threads for matrix products; by default all cores. */
  readonly threads?: number | null;
  /** Which file of an ONNX export is meant: the float32 one unless told. A checkpoint is opened in any precision. */
  readonly dtype?: Dtype;
}

/**
 * From this many tokens on, onnxruntime's pre-packing of the weights gains more time in the runs than it costs at
 * load; below, the weights are used as they lie, which also saves a copy of them in memory. See tests/bench.
 */
const PREPACK_FROM = 8192;

/** What can be told of a model without reading its weights. */
export interface ModelFiles extends ResolvedModel {
  readonly checkpoint: Checkpoint;
  readonly architecture: Architecture;
  readonly tokenizer: Tokenizer;
}

/** Reads a checkpoint, or of an ONNX export the file of that precision. */
async function readModel(
  path: string,
  dtype: Dtype,
): Promise<Pick<ModelFiles, 'checkpoint' | 'architecture'>> {
  const exported = await findExport(path, dtype);
  if (exported) return readExport(exported);
  const checkpoint = await readCheckpoint(path);
  return { checkpoint, architecture: architectureOf(checkpoint) };
}

/**
 * Reads and checks everything of a model but its weights.
 * @throws UserError where the folder is not a checkpoint or an ONNX export that can be scored
 */
export async function inspectModel(ref: string, options: ModelOptions = {}): Promise<ModelFiles> {
  const found = await resolveModel(ref, options);
  const { checkpoint, architecture } = await readModel(found.path, options.dtype ?? 'fp32');
  const { folder, config } = checkpoint;
  const tokenizer = await openTokenizer(folder, { vocabularySize: architecture.vocabularySize, config });
  return { ...found, checkpoint, architecture, tokenizer };
}

/**
 * Opens a model by reference: a folder with a checkpoint in Hugging Face layout or an ONNX export, or a name that
 * leads to one. The graph is built in memory and its weights stay in their files; nothing is written beside them.
 * @throws UserError where there is no model that can be scored
 */
export async function openModel(ref: string, options: ModelOptions = {}): Promise<Model> {
  const ownType = options.dtype ?? 'fp32';
  const { path, commit, checkpoint, architecture, tokenizer } = await inspectModel(ref, options);
  const threads = options.threads ?? availableParallelism();
  let parameters = 0;
  for (const { shape } of checkpoint.tensors.values()) parameters += shape.reduce((a, b) => a * b, 1);
  const identity: ModelIdentity = {
    ref,
    ...(commit === undefined ? {} : { commit }),
    sha256: await hashWeights(checkpoint.weightFiles),
    parameters,
    architecture: architecture.name,
    config_sha256: createHash('sha256').update(JSON.stringify(checkpoint.config)).digest('hex'),
    tokenizer_sha256: tokenizer.sha256,
  };
  const open = async ({ device, dtype, tokensToCompute }: OpenOptions): Promise<Backend> => {
    // An export of another precision, the reference of this one, is another file.
    const isOther = architecture.exported !== undefined && dtype !== ownType;
    const model = isOther ? await readModel(path, dtype) : { checkpoint, architecture };
    const shapes = [...model.checkpoint.tensors.values()].map(({ shape }) => shape);
    const [needs, limit] = [memoryNeeds(shapes, dtype), memoryLimit()];
    if (device === 'cpu') checkMemory(ref, dtype, needs.least, limit);
    const { weightFiles } = model.checkpoint;
    const { layers, keyValueHeads, headSize, vocabularySize, rotary, exported } = model.architecture;
    const quantisedFile = join(await realpath(tmpdir()), `evalgpt-int8-${process.pid}-${randomUUID()}`);
    const weightFolder = commonFolder(
      dtype === 'int8' && !exported ? [...weightFiles, quantisedFile] : weightFiles,
    );
    const graph = model.architecture.graph({ weightFolder, dtype, quantisedFile });
    const shape = { layers, keyValueHeads, headSize, vocabularySize, rotary };
    // Without it 8-bit products take a slower path, which also rounds otherwise.
    const prepack = dtype === 'int8' || (tokensToCompute >= PREPACK_FROM && needs.packed <= limit);
    return openBackend({ ...shape, ...exported, graph, weightFolder, device, threads, prepack }).catch(
      (error: unknown) => {
        throw new UserError(`${ref}: onnxruntime cannot load the model: ${messageOf(error)}`);
      },
    );
  };
  // A checkpoint that lacks a tensor is told at once, not when the weights are loaded.
  architecture.graph({ weightFolder: '/', dtype: 'fp32', quantisedFile: '' });
  const runtime = runtimeVersion();
  return {
    identity,
    tokenizer,
    contextLength: architecture.contextLength,
    endTokens: [checkpoint.config.eos_token_id].flat().filter((id) => typeof id === 'number'),
    architecture,
    threads,
    runtime,
    scoreIdentity: ({ device, dtype }) => [
      identity.sha256,
      identity.config_sha256,
      identity.tokenizer_sha256,
      GRAPH_VERSION,
      dtype,
      device,
      runtime,
      architecture.contextLength,
    ],
    open,
  };
}

/** Version of the installed onnxruntime-node, without loading it. */
function runtimeVersion(): string {
  return (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }).version;
}
