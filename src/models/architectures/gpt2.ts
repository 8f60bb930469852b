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
  config.done();
  if (width % heads !== 0) config.fail('n_embd', `a multiple of "n_head" ${heads}`);
  const headSize = width / heads;

  const graph: Architecture['graph'] = (options) => {
    const b = startBlocks(checkpoint, options);
    const add = (x: string, y: string): string => b.graph.node('Add', [x, y]);
    const root = b.first('transformer.wte.weight', 'wte.weight').replace('wte.weight', '');
    const linear = (x: string, name: string, from: number, to: number): string =>
      b.linear(x, { name: root + name, in: from, out: to, stored: 'in,out', bias: true });
    const norm = (x: string, name: string): string => b.layerNorm(x, root + name, width, epsilon);

    const tokens = `${root}wte.weight`;
    let h = add(
      b.embed(tokens, [vocabularySize, width], 'ids'),
      b.embed(`${root}wpe.weight`, [contextLength, width], 'positions'),
    );
    for (let layer = 0; layer < layers; layer++) {
      const p = `h.${layer}.`;
      const qkv = linear(norm(h, `${p}ln_1`), `${p}attn.c_attn`, width, 3 * width);
      const [q, k, v] = b.graph.split(qkv, [width, width, width], 1) as [string, string, string];
      const scale = (scaleByWidth ? headSize ** -0.5 : 1) / (scaleByLayer ? layer + 1 : 1);
      const shape = { layer, heads, keyValueHeads: heads, headSize, scale, window: null };
      h = add(h, linear(b.attend(q, k, v, shape), `${p}attn.c_proj`, width, width));
      const up = b.activation(linear(norm(h, `${p}ln_2`), `${p}mlp.c_fc`, width, inner), activation);
      h = add(h, linear(up, `${p}mlp.c_proj`, inner, width));
    }
    b.score(norm(b.rows(h), 'ln_f'), tied ? tokens : 'lm_head.weight', [vocabularySize, width]);
    return b.build();
  };

  const keyValueHeads = heads;
  return {
    name: 'gpt2',
    contextLength,
    vocabularySize,
    layers,
    keyValueHeads,
    headSize,
    rotary: null,
    graph,
  };
}
