import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { commonFolder } from '../../src/models/checkpoint.ts';
import { readSafetensors } from '../../src/models/safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(header: unknown, data: number, claimed?: bigint): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(json.length));
  const path = join(folder, 'model.safetensors');
  writeFileSync(path, Buffer.concat([length, json, Buffer.alloc(data)]));
  return path;
}

test('tells where every tensor lies', async () => {
  const header = {
    __metadata__: { format: 'pt' },
    a: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
    b: { dtype: 'BF16', shape: [], data_offsets: [24, 26] },
  };
  const path = write(header, 26);
  const base = 8 + JSON.stringify(header).length;
  expect([...(await readSafetensors(path))]).toEqual([
    ['a', { file: path, dtype: 'F32', shape: [2, 3], offset: base, length: 24 }],
    ['b', { file: path, dtype: 'BF16', shape: [], offset: base + 24, length: 2 }],
  ]);
});

const tensor = (more: object): unknown => ({
  w: { dtype: 'F32', shape: [4], data_offsets: [0, 16], ...more },
});

describe('refuses, naming the file and what is wrong', () => {
  test.each([
    ['a cut file', tensor({}), 10, undefined, /ends at byte \d+, but the file ends at \d+: truncated/],
    ['a header longer than the file', tensor({}), 16, 1000n, /claims 1000 bytes, but the file holds \d+/],
    ['an absurd header length', tensor({}), 16, 2n ** 63n, /claims 9223372036854775808 bytes/],
    ['a header that is not JSON', '{"w":', 16, undefined, /header is not JSON/],
    ['a header that is a list', '[]', 0, undefined, /expected its header to be a JSON object/],
    ['an unknown dtype', tensor({ dtype: 'Q4' }), 16, undefined, /"w" has dtype "Q4"/],
    ['a shape that is not whole', tensor({ shape: [1.5] }), 16, undefined, /"w" has shape \[1.5\]/],
    ['a negative shape', tensor({ shape: [-4] }), 16, undefined, /"w" has shape \[-4\]/],
    ['offsets that run backwards', tensor({ data_offsets: [16, 0] }), 16, undefined, /data_offsets \[16,0\]/],
    [
      'offsets that contradict the shape',
      tensor({ shape: [5] }),
      16,
      undefined,
      /needs 20 bytes, its data_offsets span 16/,
    ],
    ['an entry that is null', { w: null }, 16, undefined, /"w" has dtype/],
  ])('%s', async (_, header, data, claimed, message) => {
    const path = write(header, data, claimed);
    const failure = await readSafetensors(path).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as Error).message).toMatch(message);
    expect((failure as Error).message).toContain(path);
  });

  test('an empty file', async () => {
    const path = join(folder, 'empty.safetensors');
    writeFileSync(path, '');
    await expect(readSafetensors(path)).rejects.toThrow(
      'expected a safetensors file of 8 bytes or more, found 0',
    );
  });
});

test('the common folder of weight files is the deepest that holds them all', () => {
  expect(commonFolder(['/a/b/c/x', '/a/b/d/y'])).toBe('/a/b');
  expect(commonFolder(['/a/b/x'])).toBe('/a/b');
  expect(commonFolder(['/a/x', '/b/y'])).toBe('/');
  expect(commonFolder(['/a/bc/x', '/a/b/y'])).toBe('/a');
});
