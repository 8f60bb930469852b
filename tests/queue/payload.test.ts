import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { fillSpec } from '../../src/evaluate/evaluate.ts';
import { loadPackages, parseAddress } from '../../src/queue/connect.ts';
import { printable } from '../../src/queue/patience.ts';
import {
  decodeResult,
  encodeResult,
  parseRun,
  parseUnit,
  runKey,
  type UnitMeta,
  unitKey,
} from '../../src/queue/payload.ts';
import type { RunRecord, TaskFacts } from '../../src/record.ts';
import type { Sample } from '../../src/types.ts';

const meta: UnitMeta = {
  worker: 'w',
  environment: { node: 'v20', ort: '1', platform: 'linux-x64', threads: 1 },
  backend: null,
  cost: [],
};
const sample: Sample = {
  id: 'a',
  status: 'scored',
  spans: [{ tokens: [1, 2], logprobs: [-0.5, -1], hits: [true, false] }],
  values: { acc: 1 },
  prediction: 0,
  gold: 0,
  shots: [],
  shots_requested: 0,
  shots_used: 0,
  tokens_dropped: 0,
  flags: [],
};
const cells = [{ ids: ['a'], shots: 0 }];

describe('a result', () => {
  test('comes back as it was, and its checksum does not depend on the machine', async () => {
    const one = await encodeResult([[sample]], meta);
    const other = await encodeResult([[sample]], { ...meta, worker: 'another' });
    expect(one.sha256).toBe(other.sha256);
    expect(await decodeResult(one.bytes, 'u1', cells)).toEqual({ samples: [[sample]], meta });
  });

  const refusal = async (change: (s: Record<string, unknown>) => unknown): Promise<string> => {
    const { bytes } = await encodeResult([[change({ ...sample }) as Sample]], meta);
    return decodeResult(bytes, 'u1', cells).then(
      () => 'taken',
      (error: Error) => (error.name === 'UserError' ? error.message : `bug: ${error.message}`),
    );
  };
  test.each<[string, (s: Record<string, unknown>) => unknown, RegExp]>([
    ['another item', (s) => ({ ...s, id: 'b' }), /expected item "a" at k = 0/],
    ['other shots', (s) => ({ ...s, shots_requested: 1 }), /expected item "a" at k = 0/],
    ['no flags', ({ flags: _, ...s }) => s, /no right "flags", found nothing/],
    ['a number as text', (s) => ({ ...s, values: { acc: '1' } }), /no right "values"/],
    ['not a number', (s) => ({ ...s, values: { acc: Number.NaN } }), /no right "values"/],
    [
      'spans of two lengths',
      (s) => ({ ...s, spans: [{ tokens: [1], logprobs: [], hits: [true] }] }),
      /no right "spans"/,
    ],
    ['a field of its own', (s) => ({ ...s, evil: 1 }), /no right "evil"/],
    ['nothing', () => null, /no right "id"/],
    ['a list', () => [], /no right "id"/],
  ])('with %s is refused', async (_, change, sentence) => {
    expect(await refusal(change)).toMatch(sentence);
  });

  test('that is cut short, changed, or a bomb is refused', async () => {
    const { bytes } = await encodeResult([[sample]], meta);
    await expect(decodeResult(bytes.subarray(0, -9), 'u1', cells)).rejects.toThrow(/cannot be read/);
    await expect(decodeResult(Buffer.from('x'.repeat(99)), 'u1', cells)).rejects.toThrow(/cannot be read/);
    const other = await encodeResult([[{ ...sample, gold: 1 }]], meta);
    const mixed = Buffer.concat([bytes.subarray(0, 64), other.bytes.subarray(64)]);
    await expect(decodeResult(mixed, 'u1', cells)).rejects.toThrow(/not those of its checksum/);
    await expect(decodeResult(bytes, 'u1', [...cells, ...cells])).rejects.toThrow(/expected 2 lists/);
    // Members of a gzip file stand one behind the other.
    const member = gzipSync(Buffer.alloc(32 << 20));
    const bomb = Buffer.concat([bytes.subarray(0, 64), ...Array.from({ length: 9 }, () => member)]);
    expect(bomb.length).toBeLessThan(1 << 20);
    await expect(decodeResult(bomb, 'u1', cells)).rejects.toThrow(/cannot be read/);
    const text = 'null\n[[]]';
    const forged = Buffer.concat([
      Buffer.from(createHash('sha256').update('[[]]').digest('hex')),
      gzipSync(text),
    ]);
    await expect(decodeResult(forged, 'u1', cells)).rejects.toThrow(/expected 1 samples/);
    await expect(decodeResult(forged, 'u1', [{ ids: [], shots: 0 }])).rejects.toThrow(
      /account of the worker/,
    );
  });
});

