import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockFolder, tryLock } from '../../src/store/lock.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalgpt-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const DEAD = JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), started: '1' });

test('a lock is held by one, given back, and leaves nothing', async () => {
  const release = await tryLock(path);
  expect(release).toBeDefined();
  let by: unknown;
  expect(
    await tryLock(path, (holder) => {
      by = holder.pid;
    }),
  ).toBeUndefined();
  expect(by).toBe(process.pid);
  await expect(lockFolder(path)).rejects.toThrow(`process ${process.pid} on ${hostname()} is using`);
  await release!();
  expect(readdirSync(folder)).toEqual([]);
});

test('of many that find a dead lock one takes it over', async () => {
  for (let round = 0; round < 20; round++) {
    writeFileSync(path, DEAD);
    const taken = (await Promise.all(Array.from({ length: 10 }, () => tryLock(path)))).filter(
      (release) => release !== undefined,
    );
    expect(taken).toHaveLength(1);
    await taken[0]!();
    expect(readdirSync(folder)).toEqual([]);
  }
});

test('a guard whose process died stops nobody', async () => {
  writeFileSync(path, DEAD);
  writeFileSync(`${path}.guard.tmp`, DEAD);
  expect(await tryLock(path)).toBeDefined();
});

test('a lock without content counts as held while it may be being written', async () => {
  writeFileSync(path, '');
  expect(await tryLock(path)).toBeUndefined();
  const past = Date.now() / 1000 - 60;
  utimesSync(path, past, past);
  expect(await tryLock(path)).toBeDefined();
});

test('a lock of another machine counts as held', async () => {
  writeFileSync(path, JSON.stringify({ pid: 1, host: `not-${hostname()}`, started: '1' }));
  expect(await tryLock(path)).toBeUndefined();
});

const CONTENDER = `
const { tryLock } = await import(process.argv[1]);
const { openSync, closeSync, rmSync, existsSync } = await import('node:fs');
const [path, inside] = process.argv.slice(2);
for (let i = 0; i < 150; i++) {
  const release = await tryLock(path);
  if (!release) continue;
  // Fails where another is inside too.
  closeSync(openSync(inside, 'wx'));
  rmSync(inside);
  await release();
}
`;

test('processes that take turns are never two at a time', async () => {
  const lock = fileURLToPath(new URL('../../src/store/lock.ts', import.meta.url));
  const codes = await Promise.all(
    Array.from({ length: 3 }, () => {
      const child = spawn(
        process.execPath,
        ['--import', 'tsx', '--input-type=module', '-e', CONTENDER, lock, path, join(folder, 'inside')],
        { stdio: 'inherit' },
      );
      return new Promise((resolve) => child.on('close', resolve));
    }),
  );
  expect(codes).toEqual([0, 0, 0]);
});
