import type { Architecture } from '../architecture.ts';
import { ACTIVATIONS, startBlocks } from '../blocks.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { type ConfigReader, readConfig } from '../config.ts';
import { readRotary } from '../rotary.ts';

/** In what the relatives differ; defaults are those of transformers' configuration classes. */
interface Family {
  readonly name: string;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly keyValueHeads: number | null;
  readonly inner: number;
  /** Width of a head where the configuration does not say; null for hidden_size / num_attention_heads. */
  readonly headSize: number | null;
  /** Biases of the query, key and value projections, of the output projection, and of the feed-forward block. */
  biases(config: ConfigReader): { readonly qkv: boolean; readonly output: boolean; readonly mlp: boolean };
  /** RMSNorm of each query and key head. */
  readonly headNorms: boolean;
  /** Tokens that a layer sees, itself included; null for all. */
  windows(config: ConfigReader, layers: number): readonly (number | null)[];
}

const everywhere = (layers: number): null[] => Array<null>(layers).fill(null);

const LLAMA: Family = {
  name: 'llama',
  vocabularySize: 32000,
  contextLength: 2048,
  keyValueHeads: null,
  inner: 11008,
  headSize: null,
  biases(config) {
    const attention = config.flag('attention_bias', false);
    return { qkv: attention, output: attention, mlp: config.flag('mlp_bias', false) };
  },
  headNorms: false,
  windows: (_, layers) => everywhere(layers),
};

const MISTRAL: Family = {
  ...LLAMA,
  name: 'mistral',
  contextLength: 131072,
  keyValueHeads: 8,
  inner: 14336,
  biases: () => ({ qkv: false, output: false, mlp: false }),
  windows(config, layers) {
    // Left out, it is transformers' default; null says that there is none.
    const window = config.raw('sliding_window') === null ? null : config.count('sliding_window', 4096);
    return Array<number | null>(layers).fill(window);
  },
};

const QWEN2: Family = {
  ...LLAMA,
  name: 'qwen2',
  vocabularySize: 151936,
  contextLength: 32768,
  keyValueHeads: 32,
  inner: 22016,
  biases: () => ({ qkv: true, output: false, mlp: false }),
  windows(config, layers) {
    config.only('use_mrope', false);
    const used = config.flag('use_sliding_window', false);
    const window = config.raw('sliding_window') === null ? null : config.count('sliding_window', 4096);
    const from = config.number('max_window_layers', 28);
    const kinds = config.raw('layer_types') ?? null;
    if (kinds === null) return Array.from({ length: layers }, (_, i) => (used && i >= from ? window : null));
    const known = (kind: unknown): boolean => kind === 'full_attention' || kind === 'sliding_attention';
    if (!Array.isArray(kinds) || kinds.length !== layers || !kinds.every(known)) {
      config.fail('layer_types', `"full_attention" or "sliding_attention" for each of ${layers} layers`);
    }
    return (kinds as string[]).map((kind) => (used && kind === 'sliding_attention' ? window : null));
  },
};

const QWEN3: Family = {
  ...QWEN2,
  name: 'qwen3',
  headSize: 128,
  biases(config) {
    const attention = config.flag('attention_bias', false);
    return { qkv: attention, output: attention, mlp: false };
  },
  headNorms: true,
};

export const llama = (checkpoint: Checkpoint): Architecture => ofFamily(checkpoint, LLAMA);
export const mistral = (checkpoint: Checkpoint): Architecture => ofFamily(checkpoint, MISTRAL);
export const qwen2 = (checkpoint: Checkpoint): Architecture => ofFamily(checkpoint, QWEN2);
export const qwen3 = (checkpoint: Checkpoint): Architecture => ofFamily(checkpoint, QWEN3);

/**
 * LLaMA (Touvron et al. 2023, arXiv:2302.13971) and its relatives: RMSNorm before each block, rotary positions,
 * keys and values shared by groups of heads (Ainslie et al. 2023, arXiv:2305.13245), a gated feed-forward block.
 */
