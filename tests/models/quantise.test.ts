import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { BLOCK, halfToFloat, quantise, readFloats, type Stored } from '../../src/models/quantise.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-quantise-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The value that a weight stands for, by the operator's definition. */
function standsFor(
  { weights, scales }: ReturnType<typeof quantise>,
  width: number,
  o: number,
  i: number,
): number {
  const blocks = Math.ceil(width / BLOCK);
  const block = o * blocks + Math.floor(i / BLOCK);
  return (weights[block * BLOCK + (i % BLOCK)]! - 128) * scales[block]!;
}

test('every weight is within half a step of its block, in either storage order', () => {
  const matrix = fc
    .record({ width: fc.integer({ min: 1, max: 70 }), out: fc.integer({ min: 1, max: 5 }) })
    .chain(({ width, out }) =>
      fc.record({
        width: fc.constant(width),
        out: fc.constant(out),
        values: fc.array(fc.float({ min: -9, max: 9, noNaN: true }), {
          minLength: width * out,
          maxLength: width * out,
        }),
        stored: fc.constantFrom<Stored>('in,out', 'out,in'),
      }),
    );
  fc.assert(
    fc.property(matrix, ({ width, out, values, stored }) => {
      const floats = Float32Array.from(values);
      const blocks = quantise(floats, { stored, in: width, out });
      const at = (o: number, i: number): number => floats[stored === 'out,in' ? o * width + i : i * out + o]!;
      for (let o = 0; o < out; o++) {
        for (let i = 0; i < width; i++) {
          const from = i - (i % BLOCK);
          const largest = Math.max(
            ...Array.from({ length: Math.min(BLOCK, width - from) }, (_, j) => Math.abs(at(o, from + j))),
          );
          expect(Math.abs(standsFor(blocks, width, o, i) - at(o, i))).toBeLessThanOrEqual(
            (largest / 127) * 0.5001 + 1e-37,
          );
        }
      }
    }),
  );
});

test('a block is filled up with zeros, and a block of zeros stays zero', () => {
  const { weights, scales } = quantise(new Float32Array(33), { stored: 'out,in', in: 33, out: 1 });
  expect([...weights]).toEqual(Array(2 * BLOCK).fill(128));
  expect([...scales]).toEqual([0, 0]);
});

test('half precision in both kinds reads as the numbers that it stands for', async () => {
  const file = join(folder, 'halves');
  // 1, -2, 65504, the smallest of float16; then 1, -2, infinity of bfloat16.
  const bytes = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x3f80, 0xc000, 0x7f80);
  writeFileSync(file, new Uint8Array(bytes.buffer));
  const half = await readFloats({ file, dtype: 'F16', shape: [4], offset: 0, length: 8 });
  expect([...half]).toEqual([1, -2, 65504, Math.fround(2 ** -24)]);
  const brain = await readFloats({ file, dtype: 'BF16', shape: [3], offset: 8, length: 6 });
  expect([...brain]).toEqual([1, -2, Infinity]);
  expect([halfToFloat(0x7c00), halfToFloat(0xfc00), halfToFloat(0x7e00)]).toEqual([
    Infinity,
    -Infinity,
    Number.NaN,
  ]);
});
