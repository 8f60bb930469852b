import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import type { RunRecord } from '../../src/record.ts';
import { random } from '../../src/stats/random.ts';

const parent = mkdtempSync(join(tmpdir(), 'evalgpt-kill-'));
afterAll(() => rmSync(parent, { recursive: true, force: true }));
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const spec = ['--model', 'demo-tiny', '--tasks', 'arithmetic-gen-*', '--shots', '0,1', '--limit', '300'];

function start(out: string): { child: ChildProcess; ended: Promise<number | null> } {
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'run', ...spec, '--out', out], {
    stdio: 'ignore',
  });
  return { child, ended: new Promise((resolve) => child.on('close', resolve)) };
}

const recordOf = (out: string): RunRecord =>
  JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')) as RunRecord;

function samplesOf(out: string): string[] {
  const folder = join(out, 'samples', 'demo-tiny');
  return readdirSync(folder)
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').sort());
}

test('ten kill -9 at random moments, each followed by the same command: byte-equal results', {
  timeout: 600_000,
}, async () => {
  const whole = join(parent, 'whole');
  const began = performance.now();
  expect(await start(whole).ended).toBe(0);
  const seconds = (performance.now() - began) / 1000;
  const draw = random('kill', Date.now());
  let resumed = 0;
  for (let i = 0; i < 10; i++) {
    const out = join(parent, String(i));
    const { child, ended } = start(out);
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds * (0.15 + 0.8 * draw.next())));
    child.kill('SIGKILL');
    if ((await ended) === null) resumed++;
    expect(await start(out).ended).toBe(0);
    expect(JSON.stringify(recordOf(out).results)).toBe(JSON.stringify(recordOf(whole).results));
    expect(samplesOf(out)).toEqual(samplesOf(whole));
  }
  console.log(`${resumed} of 10 runs of ${seconds.toFixed(1)} s were killed and resumed`);
  expect(resumed).toBeGreaterThan(0);
});
