import type { Architecture } from '../architecture.ts';
import { type ActivationName, startBlocks } from '../blocks.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { readConfig } from '../config.ts';

/** What GPT-1's names of activations mean: its "gelu" is the approximation by tanh. */
const ACTIVATION: Readonly<Record<string, ActivationName>> = {
  gelu: 'gelu_new',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
};

/**
 * GPT-1 (Radford et al. 2018, section 4.1; transformers' openai-gpt): as GPT-2, but the layer norms stand behind
 * each residual sum, and there is none after the last block.
 */
export function gpt1(checkpoint: Checkpoint): Architecture {
  const config = readConfig(checkpoint);
  const layers = config.count('n_layer', 12);
  const width = config.count('n_embd', 768);
  const heads = config.count('n_head', 12);
  const vocabularySize = config.count('vocab_size', 40478);
  const contextLength = config.count('n_positions', 512);
  const epsilon = config.number('layer_norm_epsilon', 1e-5);
  const activation = ACTIVATION[config.choice('afn', ['gelu', 'relu', 'silu', 'swish'], 'gelu')]!;
  const tied = config.flag('tie_word_embeddings', true);
  config.done();
  if (width % heads !== 0) config.fail('n_embd', `a multiple of "n_head" ${heads}`);
  const headSize = width / heads;

  const graph: Architecture['graph'] = (options) => {
    const b = startBlocks(checkpoint, options);
    const add = (x: string, y: string): string => b.graph.node('Add', [x, y]);
    const root = b
      .first('transformer.tokens_embed.weight', 'tokens_embed.weight')
      .replace('tokens_embed.weight', '');
    const linear = (x: string, name: string, from: number, to: number): string =>
      b.linear(x, { name: root + name, in: from, out: to, stored: 'in,out', bias: true });
    const norm = (x: string, name: string): string => b.layerNorm(x, root + name, width, epsilon);

    const tokens = `${root}tokens_embed.weight`;
    let h = add(
      b.embed(tokens, [vocabularySize, width], 'ids'),
      b.embed(`${root}positions_embed.weight`, [contextLength, width], 'positions'),
    );
    for (let layer = 0; layer < layers; layer++) {
      const p = `h.${layer}.`;
      const qkv = linear(h, `${p}attn.c_attn`, width, 3 * width);
      const [q, k, v] = b.graph.split(qkv, [width, width, width], 1) as [string, string, string];
      const shape = { layer, heads, keyValueHeads: heads, headSize, scale: headSize ** -0.5, window: null };
      h = norm(add(h, linear(b.attend(q, k, v, shape), `${p}attn.c_proj`, width, width)), `${p}ln_1`);
      const up = b.activation(linear(h, `${p}mlp.c_fc`, width, 4 * width), activation);
      h = norm(add(h, linear(up, `${p}mlp.c_proj`, 4 * width, width)), `${p}ln_2`);
    }
    b.score(b.rows(h), tied ? tokens : 'lm_head.weight', [vocabularySize, width]);
    return b.build();
  };

  const keyValueHeads = heads;
  return {
    name: 'openai-gpt',
    contextLength,
    vocabularySize,
    layers,
    keyValueHeads,
    headSize,
    rotary: null,
    graph,
  };
}
