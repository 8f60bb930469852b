import { join } from 'node:path';
import {
  type CheckpointOptions,
  type Gpt2Shape,
  type TensorShape,
  writeCheckpoint,
  writeGpt2Checkpoint,
} from '../../datasets/demo/checkpoint.ts';

interface Tiny {
  readonly options: CheckpointOptions;
  write(folder: string, options: CheckpointOptions): void;
}

const SPECIAL = { vocab_size: 257, bos_token_id: 256, eos_token_id: 256 };

/** Tiny checkpoints from a formula, of odd shapes, so that every switch of every architecture is met. */
export const TINY: Readonly<Record<string, Tiny>> = {
  plain: gpt2({ ...small(48, 3, 3), activation_function: 'gelu_new' }, { seed: 11, scale: 0.3 }),
  'untied-sharded': gpt2(
    { ...small(20, 2, 5), n_inner: 33, activation_function: 'relu', tie_word_embeddings: false },
    { seed: 12, scale: 0.4, shards: 3 },
  ),
  'scaled-by-layer': gpt2(
    {
      ...small(28, 4, 2),
      activation_function: 'gelu',
      scale_attn_by_inverse_layer_idx: true,
      layer_norm_epsilon: 1e-3,
    },
    { seed: 13, scale: 0.4 },
  ),
  unscaled: gpt2(
    { ...small(16, 2, 1), activation_function: 'silu', scale_attn_weights: false },
    { seed: 14, scale: 0.4 },
  ),
  half: gpt2({ ...small(24, 2, 3) }, { seed: 15, scale: 0.4, dtype: 'F16' }),
  gpt1: gpt1({ n_embd: 30, n_layer: 3, n_head: 5, afn: 'gelu' }, { seed: 16, scale: 0.3 }),
  'gpt-neo': gptNeo(
    {
      hidden_size: 24,
      num_layers: 4,
      num_heads: 3,
      attention_types: [[['global', 'local'], 2]],
      window_size: 5,
    },
    { seed: 17, scale: 0.3, dtype: 'BF16', shards: 2 },
  ),
  'gpt-neox': gptNeoX(
    {
      hidden_size: 48,
      num_hidden_layers: 3,
      num_attention_heads: 3,
      intermediate_size: 70,
      rotary_pct: 0.25,
      rotary_emb_base: 500,
    },
    { seed: 18, scale: 0.3, dtype: 'F16', shards: 3 },
  ),
  'gpt-neox-serial': gptNeoX(
    {
      hidden_size: 32,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      intermediate_size: 64,
      rope_parameters: { rope_type: 'default', rope_theta: 100, partial_rotary_factor: 0.5 },
      use_parallel_residual: false,
      hidden_act: 'gelu_fast',
      attention_bias: false,
    },
    { seed: 19, scale: 0.3 },
  ),
  llama: llama(
    {
      model_type: 'llama',
      ...grouped(32, 3, 4, 2),
      rope_theta: 500,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 4,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 32,
      },
      attention_bias: true,
      mlp_bias: true,
    },
    { seed: 20, scale: 0.3, dtype: 'BF16' },
  ),
  'llama-linear': llama(
    {
      model_type: 'llama',
      ...grouped(36, 2, 3, 3),
      rope_scaling: { type: 'linear', factor: 2.5 },
      tie_word_embeddings: true,
    },
    { seed: 21, scale: 0.3, dtype: 'F16' },
  ),
  'llama-yarn': llama(
    {
      model_type: 'llama',
      ...grouped(32, 2, 8, 1),
      rope_parameters: {
        rope_type: 'yarn',
        rope_theta: 100,
        factor: 4,
        original_max_position_embeddings: 16,
        beta_fast: 8,
        beta_slow: 0.5,
      },
      head_dim: 6,
    },
    { seed: 22, scale: 0.3 },
  ),
  mistral: llama(
    { model_type: 'mistral', ...grouped(40, 3, 4, 2), sliding_window: 7 },
    { seed: 23, scale: 0.3, shards: 2 },
  ),
  qwen2: llama(
    {
      model_type: 'qwen2',
      ...grouped(24, 3, 6, 3),
      use_sliding_window: true,
      sliding_window: 9,
      max_window_layers: 1,
      tie_word_embeddings: true,
      rope_scaling: { rope_type: 'dynamic', factor: 2 },
    },
    { seed: 24, scale: 0.3, dtype: 'BF16', shards: 2 },
  ),
  qwen3: llama(
    { model_type: 'qwen3', ...grouped(32, 2, 4, 2), head_dim: 10, hidden_act: 'gelu_pytorch_tanh' },
    { seed: 25, scale: 0.3 },
  ),
};