describe('a unit', () => {
  const facts = { name: 't', items: 300 } as TaskFacts;
  const known = { models: ['m'], tasks: [facts] };
  const slice = { model: 'm', task: 't', from: 0, to: 256 };
  test('is read field by field', () => {
    const unit = { model: 'm', slices: [slice] };
    expect(parseUnit({ ...unit, evil: 1 }, 'r', known)).toEqual(unit);
    expect(unitKey('r', unit)).toMatch(/^u[0-9a-f]{31}$/);
  });
  test.each<[unknown, RegExp]>([
    [null, /expected a model of the run, found nothing/],
    [{ model: '/etc', slices: [slice] }, /expected a model of the run, found "\/etc"/],
    [{ model: 'm', slices: [] }, /expected slices/],
    [{ model: 'm', slices: 'x' }, /expected slices/],
    [{ model: 'm', slices: [null] }, /expected a task of the run, once/],
    [{ model: 'm', slices: [{ ...slice, task: '__proto__' }] }, /expected a task of the run, once/],
    [
      { model: 'm', slices: [{ ...slice, to: 1e9 }] },
      /expected blocks of the items of t, 0 to 300, found 0 to 1000000000/,
    ],
    [{ model: 'm', slices: [{ ...slice, from: 1 }] }, /expected blocks/],
    [{ model: 'm', slices: [{ ...slice, from: 256 }] }, /expected blocks/],
    [{ model: 'm', slices: [{ ...slice, to: '256' }] }, /expected blocks/],
  ])('%j is refused', (data, sentence) => {
    expect(() => parseUnit(data, 'r', known)).toThrow(sentence);
  });
});

describe('a run', () => {
  const spec = fillSpec({ models: ['gpt2'] });
  const resolved = { ...spec, evalgpt: '0', models: [], tasks: [] } as unknown as RunRecord['spec'];
  const run = runKey(resolved);
  const text = (change: object): string => JSON.stringify({ spec, resolved, unit: 1000, ...change });
  test('is read field by field', () => {
    expect(parseRun(text({}), run)).toEqual({ spec, resolved, unit: 1000 });
  });
  test.each<[object, RegExp]>([
    [{ spec: null }, /expected its spec/],
    [{ spec: { ...spec, seed: '1' } }, /"seed" cannot be "1"/],
    [{ spec: { ...spec, models: [{}] } }, /"models" holds \{\}/],
    [{ spec: { ...spec, draws: 1e9 } }, /asks for more than/],
    [{ spec: { ...spec, threads: 1e6 } }, /asks for more than/],
    [{ spec: { models: ['gpt2'] } }, /"revision" is missing|"tasks" is missing/],
    [{ resolved: { ...resolved, seed: 2 } }, /its name is not that of its spec/],
    [{ unit: -1 }, /"unit" expected a number/],
  ])('%j is refused', (change, sentence) => {
    expect(() => parseRun(text(change), run)).toThrow(sentence);
  });
  test('that is no JSON is refused', () => {
    expect(() => parseRun('{', run)).toThrow(/not JSON/);
  });
});

describe('an address', () => {
  test('is shown without its password', () => {
    expect(parseAddress('redis://me:s3cret@host:6380/2').shown).toBe('redis://host:6380/2');
    expect(parseAddress('rediss://host').shown).toBe('rediss://host');
  });
  test.each([
    '',
    'host:6379',
    'http://a:s3cret@b',
    'redis://a:s3cret@h/x',
    'redis://:s3cret@',
    'redis://h/0?x=s3cret',
  ])('%s is refused, and not quoted', (address) => {
    const message = (() => {
      try {
        parseAddress(address);
      } catch (error) {
        return String(error);
      }
      return 'taken';
    })();
    expect(message).toMatch(/^UserError: --queue: expected redis/);
    expect(message).not.toContain('s3cret');
  });
});

test('without the two packages, one sentence says how to install them', async () => {
  const absent = Object.assign(new Error('Cannot find package bullmq'), { code: 'ERR_MODULE_NOT_FOUND' });
  await expect(loadPackages(() => Promise.reject(absent))).rejects.toThrow(
    '--queue: needs two packages that are not installed: npm install bullmq@^6.7.0 ioredis@^6.0.0',
  );
});

test('text of other machines is printed as one short line', () => {
  expect(printable('a\u001b[31mb\n\tc\u202ed')).toBe('a [31mb c d');
  expect(printable('x'.repeat(9999))).toHaveLength(500);
});
