import { UserError } from '../../errors.ts';
import type { Architecture } from '../architecture.ts';
import { ACTIVATIONS, startBlocks } from '../blocks.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { readConfig } from '../config.ts';

/**
 * GPT-2 (Radford et al. 2019, section 2.3): learned positions, layer norm before each block and one after the
 * last, biased projections stored as [in, out]. Every switch of transformers' GPT2Config that changes the
 * forward pass is read; those that cannot be honoured are refused.
 */
export function gpt2(checkpoint: Checkpoint): Architecture {
  const config = readConfig(checkpoint);
  const layers = config.count('n_layer', 12);
  const width = config.count('n_embd', 768);
  const heads = config.count('n_head', 12);
  const inner = config.count('n_inner', 4 * width);
  const vocabularySize = config.count('vocab_size', 50257);
  const contextLength = config.count('n_positions', 1024);
  const epsilon = config.number('layer_norm_epsilon', 1e-5);
  const activation = config.choice('activation_function', ACTIVATIONS, 'gelu_new');
  const scaleByWidth = config.flag('scale_attn_weights', true);
  const scaleByLayer = config.flag('scale_attn_by_inverse_layer_idx', false);
  const tied = config.flag('tie_word_embeddings', true);
  config.only('add_cross_attention', false);
  if (width % heads !== 0) {
    throw new UserError(
      `${checkpoint.folder}/config.json: "n_embd" ${width} is not a multiple of "n_head" ${heads}`,
    );
  }
  const headSize = width / heads;

  const graph = (weightFolder: string): Uint8Array => {
    const b = startBlocks(checkpoint, weightFolder);
    const { graph: g } = b;
    const prefix = b.first('transformer.wte.weight', 'wte.weight').startsWith('transformer.')
      ? 'transformer.'
      : '';
    const weight = (name: string, ...shape: number[]): string => b.weight(prefix + name, shape);

    const tokens = weight('wte.weight', vocabularySize, width);
    let h = g.node('Add', [
      g.node('Gather', [tokens, 'ids']),
      g.node('Gather', [weight('wpe.weight', contextLength, width), 'positions']),
    ]);
    for (let i = 0; i < layers; i++) {
      const p = `h.${i}.`;
      const norm1 = b.layerNorm(h, weight(`${p}ln_1.weight`, width), weight(`${p}ln_1.bias`, width), epsilon);
      const qkv = b.linear(
        norm1,
        weight(`${p}attn.c_attn.weight`, width, 3 * width),
        weight(`${p}attn.c_attn.bias`, 3 * width),
      );
      const [q, k, v] = g.split(qkv, 3, 1) as [string, string, string];
      const scale = (scaleByWidth ? headSize ** -0.5 : 1) / (scaleByLayer ? i + 1 : 1);
      const mixed = b.attention(i, q, k, v, { heads, headSize, scale });
      const projected = b.linear(
        mixed,
        weight(`${p}attn.c_proj.weight`, width, width),
        weight(`${p}attn.c_proj.bias`, width),
      );
      h = g.node('Add', [h, projected]);
      const norm2 = b.layerNorm(h, weight(`${p}ln_2.weight`, width), weight(`${p}ln_2.bias`, width), epsilon);
      const up = b.linear(
        norm2,
        weight(`${p}mlp.c_fc.weight`, width, inner),
        weight(`${p}mlp.c_fc.bias`, inner),
      );
      const down = b.linear(
        b.activation(up, activation),
        weight(`${p}mlp.c_proj.weight`, inner, width),
        weight(`${p}mlp.c_proj.bias`, width),
      );
      h = g.node('Add', [h, down]);
    }
    const last = b.layerNorm(b.rows(h), weight('ln_f.weight', width), weight('ln_f.bias', width), epsilon);
    const head = tied ? tokens : b.weight('lm_head.weight', [vocabularySize, width]);
    b.score(g.node('Gemm', [last, head], { transB: 1 }), vocabularySize);
    return g.build();
  };

  return { name: 'gpt2', contextLength, vocabularySize, layers, keyValueHeads: heads, headSize, graph };
}
