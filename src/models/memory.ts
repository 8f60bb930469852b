import { totalmem } from 'node:os';
import { UserError } from '../errors.ts';
import type { Dtype } from '../types.ts';

/** Of a parameter, as it is computed. */
const BYTES: Readonly<Record<Dtype, number>> = { fp32: 4, fp16: 2, int8: 1 };
const MIB = 2 ** 20;

/** What this process may use: the control group's limit where there is one, else the machine's memory. */
export function memoryLimit(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * Refuses a model whose weights alone are more than the memory there is: the system would end the process without
 * a word, or not get on. A lower bound: activations and caches come on top.
 * @throws UserError with the memory that is needed and what there is
 */
export function checkMemory(ref: string, parameters: number, dtype: Dtype, limit: number): void {
  const needed = parameters * BYTES[dtype];
  if (needed <= limit) return;
  const mib = (bytes: number): number => Math.ceil(bytes / MIB);
  throw new UserError(
    `${ref}: its ${parameters} weights need ${mib(needed)} MiB of memory in ${dtype}, and this process may use ${mib(limit)} MiB: give it more${dtype === 'int8' ? '' : ', or name a smaller --dtype'}`,
  );
}
