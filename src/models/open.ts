import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import { packageFolder } from '../package.ts';
import type { ModelIdentity, Tokenizer } from '../types.ts';
import { type Architecture, architectureOf } from './architecture.ts';
import { openBackend, type ThreadedBackend } from './backend.ts';
import { type Checkpoint, commonFolder, hashWeights, readCheckpoint } from './checkpoint.ts';
import { openTokenizer } from './tokenizers/open.ts';

/** A loaded model: what scores, what tokenises, and what identifies it. */
export interface Model {
  readonly identity: ModelIdentity;
  readonly tokenizer: Tokenizer;
  readonly backend: ThreadedBackend;
  /** Tokens that the model can be fed at once. */
  readonly contextLength: number;
  readonly threads: number;
}

export interface ModelOptions {
  /** Threads for matrix products; by default all cores. */
  readonly threads?: number | null;
}

/** Where a model reference leads: a folder, or a bundled demo checkpoint by its alias `demo-NAME`. */
export function modelFolder(ref: string): string {
  const bundled = /^demo-([a-z0-9-]+)$/.exec(ref)?.[1];
  return bundled === undefined || existsSync(ref) ? ref : join(packageFolder(), 'datasets', 'demo', bundled);
}

/** What can be told of a model without loading its weights. */
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
  const weightFolder = commonFolder(checkpoint.weightFiles);
  const threads = options.threads ?? availableParallelism();
  const { layers, keyValueHeads, headSize, vocabularySize } = architecture;
  const graph = architecture.graph(weightFolder);
  const [backend, sha256] = await Promise.all([
    openBackend({ graph, weightFolder, layers, keyValueHeads, headSize, vocabularySize, threads }).catch(
      (error: unknown) => {
        throw new UserError(`${ref}: onnxruntime cannot load the model: ${messageOf(error)}`);
      },
    ),
    hashWeights(checkpoint.weightFiles),
  ]);
  let parameters = 0;
  for (const { shape } of checkpoint.tensors.values()) parameters += shape.reduce((a, b) => a * b, 1);
  return {
    identity: {
      ref,
      sha256,
      parameters,
      architecture: architecture.name,
      tokenizer_sha256: tokenizer.sha256,
    },
    tokenizer,
    backend,
    contextLength: architecture.contextLength,
    threads,
  };
}
