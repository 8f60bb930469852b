import type { Architecture } from '../architecture.ts';
import { ACTIVATIONS, startBlocks } from '../blocks.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { readConfig } from '../config.ts';
import { readRotary } from '../rotary.ts';

/**
 * GPT-NeoX (Black et al. 2022, arXiv:2204.06745) and Pythia: rotary positions on a part of each head, attention
 * and feed-forward side by side on the residual stream or one behind the other, queries, keys and values of a
 * head stored together.
 */
export function gptNeoX(checkpoint: Checkpoint): Architecture {
  const config = readConfig(checkpoint);
  const layers = config.count('num_hidden_layers', 44);
  const width = config.count('hidden_size', 6144);
  const heads = config.count('num_attention_heads', 64);
  const inner = config.count('intermediate_size', 24576);
  const vocabularySize = config.count('vocab_size', 50432);
  const contextLength = config.count('max_position_embeddings', 2048);
  const epsilon = config.number('layer_norm_eps', 1e-5);
  const activation = config.choice('hidden_act', ACTIVATIONS, 'gelu');
  const parallel = config.flag('use_parallel_residual', true);
  const bias = config.flag('attention_bias', true);
  const tied = config.flag('tie_word_embeddings', false);
  if (width % heads !== 0) config.fail('hidden_size', `a multiple of "num_attention_heads" ${heads}`);
  const headSize = width / heads;
  const rotary = readRotary(config, {
    headSize,
    contextLength,
    baseKey: 'rotary_emb_base',
    shareKey: 'rotary_pct',
    share: 0.25,
  });
  config.done();
  const rotated = 2 * rotary.frequencies.length;

  const graph: Architecture['graph'] = (options) => {
    const b = startBlocks(checkpoint, options);
    const { graph: g } = b;
    const add = (x: string, y: string): string => g.node('Add', [x, y]);
    const root = b.first('gpt_neox.embed_in.weight', 'embed_in.weight').replace('embed_in.weight', '');
    const linear = (x: string, name: string, from: number, to: number, biased: boolean): string =>
      b.linear(x, { name: root + name, in: from, out: to, stored: 'out,in', bias: biased });
    const norm = (x: string, name: string): string => b.layerNorm(x, root + name, width, epsilon);

    const tokens = `${root}embed_in.weight`;
    let h = b.embed(tokens, [vocabularySize, width], 'ids');
    for (let layer = 0; layer < layers; layer++) {
      const p = `layers.${layer}.`;
      const qkv = linear(
        norm(h, `${p}input_layernorm`),
        `${p}attention.query_key_value`,
        width,
        3 * width,
        bias,
      );
      const byHead = g.node('Reshape', [qkv, g.constant('int64', [-1, heads, 3 * headSize])]);
      const [q, k, v] = g.split(byHead, [headSize, headSize, headSize], 2) as [string, string, string];
      const turn = (x: string): string => b.rotate(x, { heads, headSize, rotated });
      const shape = { layer, heads, keyValueHeads: heads, headSize, scale: headSize ** -0.5, window: null };
      const mixed = linear(b.attend(turn(q), turn(k), v, shape), `${p}attention.dense`, width, width, bias);
      const attended = add(h, mixed);
      const second = norm(parallel ? h : attended, `${p}post_attention_layernorm`);
      const up = b.activation(linear(second, `${p}mlp.dense_h_to_4h`, width, inner, true), activation);
      h = add(attended, linear(up, `${p}mlp.dense_4h_to_h`, inner, width, true));
    }
    const head = tied ? tokens : b.first('embed_out.weight', 'lm_head.weight');
    b.score(norm(b.rows(h), 'final_layer_norm'), head, [vocabularySize, width]);
    return b.build();
  };

  const keyValueHeads = heads;
  return { name: 'gpt_neox', contextLength, vocabularySize, layers, keyValueHeads, headSize, rotary, graph };
}
