import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, python, shared } from '../helpers/shared.ts';

/**
 * A random model of GPT-2 small's true shape (474 MiB in float32) under a control group's memory limit: below what it
 * needs it is refused with the number, with that number it runs. Without the refusal the kernel kills it.
 */
const MIB = 2 ** 20;
const makeCheckpoint = join(shared, 'peers', 'make_checkpoint.py');
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** A fresh control group with a memory limit (version 1, or 2), or why there can be none. */
function makeGroup(): { readonly folder: string; readonly limitFile: string } | string {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  const own = (controller: string): string | undefined =>
    lines.map((line) => line.split(':')).find(([, controllers]) => controllers === controller)?.[2];
  const name = `evalgpt-${process.pid}`;
  const [first, second] = [own('memory'), own('')];
  const parents = [
    ...(first === undefined ? [] : [join('/sys/fs/cgroup/memory', first)]),
    ...(second === undefined ? [] : [join('/sys/fs/cgroup', second)]),
    '/sys/fs/cgroup/memory',
    '/sys/fs/cgroup',
  ];
  for (const parent of parents) {
    const folder = join(parent, name);
    try {
      mkdirSync(folder);
    } catch {
      continue;
    }
    const limitFile = ['memory.limit_in_bytes', 'memory.max']
      .map((file) => join(folder, file))
      .find((file) => existsSync(file));
    try {
      if (limitFile !== undefined) {
        writeFileSync(limitFile, String(1024 * MIB));
        return { folder, limitFile };
      }
    } catch {
      // Read-only: try the next.
    }
    rmdirSync(folder);
  }
  return 'skipped: needs a control group whose memory it may limit, and none can be made here';
}

const group = process.platform === 'linux' ? makeGroup() : 'skipped: needs control groups';
const reason = typeof group === 'string' ? group : missing(python, makeCheckpoint);
if (reason) console.log(`memory limits ${reason}`);

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-memory-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  if (typeof group !== 'string') rmdirSync(group.folder);
});

/** `evalgpt run` in a shell that has joined the group. */
function run(dtype: string, limit: number): { status: number | null; signal: string | null; stderr: string } {
  if (typeof group === 'string') throw new Error(group);
  writeFileSync(group.limitFile, String(limit * MIB));
  const out = join(folder, `${dtype}-${limit}`);
  const args = ['run', '--model', join(folder, 'model'), '--tasks', 'demo-arithmetic', '--shots', '0'];
  const command = [
    process.execPath,
    '--import',
    'tsx',
    main,
    ...args,
    '--limit',
    '4',
    '--dtype',
    dtype,
    '--out',
    out,
  ];
  const enter = `echo $$ > ${group.folder}/cgroup.procs && exec "$@"`;
  return spawnSync('sh', ['-c', enter, 'sh', ...command], {
    encoding: 'utf8',
    env: { ...process.env, EVALGPT_OFFLINE: '1', EVALGPT_CACHE: '/nonexistent', EVALGPT_DATA: '' },
    timeout: 240_000,
  });
}

describe.skipIf(reason)('memory limits', { timeout: 600_000 }, () => {
  beforeAll(() => {
    execFileSync(python, [makeCheckpoint, 'gpt2', join(folder, 'model')], { stdio: 'pipe' });
  }, 300_000);

  test.each(['fp32', 'int8'])('%s is refused below what it needs, and runs with it', (dtype) => {
    const needed: number[] = [];
    let outcome = run(dtype, 300);
    // The reference that a run in int8 is compared with is opened first, and says its own need.
    for (const expected of dtype === 'int8' ? ['fp32', 'int8'] : ['fp32']) {
      expect(outcome.status).toBe(2);
      expect(outcome.stderr).toMatch(
        new RegExp(`: needs \\d+ MiB of memory in ${expected}, and this process may use `),
      );
      needed.push(Number(/needs (\d+) MiB/.exec(outcome.stderr)?.[1]));
      outcome = run(dtype, needed.at(-1)!);
    }
    expect(outcome.stderr).not.toContain('evalgpt:');
    expect([outcome.status, outcome.signal]).toEqual([0, null]);
    console.log(`memory limits: ${dtype} runs at ${needed.at(-1)} MiB`);
  });
});
