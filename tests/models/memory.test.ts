import { totalmem } from 'node:os';
import { expect, test } from 'vitest';
import { checkMemory, memoryLimit, memoryNeeds } from '../../src/models/memory.ts';

const MIB = 2 ** 20;
const limit = 512 * MIB;
/** 300 Mi weights, and vectors. */
const shapes = [[200, MIB], [100, MIB], [1024]];

test('the limit is within the machine', () => {
  expect(memoryLimit()).toBeGreaterThan(0);
  expect(memoryLimit()).toBeLessThanOrEqual(totalmem());
});

test('weights that stay in their files need room for themselves, packed ones beside all else', () => {
  expect(memoryNeeds(shapes, 'fp32').least).toBe(1200 * MIB + 4096);
  expect(memoryNeeds(shapes, 'fp32').packed).toBe(1440 * MIB + 4096);
  expect(memoryNeeds(shapes, 'fp16').least).toBe(600 * MIB + 2048);
});

test('int8 is packed, and quantised with the largest matrix in float32', () => {
  const { least, packed } = memoryNeeds(shapes, 'int8');
  expect(least).toBe(240 * MIB + 1.25 * (300 * MIB + 1024) + 800 * MIB);
  expect(packed).toBe(least);
});

test('a model that does not fit is refused with what it needs', () => {
  expect(() => checkMemory('big', 'fp32', 5886.2 * MIB, limit)).toThrow(
    /^big: needs 5887 MiB of memory in fp32, and this process may use 512 MiB: .*--dtype$/,
  );
  expect(() => checkMemory('big', 'int8', 1595 * MIB, limit)).toThrow(/1595 MiB .* in int8.*give it more$/);
  checkMemory('small', 'fp32', limit, limit);
});
