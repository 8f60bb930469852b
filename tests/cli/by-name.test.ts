import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RunRecord } from '../../src/record.ts';
import { evalgpt, type Outcome } from '../helpers/cli.ts';
import { COMMIT, type FakeHub, fakeHub } from '../helpers/fake-hub.ts';
import { writeTiny } from '../helpers/tiny-checkpoints.ts';

/** `evalgpt run --model gpt2-medium` against a hub on loopback that serves a tiny model by that name. */
const folder = mkdtempSync(join(tmpdir(), 'evalgpt-by-name-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let source: string;
beforeAll(() => {
  source = writeTiny('plain', folder);
});

let hub: FakeHub;
let cache: string;
beforeEach(async () => {
  cache = mkdtempSync(join(folder, 'cache-'));
  hub = await fakeHub('openai-community/gpt2-medium', source);
});
afterEach(() => hub.close());

const command = (...more: string[]): Promise<Outcome> =>
  evalgpt(
    [
      ...['run', '--model', 'gpt2-medium', '--shots', '0,1,32', '--limit', '2', '--out', join(cache, 'run')],
      ...['--tasks', 'demo-lambada', ...more],
    ],
    {
      env: {
        HF_ENDPOINT: hub.url,
        HF_HOME: join(cache, 'hf'),
        HF_HUB_CACHE: '',
        HF_TOKEN: 'hf_secret',
        EVALGPT_OFFLINE: '',
      },
    },
  );
const snapshots = (): string =>
  join(cache, 'hf', 'hub', 'models--openai-community--gpt2-medium', 'snapshots');

test('fetches a model by its name, and takes it from the cache offline', async () => {
  const first = await command();
  expect(first.stderr).toMatch(
    /downloading openai-community\/gpt2-medium model\.safetensors, \d+(\.\d)? kB, licence mit/,
  );
  expect(first.stderr).not.toContain('hf_secret');
  expect(first.code).toBe(0);
  const record = JSON.parse(readFileSync(join(cache, 'run', 'run.json'), 'utf8')) as RunRecord;
  expect(record.spec.models).toMatchObject([{ ref: 'gpt2-medium', commit: COMMIT, architecture: 'gpt2' }]);
  expect(record.results.map((r) => r.shots)).toEqual([0, 1, 32]);
  rmSync(join(cache, 'run'), { recursive: true });
  const before = hub.requests.length;
  const again = await command('--offline');
  expect(again.code).toBe(0);
  expect(again.stdout).toBe(first.stdout);
  expect(hub.requests.length).toBe(before);
});

test('a download that is cut in mid-file is taken up by the same command', async () => {
  hub.faults.push({ file: '.safetensors', cutAfter: 5000 });
  // Every connection breaks; the command is stopped after the first pieces.
  const cut = await evalgpt(['models', 'pull', 'gpt2-medium'], {
    env: { HF_ENDPOINT: hub.url, HF_HOME: join(cache, 'hf'), HF_HUB_CACHE: '', EVALGPT_OFFLINE: '' },
    onStderr: (text, kill) => text.includes('model.safetensors') && setTimeout(() => kill('SIGINT'), 300),
  });
  expect(cut.code).toBe(130);
  hub.faults.length = 0;
  const before = hub.sent;
  const whole = readFileSync(join(source, 'model.safetensors')).length;
  const resumed = await command();
  expect(resumed.code).toBe(0);
  expect(hub.sent - before).toBeLessThan(whole);
  expect(hub.requests.some(({ range }) => range !== undefined)).toBe(true);
});

test.each<[string, () => void, RegExp]>([
  [
    'a wrong hash',
    () => hub.faults.push({ file: '.safetensors', flip: true }),
    /expected sha256 [0-9a-f]{64}, found/,
  ],
  ['401', () => Object.assign(hub, { refuse: { status: 401 } }), /asks for a token \(401\)/],
  [
    '403',
    () => Object.assign(hub, { refuse: { status: 403, code: 'GatedRepo' } }),
    /access is restricted \(403\)/,
  ],
  ['404', () => Object.assign(hub, { refuse: { status: 404 } }), /knows no such model \(404\)/],
])('%s: one sentence, exit 2, no run folder', async (_, fault, message) => {
  fault();
  const { code, stdout, stderr } = await command();
  expect(code).toBe(2);
  expect(stdout).toBe('');
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('downloading'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(message);
  expect(readdirSync(cache)).not.toContain('run');
});

test('models pull, list and inspect by name', async () => {
  const env = { HF_ENDPOINT: hub.url, HF_HOME: join(cache, 'hf'), HF_HUB_CACHE: '', EVALGPT_OFFLINE: '' };
  const pulled = await evalgpt(['models', 'pull', 'gpt2-medium'], { env });
  expect(pulled).toMatchObject({
    code: 0,
    stdout: `openai-community/gpt2-medium at ${COMMIT}\n${join(snapshots(), COMMIT)}\n`,
  });
  const listed = await evalgpt(['models', 'list'], { env });
  expect(listed.stdout).toMatch(/gpt2-medium +openai-community\/gpt2-medium +yes/);
  const inspected = await evalgpt(['models', 'inspect', 'gpt2-medium', '--json', '--offline'], { env });
  expect(JSON.parse(inspected.stdout)).toMatchObject({
    architecture: 'gpt2',
    commit: COMMIT,
    window: 64,
    layers: 3,
  });
});
