import { open } from 'node:fs/promises';
import { messageOf, UserError } from '../errors.ts';
import { parseJson } from '../json.ts';

/** Where a tensor lies: bytes [offset, offset + length) of a file, row-major, little-endian. */
export interface WeightTensor {
  readonly file: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

const BYTES: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  U16: 2,
  U32: 4,
  U64: 8,
  F8_E4M3: 1,
  F8_E5M2: 1,
};

/** Headers above this are refused, as the reference implementation refuses them. */
const MAX_HEADER = 100_000_000;

/**
 * Reads the header of a safetensors file and checks it whole: an unsigned 64-bit length, a JSON object, and for
 * every tensor a dtype, a shape and a byte range that agree with each other and with the file's length; together
 * the ranges cover the data once.
 * No tensor data is read.
 * Source: the format section of the safetensors README.
 * @throws UserError naming the file, what was expected and what was found.
 */
export async function readSafetensors(path: string): Promise<Map<string, WeightTensor>> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw new UserError(`${path}: cannot be opened: ${messageOf(error)}`);
  });
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new UserError(`${path}: expected a safetensors file, found a folder`);
    const { size } = info;
    if (size < 8)
      throw new UserError(`${path}: expected a safetensors file of 8 bytes or more, found ${size}`);
    const head = new DataView(new ArrayBuffer(8));
    await handle.read(head, 0, 8, 0);
    const headerLength = head.getBigUint64(0, true);
    if (headerLength > MAX_HEADER || Number(headerLength) > size - 8) {
      throw new UserError(
        `${path}: its header claims ${headerLength} bytes, but the file holds ${size}: truncated, or not a safetensors file`,
      );
    }
    const bytes = Buffer.alloc(Number(headerLength));
    await handle.read(bytes, 0, bytes.length, 8);
    return parseHeader(path, bytes, size);
  } finally {
    await handle.close();
  }
}

function parseHeader(path: string, bytes: Buffer, fileSize: number): Map<string, WeightTensor> {
  let header: unknown;
  try {
    header = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new UserError(`${path}: its header is not JSON: ${messageOf(error)}`);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new UserError(`${path}: expected its header to be a JSON object`);
  }
  const base = 8 + bytes.length;
  const tensors = new Map<string, WeightTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const { dtype, shape, data_offsets: range } = (entry ?? {}) as Record<string, unknown>;
    const width = typeof dtype === 'string' ? BYTES[dtype] : undefined;
    if (typeof dtype !== 'string' || width === undefined) {
      throw new UserError(`${path}: tensor "${name}" has dtype ${JSON.stringify(dtype)}, which is not known`);
    }
    if (!isCounts(shape)) {
      throw new UserError(
        `${path}: tensor "${name}" has shape ${JSON.stringify(shape)}, expected whole numbers`,
      );
    }
    if (!isCounts(range) || range.length !== 2 || range[0]! > range[1]!) {
      throw new UserError(
        `${path}: tensor "${name}" has data_offsets ${JSON.stringify(range)}, expected [begin, end]`,
      );
    }
    const length = range[1]! - range[0]!;
    const expected = shape.reduce((product, d) => product * d, width);
    if (length !== expected) {
      throw new UserError(
        `${path}: tensor "${name}" of ${dtype} [${shape}] needs ${expected} bytes, its data_offsets span ${length}`,
      );
    }
    if (base + range[1]! > fileSize) {
      throw new UserError(
        `${path}: tensor "${name}" ends at byte ${base + range[1]!}, but the file ends at ${fileSize}: truncated`,
      );
    }
    tensors.set(name, { file: path, dtype, shape, offset: base + range[0]!, length });
  }
  checkCover(path, tensors, base, fileSize);
  return tensors;
}

/** As in the reference implementation, tensors lie one behind the other: none over another, no byte between or behind. */
function checkCover(
  path: string,
  tensors: ReadonlyMap<string, WeightTensor>,
  base: number,
  fileSize: number,
): void {
  let end = base;
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  for (const [name, { offset, length }] of inOrder) {
    if (offset !== end) {
      throw new UserError(
        `${path}: tensor "${name}" begins at byte ${offset}, expected ${end}, where the one before it ends`,
      );
    }
    end = offset + length;
  }
  if (end !== fileSize)
    throw new UserError(`${path}: its tensors end at byte ${end}, but the file ends at ${fileSize}`);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((d) => Number.isSafeInteger(d) && d >= 0);
}
