import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { random } from '../../src/stats/random.ts';

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/**
 * A copy of a checkpoint of one safetensors file with normal noise on every tensor, `sigma` times the tensor's own
 * standard deviation. Weights become float32. The same seed gives the same copy.
 */
export function noisedCheckpoint(from: string, to: string, sigma: number, seed: number): string {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from))
    if (name !== 'model.safetensors') cpSync(join(from, name), join(to, name));
  const bytes = readFileSync(join(from, 'model.safetensors'));
  const length = Number(bytes.readBigUInt64LE(0));
  const header: Record<string, Entry> = JSON.parse(bytes.subarray(8, 8 + length).toString('utf8'));
  const tensors: Record<string, Entry> = {};
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [start, end] = data_offsets;
    const values = decode(dtype, bytes.subarray(8 + length + start, 8 + length + end));
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    const spread = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
    const source = random('noise', seed, name);
    const noisy = values.map((v) => v + sigma * spread * normal(source.next(), source.next()));
    const part = Buffer.from(noisy.buffer);
    tensors[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + part.length] };
    parts.push(part);
    offset += part.length;
  }
  const text = Buffer.from(JSON.stringify(tensors).padEnd(Math.ceil(JSON.stringify(tensors).length / 8) * 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(join(to, 'model.safetensors'), Buffer.concat([size, text, ...parts]));
  return to;
}

/** Box and Muller (1958). */
function normal(a: number, b: number): number {
  return Math.sqrt(-2 * Math.log(1 - a)) * Math.cos(2 * Math.PI * b);
}

function decode(dtype: string, bytes: Buffer): Float32Array {
  if (dtype === 'F32')
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  if (dtype !== 'F16') throw new Error(`noise on ${dtype} is not made`);
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) => half(bytes.readUInt16LE(2 * i)));
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
