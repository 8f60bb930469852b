import { totalmem } from 'node:os';
import { UserError } from '../errors.ts';
import type { Dtype } from '../types.ts';

const MIB = 2 ** 20;
/** Node, onnxruntime, tokenizer, and a step's activations and caches: measured on GPT-2 under control groups. */
const PROCESS = 240 * MIB;

/** What this process may use: the control group's limit where there is one, else the machine's memory. */
export function memoryLimit(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** What a run of a model takes on the CPU, in bytes. */
export interface MemoryNeeds {
  /** With less it is ended by the system, or reads its weights from the disk at every step. */
  readonly least: number;
  /** With a copy of the weights that is packed for speed. */
  readonly packed: number;
}

/**
 * Weights in float32 and float16 stay in their files, whose pages the system may drop and read again, unless they are
 * packed. In int8 they are quantised tensor by tensor, a float32 one at a time, and packed.
 * @param shapes of all weights
 */
export function memoryNeeds(shapes: Iterable<readonly number[]>, dtype: Dtype): MemoryNeeds {
  let [weights, largest] = [0, 0];
  for (const shape of shapes) {
    const size = shape.reduce((a, b) => a * b, 1);
    weights += size;
    largest = Math.max(largest, size);
  }
  // Blocks of 32 weights have a scale and a zero.
  if (dtype === 'int8') {
    const packed = PROCESS + 1.25 * weights + 4 * largest;
    return { least: packed, packed };
  }
  const bytes = (dtype === 'fp16' ? 2 : 4) * weights;
  return { least: bytes, packed: PROCESS + bytes };
}

/** @throws UserError with the memory that a model needs where there is less: a system ends processes without a word */
export function checkMemory(ref: string, dtype: Dtype, needed: number, limit: number): void {
  if (needed <= limit) return;
  throw new UserError(
    `${ref}: needs ${Math.ceil(needed / MIB)} MiB of memory in ${dtype}, and this process may use ${Math.floor(limit / MIB)} MiB: give it more${dtype === 'int8' ? '' : ', or name a smaller --dtype'}`,
  );
}
