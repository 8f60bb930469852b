import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import type { RunRecord } from '../../src/record.ts';
import { evalgpt } from '../helpers/cli.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evalgpt-output-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const small = ['--model', 'demo-tiny', '--tasks', 'demo-nli', '--limit', '6', '--shots', '0'];
/** In a shell, since it is its pipes and redirections that matter; the last line is the command's exit code. */
const shell = async (script: string): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(
    'bash',
    ['-c', script.replaceAll('EVALGPT', `"${process.execPath}" --import tsx src/cli/main.ts`)],
    {
      cwd: root,
      env: { ...process.env, EVALGPT_OFFLINE: '1' },
    },
  );

describe('where the output goes', () => {
  test('a reader who has read enough ends neither the work nor its exit code', async () => {
    const { stdout, stderr } = await shell('set -o pipefail; EVALGPT tasks --json | head -1; echo $?');
    expect([stdout, stderr]).toEqual(['[\n0\n', '']);
  });

  test('a full disk is a sentence and exit code 2', async () => {
    const { stdout, stderr } = await shell('EVALGPT tasks > /dev/full; echo $?');
    expect(stdout).toBe('2\n');
    expect(stderr).toMatch(/^evalgpt: standard output: cannot be written: ENOSPC.*\n$/);
  });

  test('what a file system refuses is a sentence that names the file', async () => {
    writeFileSync(at('file'), '');
    await evalgpt(['run', ...small, '--out', at('run')]);
    const { code, stderr } = await evalgpt(['export', at('run'), '--out', join(at('file'), 'x')]);
    expect(stderr).toMatch(/^evalgpt: \S+: E[A-Z]+: [^\n]*\n$/);
    expect(stderr).toContain(at('file'));
    expect(code).toBe(2);
    const checked = ['check', '--baseline', at('run'), '--candidate', at('run')];
    const lost = await evalgpt([...checked, '--junit', join(at('file'), 'x.xml')]);
    expect(lost.stdout).toContain('Pass');
    expect(lost.stderr).toContain(at('file'));
    expect(lost.code).toBe(2);
  });
});

describe('options', () => {
  test('one that is given twice is refused', async () => {
    const { code, stderr } = await evalgpt(['run', ...small, '--limit=7']);
    expect(stderr).toBe('evalgpt: --limit: expected once, found 2 times\n');
    expect(code).toBe(2);
    const two = await evalgpt(['run', ...small, '--tasks', 'demo-labels', '--json', '--out', at('lists')]);
    expect((JSON.parse(two.stdout) as RunRecord).results.map(({ task }) => task)).toEqual([
      'demo-nli',
      'demo-labels',
    ]);
  });

  test('a glob of folders is every checkpoint in it, by number; a model named twice is run once', async () => {
    mkdirSync(at('out'));
    for (const step of [900, 1000]) symlinkSync(join(root, 'datasets/demo/tiny'), at(`out/step${step}`));
    mkdirSync(at('out/stepless'));
    const refs = `${at('out')}/step*,demo-tiny,demo-tiny`;
    const { stdout, code } = await evalgpt(['run', ...small.with(1, refs), '--out', at('glob'), '--json']);
    const { results } = JSON.parse(stdout) as RunRecord;
    expect(code).toBe(0);
    expect(results.map(({ model }) => model)).toEqual([at('out/step900'), at('out/step1000'), 'demo-tiny']);
    const none = await evalgpt(['run', ...small.with(1, `${at('out')}/ckpt*`)]);
    expect(none.stderr).toContain('expected a glob of checkpoint folders with a config.json, found none');
    expect(none.code).toBe(2);
  });
});

test('rescore writes over nothing but what it wrote itself', async () => {
  await evalgpt(['run', ...small, '--out', at('one')]);
  await evalgpt(['run', ...small, '--seed', '5', '--out', at('two')]);
  const before = readFileSync(at('two/run.json'), 'utf8');
  const onto = (out: string) => evalgpt(['rescore', at('one'), '--metric', 'acc_norm', '--out', out]);
  for (const [out, why] of [
    [at('two'), 'found another run'],
    [at('one'), 'is the run that is judged anew'],
    [folder, 'expected a new or empty folder'],
  ] as const) {
    const { code, stderr } = await onto(out);
    expect(stderr).toContain(why);
    expect(code).toBe(2);
  }
  expect(readFileSync(at('two/run.json'), 'utf8')).toBe(before);
  expect((await onto(at('judged'))).code).toBe(0);
  expect((await onto(at('judged'))).code).toBe(0);
});

test('the runtime tells nobody of the machine: no telemetry is prepared', async () => {
  const home = at('home');
  mkdirSync(home);
  const { code } = await evalgpt(['run', ...small, '--out', at('quiet')], {
    env: { HOME: home, XDG_CACHE_HOME: join(home, '.cache') },
  });
  expect(code).toBe(0);
  expect(existsSync(join(home, '.cache/Microsoft'))).toBe(false);
});
