import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evalgpt } from '../helpers/cli.ts';

const root = mkdtempSync(join(tmpdir(), 'evalgpt-faults-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

const ARGS = [
  'run',
  '--model',
  'demo-small',
  '--tasks',
  'demo-lambada',
  '--shots',
  '0,2',
  '--threads',
  '1',
  '--offline',
];
const run = (out: string, onStderr?: Parameters<typeof evalgpt>[1]): ReturnType<typeof evalgpt> =>
  evalgpt([...ARGS, '--out', join(root, out)], onStderr);

/** Results and samples, whatever the order in which they were finished. */
function contentsOf(out: string): unknown {
  const { results, status } = JSON.parse(readFileSync(join(root, out, 'run.json'), 'utf8'));
  return { results, status, samples: samplesIn(join(root, out, 'samples')) };
}

function samplesIn(folder: string): unknown[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? samplesIn(path) : [readFileSync(path, 'utf8').split('\n').sort()];
  });
}

let whole: unknown;
beforeAll(async () => {
  expect((await run('whole')).code).toBe(0);
  whole = contentsOf('whole');
}, 60_000);

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s while the model is run: nothing is lost', async (signal, code) => {
  // Once: a second signal ends the process on the spot.
  let sent = false;
  const stopped = await run(signal, {
    onStderr: (text, kill) => {
      if (!sent && text.includes('loaded in')) kill(signal);
      sent ||= text.includes('loaded in');
    },
  });
  expect(stopped.code).toBe(code);
  expect((await run(signal)).code).toBe(0);
  expect(contentsOf(signal)).toEqual(whole);
});

test.skipIf(process.platform === 'win32')(
  'a disk that takes no more: told, and taken up where there is room',
  async () => {
    const command = `ulimit -f 20; exec "$0" --import tsx "$@"`;
    const args = [command, process.execPath, main, ...ARGS, '--out', join(root, 'full')];
    const child = spawn('bash', ['-c', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).toMatch(/full: cannot be written: EFBIG/);
    expect(code).toBe(2);
    expect((await run('full')).code).toBe(0);
    expect(contentsOf('full')).toEqual(whole);
  },
);

test('two processes on one run folder: one runs, the other says which process has it', async () => {
  const both = await Promise.all([run('two'), run('two')]);
  const codes = both.map(({ code }) => code).sort();
  // Where the first was done before the second began, both are.
  expect([
    [0, 0],
    [0, 2],
  ]).toContainEqual(codes);
  for (const { code, stderr } of both) if (code === 2) expect(stderr).toMatch(/process \d+ on .* is using/);
  expect(contentsOf('two')).toEqual(whole);
});