function ofFamily(checkpoint: Checkpoint, family: Family): Architecture {
  const config = readConfig(checkpoint);
  const layers = config.count('num_hidden_layers', 32);
  const width = config.count('hidden_size', 4096);
  const heads = config.count('num_attention_heads', 32);
  const keyValueHeads = config.count('num_key_value_heads', family.keyValueHeads ?? heads);
  const inner = config.count('intermediate_size', family.inner);
  const vocabularySize = config.count('vocab_size', family.vocabularySize);
  const contextLength = config.count('max_position_embeddings', family.contextLength);
  const epsilon = config.number('rms_norm_eps', 1e-6);
  const activation = config.choice('hidden_act', ACTIVATIONS, 'silu');
  const tied = config.flag('tie_word_embeddings', false);
  const headSize = config.count('head_dim', family.headSize ?? width / heads);
  if (heads % keyValueHeads !== 0)
    config.fail('num_attention_heads', `a multiple of "num_key_value_heads" ${keyValueHeads}`);
  const biases = family.biases(config);
  const windows = family
    .windows(config, layers)
    .map((window) => (window !== null && window < contextLength ? window : null));
  config.only('rope_interleaved', false);
  const rotary = readRotary(config, {
    headSize,
    contextLength,
    baseKey: 'rope_theta',
    shareKey: 'partial_rotary_factor',
    share: 1,
  });
  config.done();
  const rotated = 2 * rotary.frequencies.length;

  const graph: Architecture['graph'] = (options) => {
    const b = startBlocks(checkpoint, options);
    const { graph: g } = b;
    const root = b
      .first('model.embed_tokens.weight', 'embed_tokens.weight')
      .replace('embed_tokens.weight', '');
    const linear = (x: string, name: string, from: number, to: number, bias: boolean): string =>
      b.linear(x, { name: root + name, in: from, out: to, stored: 'out,in', bias });
    const norm = (x: string, name: string): string => b.rmsNorm(x, root + name, width, epsilon);

    const tokens = `${root}embed_tokens.weight`;
    let h = b.embed(tokens, [vocabularySize, width], 'ids');
    for (let layer = 0; layer < layers; layer++) {
      const p = `layers.${layer}.`;
      const normed = norm(h, `${p}input_layernorm`);
      const project = (name: string, count: number): string =>
        linear(normed, `${p}self_attn.${name}_proj`, width, count * headSize, biases.qkv);
      const turned = (name: 'q' | 'k', count: number): string => {
        const apart = g.node('Reshape', [project(name, count), g.constant('int64', [-1, count, headSize])]);
        const x = family.headNorms
          ? b.rmsNorm(apart, `${root}${p}self_attn.${name}_norm`, headSize, epsilon)
          : apart;
        return b.rotate(x, { heads: count, headSize, rotated });
      };
      const shape = {
        layer,
        heads,
        keyValueHeads,
        headSize,
        scale: headSize ** -0.5,
        window: windows[layer]!,
      };
      const mixed = b.attend(
        turned('q', heads),
        turned('k', keyValueHeads),
        project('v', keyValueHeads),
        shape,
      );
      h = g.node('Add', [h, linear(mixed, `${p}self_attn.o_proj`, heads * headSize, width, biases.output)]);
      const second = norm(h, `${p}post_attention_layernorm`);
      const gate = b.activation(linear(second, `${p}mlp.gate_proj`, width, inner, biases.mlp), activation);
      const up = linear(second, `${p}mlp.up_proj`, width, inner, biases.mlp);
      const down = linear(g.node('Mul', [gate, up]), `${p}mlp.down_proj`, inner, width, biases.mlp);
      h = g.node('Add', [h, down]);
    }
    b.score(norm(b.rows(h), 'norm'), tied ? tokens : 'lm_head.weight', [vocabularySize, width]);
    return b.build();
  };

  return { name: family.name, contextLength, vocabularySize, layers, keyValueHeads, headSize, rotary, graph };
}
