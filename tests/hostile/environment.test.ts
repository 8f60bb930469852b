import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evalgpt } from '../helpers/cli.ts';

const root = mkdtempSync(join(tmpdir(), 'evalgpt-environment-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

const ARGS = ['run', '--model', 'demo-tiny', '--tasks', 'demo-lambada,demo-nli', '--shots', '0,2'];
const run = (out: string, more: Parameters<typeof evalgpt>[1] = {}): ReturnType<typeof evalgpt> =>
  evalgpt([...ARGS, '--threads', '1', '--out', join(root, out)], more);

/** Results and samples, whatever the order in which they were finished. */
function contentsOf(folder: string): unknown {
  const { results, status } = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'));
  return { results, status, samples: samplesIn(join(folder, 'samples')) };
}

function samplesIn(folder: string): unknown[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? samplesIn(path) : [readFileSync(path, 'utf8').split('\n').sort()];
    });
}

let whole: unknown;
beforeAll(async () => {
  expect((await run('whole')).code).toBe(0);
  whole = contentsOf(join(root, 'whole'));
}, 60_000);

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGKILL', null],
] as const)('%s at many moments, one after the other: nothing is lost', async (signal, code) => {
  for (const delay of [150, 500, 800, 1100, 1400, 1700, 2000]) {
    const timer: { id?: NodeJS.Timeout } = {};
    const began = Date.now();
    const stopped = await spawned(signal, (kill) => {
      timer.id = setTimeout(kill, delay);
    });
    clearTimeout(timer.id);
    // Before Node has begun to listen, a signal ends it as the system does; a run that is done before is done.
    expect([code, null, 0], `${stopped.stderr}, after ${Date.now() - began} ms`).toContain(stopped.code);
  }
  expect((await run(signal)).code).toBe(0);
  expect(contentsOf(join(root, signal))).toEqual(whole);
});

/** A run in the folder of a name, and what ends it. */
function spawned(
  signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL',
  begun: (kill: () => void) => void,
): ReturnType<typeof evalgpt> {
  return run(signal, { onStart: (kill) => begun(() => kill(signal)) });
}

test('a clock that jumps by hours, forwards and back', async () => {
  const clock = join(root, 'clock.mjs');
  writeFileSync(
    clock,
    `const now = Date.now;
     let calls = 0;
     Date.now = () => now() + [0, 3, -2, 5, -9][calls++ % 5] * 3_600_000;`,
  );
  const { code, stderr } = await run('clock', { env: { NODE_OPTIONS: `--import=file://${clock}` } });
  expect(code, stderr).toBe(0);
  expect(contentsOf(join(root, 'clock'))).toEqual(whole);
});

const cannot = (command: string, ...args: string[]): boolean => spawnSync(command, args).status !== 0;
const noTaskset = process.platform !== 'linux' || cannot('taskset', '-c', '0', 'true');
// Mounts of one process's own: the rights of root, or of a container that has them.
const noMounts = process.platform !== 'linux' || cannot('unshare', '-m', 'true');

test.skipIf(noTaskset)('one core', () => {
  const args = ['-c', '0', process.execPath, '--import', 'tsx', main, ...ARGS, '--threads', '1'];
  const done = spawnSync('taskset', [...args, '--out', join(root, 'one')], { encoding: 'utf8' });
  expect(done.status, done.stderr).toBe(0);
  expect(contentsOf(join(root, 'one'))).toEqual(whole);
});

/** Runs a script in which `evalgpt OUT` is the run, with a file system of its own at $AT. */
function mounted(options: string, script: string): ReturnType<typeof spawnSync> {
  const at = join(root, 'mounted');
  mkdirSync(at, { recursive: true });
  const run = [process.execPath, '--import', 'tsx', main, ...ARGS, '--threads', '1'].join(' ');
  const whole = `evalgpt() { ${run} --out "$1"; }; mount -t tmpfs -o ${options} none "$AT" && ${script}`;
  return spawnSync('unshare', ['-m', 'bash', '-c', whole], {
    encoding: 'utf8',
    env: { ...process.env, AT: at, ROOT: root, EVALGPT_OFFLINE: '1', EVALGPT_DATA: '' },
  });
}

test.skipIf(noMounts)('a disk that fills, and the same run where there is room', () => {
  const { stdout, stderr } = mounted(
    'size=150k',
    'evalgpt "$AT/run" >/dev/null; echo "first $?"; mount -o remount,size=50m "$AT"; evalgpt "$AT/run" >/dev/null; echo "second $?"; cp -r "$AT/run" "$ROOT/filled"',
  );
  expect(stderr).toMatch(/^evalgpt: .*mounted\/run: cannot be written: ENOSPC/m);
  expect(stdout).toBe('first 2\nsecond 0\n');
  expect(contentsOf(join(root, 'filled'))).toEqual(whole);
});

test.skipIf(noMounts)('a folder that may only be read', () => {
  const { stdout, stderr } = mounted(
    'size=10m',
    'mount -o remount,ro "$AT"; evalgpt "$AT/run" >/dev/null; echo "first $?"; EVALGPT_CACHE="$AT/cache" EVALGPT_OFFLINE= EVALGPT_MIRROR=http://127.0.0.1:9 node --import tsx ' +
      `${main} data pull lambada-openai >/dev/null; echo "cache $?"`,
  );
  expect(stdout).toBe('first 2\ncache 2\n');
  expect(stderr).toMatch(/mounted\/run: cannot be written: EROFS/);
  expect(stderr).toMatch(/mounted\/cache\/data\/lambada: cannot be written: E/);
});
