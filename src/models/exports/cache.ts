/**
 * Keys or values of one layer, laid out [H, P, D]: H heads, P columns (a token each), D numbers. Float16 ones are
 * moved as bits.
 */
export type Numbers = Float32Array | Uint16Array;

export interface Layout {
  readonly heads: number;
  readonly size: number;
}

/** A copy with other columns: number i of the result is column `columns[i]`, or zeros for -1. */
export function takeColumns(from: Numbers, columns: Int32Array, { heads, size }: Layout): Numbers {
  const known = from.length / (heads * size);
  const taken = columns.length;
  const to =
    from instanceof Float32Array
      ? new Float32Array(heads * taken * size)
      : new Uint16Array(heads * taken * size);
  for (let start = 0; start < taken; ) {
    // Columns that follow each other are one copy.
    let end = start + 1;
    while (end < taken && columns[start]! >= 0 && columns[end] === columns[end - 1]! + 1) end++;
    for (let h = 0; columns[start]! >= 0 && h < heads; h++) {
      const at = (h * known + columns[start]!) * size;
      to.set(from.subarray(at, at + (end - start) * size), (h * taken + start) * size);
    }
    start = end;
  }
  return to;
}

/** Writes columns of the source from `from` on into the given columns of `to`, in place. */
export function putColumns(
  to: Numbers,
  source: { readonly numbers: Numbers; readonly from: number },
  columns: readonly number[],
  { heads, size }: Layout,
): void {
  const [known, given] = [to.length / (heads * size), source.numbers.length / (heads * size)];
  for (let h = 0; h < heads; h++) {
    for (const [i, column] of columns.entries()) {
      const at = (h * given + source.from + i) * size;
      to.set(source.numbers.subarray(at, at + size), (h * known + column) * size);
    }
  }
}
