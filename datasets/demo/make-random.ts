import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeGpt2Checkpoint } from './checkpoint.ts';

/** Rewrites the bundled random demo checkpoint: `npx tsx datasets/demo/make-random.ts`. The bytes are always the same. */
const folder = join(fileURLToPath(new URL('.', import.meta.url)), 'random-tiny');
writeGpt2Checkpoint(
  folder,
  {
    vocab_size: 257,
    n_positions: 1024,
    n_embd: 32,
    n_layer: 2,
    n_head: 2,
    activation_function: 'gelu_new',
    layer_norm_epsilon: 1e-5,
    bos_token_id: 256,
    eos_token_id: 256,
  },
  { seed: 1, scale: 0.25, byteTokenizer: true },
);
