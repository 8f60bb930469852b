import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type UnpackOptions, unpack } from '../../src/data/unpack.ts';
import { UserError } from '../../src/errors.ts';
import { type MadeMember, makeTarGz, makeZip } from '../helpers/archives.ts';

const root = mkdtempSync(join(tmpdir(), 'evalgpt-unpack-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
});

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
const TEXT = 'one line\nanother line\n'.repeat(5000);
const whole = { sha256: sha256(TEXT), bytes: TEXT.length };

describe.each([
  { format: 'zip' as const, make: makeZip },
  { format: 'tar.gz' as const, make: makeTarGz },
])('$format', ({ format, make }) => {
  const put = (bytes: Buffer): string => {
    const path = join(folder, `archive.${format}`);
    writeFileSync(path, bytes);
    return path;
  };
  /** Unpacks `in/a.txt` to out/a.txt and `in/b.txt` to out/b.txt, as far as the archive holds them. */
  const take = (
    bytes: Buffer,
    expected: { a?: object; b?: object } = { a: whole },
    options: UnpackOptions = {},
  ): Promise<ReadonlyMap<string, string>> =>
    unpack(
      { path: put(bytes), format },
      Object.entries(expected).map(([name, facts]) => ({
        path: `in/${name}.txt`,
        target: join(folder, 'out', `${name}.txt`),
        ...facts,
      })),
      options,
    );
  const out = (): string[] => (existsSync(join(folder, 'out')) ? readdirSync(join(folder, 'out')) : []);
  const failure = async (
    members: readonly MadeMember[] | Buffer,
    options: UnpackOptions = {},
  ): Promise<string> => {
    const bytes = Buffer.isBuffer(members) ? members : make(members);
    const error: unknown = await take(bytes, { a: {}, b: {} }, options).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(UserError);
    expect(out()).toEqual([]);
    expect(readdirSync(folder).filter((name) => name !== 'out')).toEqual([`archive.${format}`]);
    return (error as UserError).message;
  };

  test('takes what is asked for and nothing else', async () => {
    const bytes = make([
      { path: 'in/README', content: 'read me' },
      { path: 'in/a.txt', content: TEXT },
      { path: 'in/c.txt', link: '/etc/passwd' },
      { path: 'in/b.txt', content: '' },
    ]);
    expect(await take(bytes, { a: whole, b: { sha256: null, bytes: null } })).toEqual(new Map());
    expect(out()).toEqual(['a.txt', 'b.txt']);
    expect(readFileSync(join(folder, 'out', 'a.txt'), 'utf8')).toBe(TEXT);
    expect(readdirSync(folder).sort()).toEqual([`archive.${format}`, 'out']);
  });

  test('a leading ./ is no part of a path', async () => {
    if (format === 'zip') return;
    expect(await take(make([{ path: './in/a.txt', content: TEXT }]))).toEqual(new Map());
    expect(out()).toEqual(['a.txt']);
  });

  test.each<[string, MadeMember, object, RegExp]>([
    [
      'another content',
      { path: 'in/b.txt', content: `${TEXT.slice(0, -1)}!` },
      whole,
      /^expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}$/,
    ],
    ['fewer bytes', { path: 'in/b.txt', content: 'x' }, whole, /^expected 110000 bytes, found 1$/],
    [
      'a bomb',
      { path: 'in/b.txt', content: Buffer.alloc(50_000_000) },
      whole,
      /^expected 110000 bytes, found more$/,
    ],
    [
      'a bomb of unknown size',
      { path: 'in/b.txt', content: Buffer.alloc(5_000_000) },
      { bytes: null },
      /^expected at most 1000000 bytes, found more$/,
    ],
    ['a link', { path: 'in/b.txt', link: '/etc/passwd' }, whole, /^expected a file, found a link/],
    ['no such member', { path: 'in/other.txt' }, whole, /^there is no such member$/],
  ])('%s is left out, and the others come', async (_, member, facts, problem) => {
    const bytes = make([member, { path: 'in/a.txt', content: TEXT }]);
    const problems = await take(bytes, { a: whole, b: facts }, { mostBytes: 1_000_000 });
    expect([...problems.keys()]).toEqual(['in/b.txt']);
    expect(problems.get('in/b.txt')).toMatch(problem);
    expect(out()).toEqual(['a.txt']);
  });

  test.each(['../out.txt', 'in/../../out.txt', '/tmp/evalgpt-escaped.txt', '..\\out.txt', 'C:/out.txt'])(
    'an archive with the path %s is refused whole',
    async (path) => {
      const message = await failure([
        { path: 'in/a.txt', content: TEXT },
        { path, content: 'out' },
      ]);
      expect(message).toMatch(/archive\.(zip|tar\.gz): not a .* that can be unpacked: /);
      expect(existsSync('/tmp/evalgpt-escaped.txt')).toBe(false);
    },
  );

  test('a member that stands in it twice', async () => {
    const twice = [
      { path: 'in/a.txt', content: TEXT },
      { path: 'in/a.txt', content: 'other' },
    ];
    expect(await failure(twice)).toContain('it holds in/a.txt twice');
  });

  test('a cut archive', async () => {
    const bytes = make([
      { path: 'in/a.txt', content: TEXT },
      { path: 'in/b.txt', content: 'b' },
    ]);
    expect(await failure(bytes.subarray(0, bytes.length - 30))).toContain('that can be unpacked');
  });

  test('what is no archive', async () => {
    expect(await failure(Buffer.from('<html>not found</html>'.repeat(100)))).toContain(
      'that can be unpacked',
    );
  });

  test('an abort leaves nothing behind', async () => {
    const controller = new AbortController();
    controller.abort(new Error('stopped'));
    const bytes = make([{ path: 'in/a.txt', content: TEXT }]);
    await expect(take(bytes, { a: whole }, { signal: controller.signal })).rejects.toThrow('stopped');
    expect(out()).toEqual([]);
  });

  test('a place that cannot be written', async () => {
    writeFileSync(join(folder, 'out'), 'a file in the way');
    const bytes = make([{ path: 'in/a.txt', content: TEXT }]);
    await expect(take(bytes)).rejects.toThrow(/out\/a\.txt: cannot be written: /);
  });

  test('what a killed process left is overwritten', async () => {
    mkdirSync(join(folder, 'out'));
    writeFileSync(join(folder, 'out', 'a.txt.unpacking'), 'half of it'.repeat(50_000));
    expect(await take(make([{ path: 'in/a.txt', content: TEXT }]))).toEqual(new Map());
    expect(out()).toEqual(['a.txt']);
    expect(readFileSync(join(folder, 'out', 'a.txt'), 'utf8')).toBe(TEXT);
  });
});

