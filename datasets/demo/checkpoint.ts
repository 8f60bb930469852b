import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The switches of a GPT-2 config.json that shape its tensors, and any others to be written beside them. */
export interface Gpt2Shape {
  readonly vocab_size: number;
  readonly n_positions: number;
  readonly n_embd: number;
  readonly n_layer: number;
  readonly n_head: number;
  readonly n_inner?: number | null;
  readonly tie_word_embeddings?: boolean;
  readonly [more: string]: unknown;
}

/** A tensor's name and shape. */
export type TensorShape = readonly [name: string, ...shape: number[]];

export interface CheckpointOptions {
  readonly seed: number;
  /** Spread of the weight matrices: uniform in [-scale, scale]. */
  readonly scale: number;
  /** Type of the stored weights; float32 by default. */
  readonly dtype?: 'F32' | 'F16' | 'BF16';
  /** Write this many shards and their index instead of one file. */
  readonly shards?: number;
  /** Tokenizer to write beside the weights: GPT-2's 256 bytes without merges, and end-of-text. */
  readonly byteTokenizer?: boolean;
}

interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

/** Writes a GPT-2 checkpoint: see writeCheckpoint. */
export function writeGpt2Checkpoint(folder: string, shape: Gpt2Shape, options: CheckpointOptions): void {
  const config = { architectures: ['GPT2LMHeadModel'], model_type: 'gpt2', ...shape };
  writeCheckpoint(folder, config, gpt2Tensors(shape), options);
}

/**
 * Writes a checkpoint in Hugging Face layout whose weights come from a formula of the seed: no training, the same
 * bytes on every machine. Norms are near 1, everything else is spread evenly around 0.
 */
export function writeCheckpoint(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  shapes: readonly TensorShape[],
  options: CheckpointOptions,
): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  const dtype = options.dtype ?? 'F32';
  const tensors = shapes.map(([name, ...shape], i) => ({
    name,
    shape,
    bytes: encode(formula(name, shape, options.seed * 1000 + i, options.scale), dtype),
  }));
  const shards = options.shards ?? 1;
  if (shards === 1) {
    writeFileSync(join(folder, 'model.safetensors'), safetensors(tensors, dtype));
  } else {
    const map: Record<string, string> = {};
    for (let s = 0; s < shards; s++) {
      const file = `model-${String(s + 1).padStart(5, '0')}-of-${String(shards).padStart(5, '0')}.safetensors`;
      const part = tensors.filter((_, i) => i % shards === s);
      writeFileSync(join(folder, file), safetensors(part, dtype));
      for (const { name } of part) map[name] = file;
    }
    const index = { metadata: {}, weight_map: map };
    writeFileSync(join(folder, 'model.safetensors.index.json'), `${JSON.stringify(index, null, 2)}\n`);
  }
  if (options.byteTokenizer) {
    writeFileSync(join(folder, 'tokenizer.json'), `${JSON.stringify(byteTokenizer(), null, 1)}\n`);
    const names = {
      bos_token: '<|endoftext|>',
      eos_token: '<|endoftext|>',
      tokenizer_class: 'GPT2Tokenizer',
    };
    writeFileSync(join(folder, 'tokenizer_config.json'), `${JSON.stringify(names, null, 2)}\n`);
  }
}

/** Float32 values as the stored type, rounded to nearest, ties to even. */
function encode(values: Float32Array, dtype: 'F32' | 'F16' | 'BF16'): Buffer {
  if (dtype === 'F32') return Buffer.from(values.buffer);
  const bits = new Uint32Array(values.buffer);
  const halves = Uint16Array.from(bits, dtype === 'BF16' ? toBfloat16 : toFloat16);
  return Buffer.from(halves.buffer);
}

function toBfloat16(bits: number): number {
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Of the bits of a float32 whose size is below 65,504, as all of ours are. */
function toFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const fraction = bits & 0x7fffff;
  // Below 2^-14 the number has no leading one, and its last bits fall away.
  const shift = exponent > 0 ? 13 : Math.min(14 - exponent, 31);
  const whole = exponent > 0 ? (exponent << 23) | fraction : 0x800000 | fraction;
  const [kept, rest] = [whole >>> shift, whole & (2 ** shift - 1)];
  const half = 2 ** (shift - 1);
  return sign | (kept + (rest > half || (rest === half && kept & 1) ? 1 : 0));
}

function gpt2Tensors(shape: Gpt2Shape): TensorShape[] {
  const { n_embd: d, n_layer, n_inner, vocab_size, n_positions } = shape;
  const inner = n_inner ?? 4 * d;
  const list: TensorShape[] = [
    ['transformer.wte.weight', vocab_size, d],
    ['transformer.wpe.weight', n_positions, d],
  ];
  for (let i = 0; i < n_layer; i++) {
    const p = `transformer.h.${i}.`;
    list.push([`${p}ln_1.weight`, d], [`${p}ln_1.bias`, d]);
    list.push([`${p}attn.c_attn.weight`, d, 3 * d], [`${p}attn.c_attn.bias`, 3 * d]);
    list.push([`${p}attn.c_proj.weight`, d, d], [`${p}attn.c_proj.bias`, d]);
    list.push([`${p}ln_2.weight`, d], [`${p}ln_2.bias`, d]);
    list.push([`${p}mlp.c_fc.weight`, d, inner], [`${p}mlp.c_fc.bias`, inner]);
    list.push([`${p}mlp.c_proj.weight`, inner, d], [`${p}mlp.c_proj.bias`, d]);
  }
  list.push(['transformer.ln_f.weight', d], ['transformer.ln_f.bias', d]);
  if (shape.tie_word_embeddings === false) list.push(['lm_head.weight', vocab_size, d]);
  return list;
}

function formula(name: string, shape: readonly number[], seed: number, scale: number): Float32Array {
  const norm = /(?:ln_\w+|norm)\.weight$/.test(name);
  const spread = shape.length === 1 ? 0.1 : scale;
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    const centred = (mix(Math.imul(i, 0x9e3779b1) + seed) / 2 ** 31 - 1) * spread;
    return norm ? 1 + centred : centred;
  });
}

/** Scrambles 32 bits (the finaliser of MurmurHash3, public domain). */
function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The safetensors format: header length, JSON header, tensors one behind the other. */
function safetensors(tensors: readonly NamedTensor[], dtype: string): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const { name, shape, bytes } of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, ...tensors.map((t) => t.bytes)]);
}

function byteTokenizer(): unknown {
  let next = 256;
  const vocab: Record<string, number> = {};
  for (let byte = 0; byte < 256; byte++) {
    const visible = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    vocab[String.fromCodePoint(visible ? byte : next++)] = byte;
  }
  const level = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true };
  const end = { id: 256, content: '<|endoftext|>', single_word: false, lstrip: false, rstrip: false };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [{ ...end, normalized: false, special: true }],
    normalizer: null,
    pre_tokenizer: level,
    post_processor: level,
    decoder: level,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: [],
    },
  };
}