/** The one whose ONNX exports lie in tests/vectors/exports: small, for they hold its weights. */
const EXPORTED = gpt2({ ...small(8, 2, 2), activation_function: 'gelu_new' }, { seed: 15, scale: 0.5 });

function small(n_embd: number, n_layer: number, n_head: number): Gpt2Shape {
  return { n_positions: 64, n_embd, n_layer, n_head, ...SPECIAL };
}

function grouped(hidden: number, layers: number, heads: number, keyValueHeads: number): LlamaConfig {
  return {
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    intermediate_size: 2 * hidden + 5,
    head_dim: hidden / heads,
    tie_word_embeddings: false,
  };
}

interface LlamaConfig {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly intermediate_size: number;
  readonly head_dim: number;
  readonly tie_word_embeddings: boolean;
}

function gpt2(shape: Gpt2Shape, options: CheckpointOptions): Tiny {
  return { options, write: (folder, written) => writeGpt2Checkpoint(folder, shape, written) };
}

function tiny(
  config: Readonly<Record<string, unknown>>,
  tensors: readonly TensorShape[],
  options: CheckpointOptions,
): Tiny {
  return {
    options,
    write: (folder, written) => writeCheckpoint(folder, { ...SPECIAL, ...config }, tensors, written),
  };
}

function gpt1(
  config: {
    readonly n_embd: number;
    readonly n_layer: number;
    readonly n_head: number;
    readonly afn: string;
  },
  options: CheckpointOptions,
): Tiny {
  const d = config.n_embd;
  const layers = Array.from({ length: config.n_layer }, (_, i): TensorShape[] => [
    ...linear(`transformer.h.${i}.attn.c_attn`, d, 3 * d, 'in,out'),
    ...linear(`transformer.h.${i}.attn.c_proj`, d, d, 'in,out'),
    ...norm(`transformer.h.${i}.ln_1`, d),
    ...linear(`transformer.h.${i}.mlp.c_fc`, d, 4 * d, 'in,out'),
    ...linear(`transformer.h.${i}.mlp.c_proj`, 4 * d, d, 'in,out'),
    ...norm(`transformer.h.${i}.ln_2`, d),
  ]);
  const tables: TensorShape[] = [
    ['transformer.tokens_embed.weight', 257, d],
    ['transformer.positions_embed.weight', 64, d],
  ];
  return tiny(
    { model_type: 'openai-gpt', n_positions: 64, ...config },
    [...tables, ...layers.flat()],
    options,
  );
}

function gptNeo(
  config: { readonly hidden_size: number; readonly num_layers: number; readonly [more: string]: unknown },
  options: CheckpointOptions,
): Tiny {
  const d = config.hidden_size;
  const layers = Array.from({ length: config.num_layers }, (_, i): TensorShape[] => [
    ...norm(`transformer.h.${i}.ln_1`, d),
    ...['q_proj', 'k_proj', 'v_proj'].map(
      (name): TensorShape => [`transformer.h.${i}.attn.attention.${name}.weight`, d, d],
    ),
    ...linear(`transformer.h.${i}.attn.attention.out_proj`, d, d, 'out,in'),
    ...norm(`transformer.h.${i}.ln_2`, d),
    ...linear(`transformer.h.${i}.mlp.c_fc`, d, 4 * d, 'out,in'),
    ...linear(`transformer.h.${i}.mlp.c_proj`, 4 * d, d, 'out,in'),
  ]);
  const tables: TensorShape[] = [
    ['transformer.wte.weight', 257, d],
    ['transformer.wpe.weight', 64, d],
  ];
  return tiny(
    { model_type: 'gpt_neo', max_position_embeddings: 64, ...config },
    [...tables, ...layers.flat(), ...norm('transformer.ln_f', d)],
    options,
  );
}

