import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { definitionOf } from '../../src/cli/definitions.ts';
import type { RunRecord } from '../../src/record.ts';
import { evalgpt } from '../helpers/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-json-'));
const at = (name: string): string => join(folder, name);
let record: RunRecord;

const RUN = ['run', '--model', 'demo-tiny', '--tasks', 'demo-lambada', '--limit', '6'];

/** Runs a command and reads the one document that it prints. */
async function json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  const { stdout, stderr, code } = await evalgpt(args);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

beforeAll(async () => {
  const printed = await json(...RUN, '--shots', '0,1', '--out', at('a'), '--json');
  record = JSON.parse(readFileSync(at('a/run.json'), 'utf8')) as RunRecord;
  expect(printed).toEqual(record);
  await json(...RUN, '--shots', '0,1', '--out', at('b'), '--json');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('--json prints one document, with what the table has', () => {
  test('every command that prints a result has it', () => {
    const without = commands
      .map(definitionOf)
      .filter(({ options }) => !options.some(({ name }) => name === 'json'));
    // A file of JSON lines is their result; a worker has none.
    expect(without.map(({ name }) => name)).toEqual(['score', 'worker']);
  });

  test('baseline save', async () => {
    const saved = await json('baseline', 'save', at('a'), at('a.json.gz'), '--json');
    expect(saved).toMatchObject({
      file: at('a.json.gz'),
      model: 'demo-tiny',
      cells: record.results.length,
      items: record.results.reduce((sum, { n }) => sum + n, 0),
      bytes: readFileSync(at('a.json.gz')).length,
    });
  });

  test('export', async () => {
    const files = await json<string[]>('export', at('a'), '--out', at('lm-eval'), '--json');
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) expect(existsSync(file)).toBe(true);
    for (const file of files) expect(file.startsWith(at('lm-eval'))).toBe(true);
  });

  test('report, as with --format json; a page beside it is refused', async () => {
    const board = await json('report', at('a'), '--json');
    expect(board).toEqual(await json('report', at('a'), '--format', 'json'));
    expect(JSON.stringify(board)).toContain('demo-lambada');
    const { code, stderr } = await evalgpt(['report', at('a'), '--json', '--out', at('x.html')]);
    expect([code, existsSync(at('x.html'))]).toEqual([2, false]);
    expect(stderr).toMatch(/--json: prints to stdout: expected neither --out nor another --format/);
  });

  test('check: to a file beside the table, or in its place', async () => {
    const args = ['check', '--baseline', at('a'), '--candidate', at('b'), '--on-inconclusive', 'pass'];
    const printed = await json(...args, '--json', '-');
    const { stdout } = await evalgpt([...args, '--json', at('check.json')]);
    expect(JSON.parse(readFileSync(at('check.json'), 'utf8'))).toEqual(printed);
    expect(stdout).not.toMatch(/^\{/);
    expect(printed.verdict).toBe('pass');
    expect(existsSync('-')).toBe(false);
  });

  test('compare, rescore, verify', async () => {
    expect((await json('compare', at('a'), at('b'), '--json')).verdict).toBe('pass');
    const rescored = await json<RunRecord>('rescore', at('a'), '--metric', 'acc_last', '--json');
    expect(rescored.results.map(({ primary }) => primary)).toEqual(record.results.map(() => 'acc_last'));
    const verified = await json('verify', at('a'), '--sample', '3', '--json');
    expect(verified).toMatchObject({ verified: true, items: 3 });
  });

  test('a metric that no task has is answered by the nearest', async () => {
    const { code, stderr, stdout } = await evalgpt(['rescore', at('a'), '--metric', 'acc_lats']);
    expect(stderr).toMatch(/--metric acc_lats: no task of .* \(did you mean acc_last\?\)$/m);
    expect([code, stdout]).toEqual([2, '']);
  });

  test('tasks, data, models', async () => {
    const tasks = await json<{ name: string }[]>('tasks', '--json');
    expect(tasks.map(({ name }) => name)).toContain('demo-lambada');
    expect(await json('tasks', 'demo-lambada', '--json')).toMatchObject({ name: 'demo-lambada' });
    const sets = await json<{ set: string }[]>('data', 'list', 'anli-r1', '--json');
    expect(new Set(sets.map(({ set }) => set))).toEqual(new Set(['anli-r1']));
    expect(Object.keys(await json('models', 'list', '--json'))).toEqual(['aliases', 'cache', 'cached']);
    const { models } = record.spec;
    expect(await json('models', 'inspect', 'demo-tiny', '--json')).toMatchObject({
      parameters: models[0]!.parameters,
    });
  });

  test('serve, once it listens', async () => {
    let asked = false;
    const { stdout, code } = await new Promise<{ stdout: string; code: number | null }>((resolve) => {
      void evalgpt(['serve', '--model', 'demo-tiny', '--port', '0', '--device', 'cpu', '--json'], {
        onStdout(text, kill) {
          if (!asked && text.endsWith('}\n')) kill('SIGTERM');
          asked ||= text.endsWith('}\n');
        },
      }).then(resolve);
    });
    expect(code).toBe(143);
    expect(JSON.parse(stdout)).toMatchObject({
      model: 'demo-tiny',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/v1$/),
    });
  });
});
