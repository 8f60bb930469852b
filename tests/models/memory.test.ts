import { totalmem } from 'node:os';
import { expect, test } from 'vitest';
import { checkMemory, memoryLimit } from '../../src/models/memory.ts';

const HALF_GIB = 512 * 2 ** 20;

test('the limit is within the machine', () => {
  expect(memoryLimit()).toBeGreaterThan(0);
  expect(memoryLimit()).toBeLessThanOrEqual(totalmem());
});

test('a model of more weights than memory is refused with the number needed', () => {
  expect(() => checkMemory('big', 1_500_000_000, 'fp32', HALF_GIB)).toThrow(
    /^big: its 1500000000 weights need 5723 MiB of memory in fp32, and this process may use 512 MiB: .*--dtype$/,
  );
  expect(() => checkMemory('big', 1_500_000_000, 'int8', HALF_GIB)).toThrow(
    /1431 MiB .* in int8.*give it more$/,
  );
});

test('one that fits is not', () => {
  checkMemory('small', 124_000_000, 'fp32', HALF_GIB);
  checkMemory('small', 500_000_000, 'int8', HALF_GIB);
});