function gptNeoX(
  config: {
    readonly hidden_size: number;
    readonly num_hidden_layers: number;
    readonly intermediate_size: number;
    readonly attention_bias?: boolean;
    readonly [more: string]: unknown;
  },
  options: CheckpointOptions,
): Tiny {
  const { hidden_size: d, intermediate_size: inner, attention_bias: bias = true } = config;
  const layers = Array.from({ length: config.num_hidden_layers }, (_, i): TensorShape[] => [
    ...norm(`gpt_neox.layers.${i}.input_layernorm`, d),
    ...norm(`gpt_neox.layers.${i}.post_attention_layernorm`, d),
    ...linear(`gpt_neox.layers.${i}.attention.query_key_value`, d, 3 * d, 'out,in', bias),
    ...linear(`gpt_neox.layers.${i}.attention.dense`, d, d, 'out,in', bias),
    ...linear(`gpt_neox.layers.${i}.mlp.dense_h_to_4h`, d, inner, 'out,in'),
    ...linear(`gpt_neox.layers.${i}.mlp.dense_4h_to_h`, inner, d, 'out,in'),
  ]);
  return tiny(
    { model_type: 'gpt_neox', max_position_embeddings: 64, ...config },
    [
      ['gpt_neox.embed_in.weight', 257, d],
      ...layers.flat(),
      ...norm('gpt_neox.final_layer_norm', d),
      ['embed_out.weight', 257, d],
    ],
    options,
  );
}

function llama(
  config: LlamaConfig & { readonly model_type: string; readonly [more: string]: unknown },
  options: CheckpointOptions,
): Tiny {
  const { hidden_size: d, num_attention_heads: h, num_key_value_heads: g, head_dim: size } = config;
  const inner = config.intermediate_size;
  const type = config.model_type;
  const qkv = type === 'qwen2' || config.attention_bias === true;
  const mlp = config.mlp_bias === true;
  const layers = Array.from({ length: config.num_hidden_layers }, (_, i): TensorShape[] => {
    const p = `model.layers.${i}.`;
    const headNorms: TensorShape[] = [
      [`${p}self_attn.q_norm.weight`, size],
      [`${p}self_attn.k_norm.weight`, size],
    ];
    return [
      [`${p}input_layernorm.weight`, d],
      ...linear(`${p}self_attn.q_proj`, d, h * size, 'out,in', qkv),
      ...linear(`${p}self_attn.k_proj`, d, g * size, 'out,in', qkv),
      ...linear(`${p}self_attn.v_proj`, d, g * size, 'out,in', qkv),
      ...linear(`${p}self_attn.o_proj`, h * size, d, 'out,in', config.attention_bias === true),
      ...(type === 'qwen3' ? headNorms : []),
      [`${p}post_attention_layernorm.weight`, d],
      ...linear(`${p}mlp.gate_proj`, d, inner, 'out,in', mlp),
      ...linear(`${p}mlp.up_proj`, d, inner, 'out,in', mlp),
      ...linear(`${p}mlp.down_proj`, inner, d, 'out,in', mlp),
    ];
  });
  const head: TensorShape[] = config.tie_word_embeddings ? [] : [['lm_head.weight', 257, d]];
  return tiny(
    { max_position_embeddings: 64, ...config },
    [['model.embed_tokens.weight', 257, d], ...layers.flat(), ['model.norm.weight', d], ...head],
    options,
  );
}

function norm(name: string, width: number): TensorShape[] {
  return [
    [`${name}.weight`, width],
    [`${name}.bias`, width],
  ];
}

function linear(
  name: string,
  from: number,
  to: number,
  stored: 'in,out' | 'out,in',
  bias = true,
): TensorShape[] {
  const matrix: TensorShape =
    stored === 'in,out' ? [`${name}.weight`, from, to] : [`${name}.weight`, to, from];
  return bias ? [matrix, [`${name}.bias`, to]] : [matrix];
}

/** Writes one of them below a folder and returns its path. */
export function writeTiny(name: string, parent: string): string {
  const checkpoint = name === 'exported' ? EXPORTED : TINY[name];
  if (!checkpoint) throw new Error(`no tiny checkpoint ${name}`);
  const folder = join(parent, name);
  checkpoint.write(folder, { byteTokenizer: true, ...checkpoint.options });
  return folder;
}
