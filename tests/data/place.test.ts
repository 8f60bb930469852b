import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { inTurn, openSink } from '../../src/data/place.ts';

const root = mkdtempSync(join(tmpdir(), 'evalgpt-place-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
});

test('a sink writes no more than a file may hold, and says so', () => {
  const target = join(folder, 'a');
  const sink = openSink(target, {}, 10);
  expect([sink.write(Buffer.from('12345678')), sink.write(Buffer.from('9012'))]).toEqual([true, false]);
  expect(sink.write(Buffer.alloc(1000))).toBe(false);
  expect(statSync(`${target}.unpacking`).size).toBe(8);
  expect(sink.check()).toBe('expected at most 10 bytes, found more');
  sink.discard();
  expect(readdirSync(folder)).toEqual([]);
});

test('a file is in its place only when it is put there', () => {
  const target = join(folder, 'deep', 'er', 'a');
  const sink = openSink(target, { bytes: 4 });
  sink.write(Buffer.from('text'));
  expect(sink.check()).toBeUndefined();
  expect(existsSync(target)).toBe(false);
  sink.place();
  sink.discard();
  expect(readFileSync(target, 'utf8')).toBe('text');
});

test('work is done in turn, also behind work that failed and a process that died', async () => {
  const lock = join(folder, 'new', 'lock');
  const log: string[] = [];
  const work = (name: string) => async (): Promise<void> => {
    log.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    log.push(`${name} ends`);
    if (name === 'a') throw new Error('failed');
  };
  const first = inTurn(lock, undefined, work('a'));
  first.catch(() => {});
  // Of two that come at once either may be first.
  while (log.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const second = inTurn(lock, undefined, work('b'));
  await expect(first).rejects.toThrow('failed');
  await second;
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  // No process has this number.
  writeFileSync(lock, JSON.stringify({ pid: 2 ** 30, host: hostname(), started: '' }));
  await inTurn(lock, undefined, work('c'));
  expect(log.at(-1)).toBe('c ends');
  expect(existsSync(lock)).toBe(false);
});

test('waiting ends with an abort', async () => {
  const lock = join(folder, 'lock');
  const controller = new AbortController();
  let finish = (): void => {};
  const first = inTurn(lock, undefined, () => new Promise<void>((resolve) => (finish = resolve)));
  const second = inTurn(lock, controller.signal, async () => 'never');
  setTimeout(() => controller.abort(new Error('stopped')), 50);
  await expect(second).rejects.toThrow('stopped');
  finish();
  await first;
});
