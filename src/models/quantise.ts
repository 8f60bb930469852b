import { open } from 'node:fs/promises';
import type { WeightTensor } from './safetensors.ts';

/** How a matrix lies in the checkpoint: GPT-1 and GPT-2 store [in, out], all others [out, in]. */
export type Stored = 'in,out' | 'out,in';

/** A matrix of the checkpoint that the graph takes in 8-bit blocks. */
export interface QuantisedTensor {
  /** Where its two parts lie in the file of quantised weights, in bytes. */
  readonly weightsAt: number;
  readonly scalesAt: number;
  readonly source: WeightTensor;
  readonly stored: Stored;
  readonly in: number;
  readonly out: number;
}

/** Inputs that share a scale. */
export const BLOCK = 32;
/** The byte that stands for 0. */
const ZERO = 128;

/** Blocks of 8-bit weights: byte b of a block with scale s stands for (b - 128) s. */
export interface Blocks8 {
  /** [out, ceil(in / 32), 32]; the last block of a row is filled up with zeros. */
  readonly weights: Uint8Array;
  /** [out, ceil(in / 32)] */
  readonly scales: Float32Array;
}

/**
 * Rounds a matrix to 8 bits in blocks of 32 inputs, symmetrically: the layout of the operator MatMulNBits of
 * onnxruntime's contributed operators. Each output is quantised by itself, so nothing depends on other rows.
 */
export function quantise(
  values: Float32Array,
  shape: Pick<QuantisedTensor, 'stored' | 'in' | 'out'>,
): Blocks8 {
  const { in: width, out } = shape;
  const blocks = Math.ceil(width / BLOCK);
  const weights = new Uint8Array(out * blocks * BLOCK).fill(ZERO);
  const scales = new Float32Array(out * blocks);
  const [rowStep, columnStep] = shape.stored === 'out,in' ? [1, width] : [out, 1];
  // Block by block down the inputs, so that either storage order is read nearly in sequence.
  for (let block = 0; block < blocks; block++) {
    const from = block * BLOCK;
    const count = Math.min(BLOCK, width - from);
    for (let o = 0; o < out; o++) {
      const start = from * rowStep + o * columnStep;
      let largest = 0;
      for (let i = 0; i < count; i++) {
        const size = Math.abs(values[start + i * rowStep]!);
        if (size > largest) largest = size;
      }
      const scale = Math.fround(largest / 127);
      scales[o * blocks + block] = scale;
      if (scale === 0) continue;
      const to = (o * blocks + block) * BLOCK;
      for (let i = 0; i < count; i++) {
        weights[to + i] = ZERO + Math.round(values[start + i * rowStep]! / scale);
      }
    }
  }
  return { weights, scales };
}

/**
 * Writes the file of quantised weights that a graph refers to, one matrix in memory at a time.
 * @throws where the file exists already or cannot be written
 */
export async function writeQuantised(path: string, tensors: readonly QuantisedTensor[]): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    for (const tensor of tensors) {
      const { weights, scales } = quantise(await readFloats(tensor.source), tensor);
      await handle.write(weights, 0, weights.length, tensor.weightsAt);
      await handle.write(new Uint8Array(scales.buffer), 0, scales.byteLength, tensor.scalesAt);
    }
  } finally {
    await handle.close();
  }
}

/** Reads a tensor of a checkpoint as float32, whatever its type. */
export async function readFloats(tensor: WeightTensor): Promise<Float32Array> {
  const bytes = new Uint8Array(tensor.length);
  const handle = await open(tensor.file, 'r');
  try {
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, at, bytes.length - at, tensor.offset + at);
      if (bytesRead === 0) throw new Error(`${tensor.file}: ends inside a tensor`);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
  if (tensor.dtype === 'F32') return new Float32Array(bytes.buffer);
  const halves = new Uint16Array(bytes.buffer);
  if (tensor.dtype === 'BF16') {
    const bits = Uint32Array.from(halves, (h) => h << 16);
    return new Float32Array(bits.buffer);
  }
  return Float32Array.from(halves, halfToFloat);
}

/** IEEE 754 binary16 to number. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
