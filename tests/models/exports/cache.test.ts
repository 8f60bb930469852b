import { expect, test } from 'vitest';
import { putColumns, takeColumns } from '../../../src/models/exports/cache.ts';

const layout = { heads: 2, size: 3 };
/** Number c + 100 h + 0.1 d at head h, column c, place d. */
const value = (h: number, c: number, d: number): number => Math.fround(100 * h + c + d / 8);
const cache = (columns: number): Float32Array =>
  Float32Array.from({ length: 2 * columns * 3 }, (_, i) =>
    value(Math.floor(i / (columns * 3)), Math.floor(i / 3) % columns, i % 3),
  );

test('takes columns in any order, zeros where there is none', () => {
  const columns = Int32Array.of(4, 1, 2, 3, -1, 0, 1, -1);
  const taken = takeColumns(cache(5), columns, layout);
  for (let h = 0; h < 2; h++) {
    for (const [i, c] of columns.entries()) {
      for (let d = 0; d < 3; d++) expect(taken[(h * 8 + i) * 3 + d]).toBe(c < 0 ? 0 : value(h, c, d));
    }
  }
});

test('float16 stays what it is, bit by bit', () => {
  expect(takeColumns(Uint16Array.of(0x3c00, 0x7c01, 3, 4), Int32Array.of(1), { heads: 2, size: 1 })).toEqual(
    Uint16Array.of(0x7c01, 4),
  );
});

test('puts columns behind the known ones where they belong, and no others', () => {
  const to = new Float32Array(2 * 4 * 3);
  putColumns(to, { numbers: cache(6), from: 3 }, [2, 0], layout);
  for (let h = 0; h < 2; h++) {
    for (const [column, from] of [
      [0, 4],
      [1, -1],
      [2, 3],
      [3, -1],
    ] as const) {
      for (let d = 0; d < 3; d++) expect(to[(h * 4 + column) * 3 + d]).toBe(from < 0 ? 0 : value(h, from, d));
    }
  }
});
