import type { Architecture } from '../architecture.ts';
import { ACTIVATIONS, startBlocks } from '../blocks.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { type ConfigReader, readConfig } from '../config.ts';

/**
 * GPT-Neo (Black et al. 2021): GPT-2 with unscaled attention, whose layers see all tokens or a window only, and
 * projections stored as [out, in], those of queries, keys and values without bias.
 */
export function gptNeo(checkpoint: Checkpoint): Architecture {
  const config = readConfig(checkpoint);
  const layers = config.count('num_layers', 24);
  const width = config.count('hidden_size', 2048);
  const heads = config.count('num_heads', 16);
  const inner = config.count('intermediate_size', 4 * width);
  const vocabularySize = config.count('vocab_size', 50257);
  const contextLength = config.count('max_position_embeddings', 2048);
  const epsilon = config.number('layer_norm_epsilon', 1e-5);
  const activation = config.choice('activation_function', ACTIVATIONS, 'gelu_new');
  const tied = config.flag('tie_word_embeddings', true);
  const local = config.count('window_size', 256);
  const kinds = attentionKinds(config);
  config.done();
  if (kinds.length !== layers) config.fail('attention_types', `one kind for each of ${layers} layers`);
  if (width % heads !== 0) config.fail('hidden_size', `a multiple of "num_heads" ${heads}`);
  const headSize = width / heads;

  const graph: Architecture['graph'] = (options) => {
    const b = startBlocks(checkpoint, options);
    const add = (x: string, y: string): string => b.graph.node('Add', [x, y]);
    const root = b.first('transformer.wte.weight', 'wte.weight').replace('wte.weight', '');
    const linear = (x: string, name: string, from: number, to: number, bias: boolean): string =>
      b.linear(x, { name: root + name, in: from, out: to, stored: 'out,in', bias });
    const norm = (x: string, name: string): string => b.layerNorm(x, root + name, width, epsilon);

    const tokens = `${root}wte.weight`;
    let h = add(
      b.embed(tokens, [vocabularySize, width], 'ids'),
      b.embed(`${root}wpe.weight`, [contextLength, width], 'positions'),
    );
    for (let layer = 0; layer < layers; layer++) {
      const p = `h.${layer}.`;
      const normed = norm(h, `${p}ln_1`);
      const project = (name: string): string =>
        linear(normed, `${p}attn.attention.${name}`, width, width, false);
      const window = kinds[layer] === 'local' && local < contextLength ? local : null;
      const shape = { layer, heads, keyValueHeads: heads, headSize, scale: 1, window };
      const mixed = b.attend(project('q_proj'), project('k_proj'), project('v_proj'), shape);
      h = add(h, linear(mixed, `${p}attn.attention.out_proj`, width, width, true));
      const up = b.activation(linear(norm(h, `${p}ln_2`), `${p}mlp.c_fc`, width, inner, true), activation);
      h = add(h, linear(up, `${p}mlp.c_proj`, inner, width, true));
    }
    b.score(norm(b.rows(h), 'ln_f'), tied ? tokens : 'lm_head.weight', [vocabularySize, width]);
    return b.build();
  };

  const keyValueHeads = heads;
  return {
    name: 'gpt_neo',
    contextLength,
    vocabularySize,
    layers,
    keyValueHeads,
    headSize,
    rotary: null,
    graph,
  };
}

/** `attention_types` [[["global", "local"], 2], …] written out; `attention_layers`, its copy, must agree. */
function attentionKinds(config: ConfigReader): string[] {
  const types = config.raw('attention_types') ?? [[['global', 'local'], 12]];
  const isGroup = (group: unknown): group is [string[], number] =>
    Array.isArray(group) &&
    Array.isArray(group[0]) &&
    group[0].every((kind) => kind === 'global' || kind === 'local') &&
    Number.isSafeInteger(group[1]) &&
    group[1] > 0 &&
    group[1] < 10_000;
  if (!Array.isArray(types) || !types.every(isGroup)) {
    config.fail('attention_types', 'a list like [[["global", "local"], 12]]');
  }
  const kinds = (types as [string[], number][]).flatMap(([group, times]) => Array(times).fill(group).flat());
  const copy = config.raw('attention_layers');
  if (copy != null && JSON.stringify(copy) !== JSON.stringify(kinds)) {
    config.fail('attention_layers', 'what "attention_types" says');
  }
  return kinds as string[];
}
