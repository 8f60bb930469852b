import { join } from 'node:path';
import {
  type CheckpointOptions,
  type Gpt2Shape,
  writeGpt2Checkpoint,
} from '../../datasets/demo/checkpoint.ts';

/** Tiny GPT-2 checkpoints from a formula, of odd shapes, so that every switch of the architecture is met. */
export const TINY: Readonly<Record<string, { shape: Gpt2Shape; options: CheckpointOptions }>> = {
  plain: {
    shape: { ...small(48, 3, 3), activation_function: 'gelu_new' },
    options: { seed: 11, scale: 0.3, byteTokenizer: true },
  },
  'untied-sharded': {
    shape: { ...small(20, 2, 5), n_inner: 33, activation_function: 'relu', tie_word_embeddings: false },
    options: { seed: 12, scale: 0.4, byteTokenizer: true, shards: 3 },
  },
  'scaled-by-layer': {
    shape: {
      ...small(28, 4, 2),
      activation_function: 'gelu',
      scale_attn_by_inverse_layer_idx: true,
      layer_norm_epsilon: 1e-3,
    },
    options: { seed: 13, scale: 0.4, byteTokenizer: true },
  },
  unscaled: {
    shape: { ...small(16, 2, 1), activation_function: 'silu', scale_attn_weights: false },
    options: { seed: 14, scale: 0.4, byteTokenizer: true },
  },
};

function small(n_embd: number, n_layer: number, n_head: number): Gpt2Shape {
  return { vocab_size: 257, n_positions: 64, n_embd, n_layer, n_head, bos_token_id: 256, eos_token_id: 256 };
}

/** Writes one of them below a folder and returns its path. */
export function writeTiny(name: string, parent: string): string {
  const tiny = TINY[name];
  if (!tiny) throw new Error(`no tiny checkpoint ${name}`);
  const folder = join(parent, name);
  writeGpt2Checkpoint(folder, tiny.shape, tiny.options);
  return folder;
}