test('a zip that lies about a size, and one whose checksum is wrong', async () => {
  const path = join(folder, 'a.zip');
  const take = async (): Promise<string | undefined> =>
    (await unpack({ path, format: 'zip' }, [{ path: 'a.txt', target: join(folder, 'out', 'a.txt') }])).get(
      'a.txt',
    );
  writeFileSync(path, makeZip([{ path: 'a.txt', content: TEXT, claims: 10 }]));
  expect(await take()).toMatch(/too many bytes/);
  const bytes = makeZip([{ path: 'a.txt', content: TEXT }]);
  // The checksum stands 14 bytes into the local header, 16 into the directory's entry.
  const at = bytes.indexOf(Buffer.from('PK\x01\x02')) + 16;
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
  expect(await take()).toBe('its checksum is wrong');
  expect(readdirSync(join(folder, 'out'))).toEqual([]);
});

test('a tar.gz that unpacks to too much is stopped, though nothing of it is wanted', async () => {
  const path = join(folder, 'a.tar.gz');
  writeFileSync(path, makeTarGz([{ path: 'zeros', content: Buffer.alloc(20_000_000) }]));
  await expect(
    unpack({ path, format: 'tar.gz' }, [{ path: 'a', target: join(folder, 'a') }], { mostInAll: 1e6 }),
  ).rejects.toThrow('it unpacks to more than 1000000 bytes');
});
