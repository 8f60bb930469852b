import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesOf, readCard } from '../../src/data/card.ts';
import type { RunRecord } from '../../src/record.ts';
import { coreTasks, tasks } from '../../tasks/index.ts';
import { type MadeMember, makeTarGz, makeZip } from '../helpers/archives.ts';
import { evalgpt, type Outcome } from '../helpers/cli.ts';
import { type FakeHost, fakeHost } from '../helpers/fake-host.ts';
import { COMMIT, type FakeHub, fakeHub } from '../helpers/fake-hub.ts';
import { missing, python, shared } from '../helpers/shared.ts';

/**
 * The literal `evalgpt run --model gpt2-medium --shots 0,1,32`: a random model of GPT-2 medium's true shape behind a
 * hub on loopback, and the published data files behind a mirror.
 */
const makeCheckpoint = join(shared, 'peers', 'make_checkpoint.py');
const data = join(shared, 'data');
const reason = missing(python, makeCheckpoint, data);
if (reason) console.log(`gpt2-medium by name ${reason}`);

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-medium-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let hub: FakeHub;
let host: FakeHost;

/** The data files of the core tasks that are here, by the URL that their cards give. */
function publish(files: Map<string, Buffer>): void {
  const archives = new Map<string, MadeMember[]>();
  const names = new Set(tasks.filter(({ name }) => coreTasks.includes(name)).map(({ dataset }) => dataset));
  for (const card of [...names].map(readCard)) {
    for (const entry of Object.values(card.splits).flatMap(filesOf)) {
      if (!existsSync(join(data, entry.file))) continue;
      const content = readFileSync(join(data, entry.file));
      if (entry.member === undefined) files.set(entry.url!, content);
      else {
        const { url } = card.archive!;
        archives.set(url, [...(archives.get(url) ?? []), { path: entry.member, content }]);
      }
    }
  }
  for (const [url, members] of archives)
    files.set(url, (url.endsWith('.zip') ? makeZip : makeTarGz)(members));
}

const command = (name: string, ...more: string[]): Promise<Outcome> =>
  evalgpt(
    [
      'run',
      '--model',
      'gpt2-medium',
      '--shots',
      '0,1,32',
      '--limit',
      '2',
      '--out',
      join(folder, name),
      ...more,
    ],
    {
      env: {
        HF_ENDPOINT: hub.url,
        HF_HOME: join(folder, 'hf'),
        HF_HUB_CACHE: '',
        EVALGPT_CACHE: join(folder, 'cache'),
        EVALGPT_MIRROR: host.mirror,
        EVALGPT_OFFLINE: '',
      },
    },
  );

describe.skipIf(reason)('gpt2-medium by name', { timeout: 900_000 }, () => {
  beforeAll(async () => {
    const model = join(folder, 'gpt2-medium');
    execFileSync(python, [makeCheckpoint, 'gpt2-medium', model], { stdio: 'ignore' });
    expect(statSync(join(model, 'model.safetensors')).size).toBeGreaterThan(1.3e9);
    hub = await fakeHub('openai-community/gpt2-medium', model);
    host = await fakeHost();
    publish(host.files);
  }, 300_000);
  afterAll(async () => {
    await hub.close();
    await host.close();
  });

  test('a download that breaks in mid-file goes on; then the core tasks, k = 0, 1 and 32', async () => {
    hub.faults.push({ file: '.safetensors', times: 1, cutAfter: 500_000_000 });
    const { code, stderr, stdout } = await command('online');
    expect(stderr).toMatch(
      /downloading openai-community\/gpt2-medium model\.safetensors, 1\.4 GB, licence mit/,
    );
    expect(code).toBe(0);
    expect(hub.requests.flatMap((r) => (r.range && r.host === 'storage' ? [r.range] : []))).toEqual([
      'bytes=500000000-',
    ]);
    const record = JSON.parse(readFileSync(join(folder, 'online', 'run.json'), 'utf8')) as RunRecord;
    expect(record.spec.models).toMatchObject([{ ref: 'gpt2-medium', commit: COMMIT, architecture: 'gpt2' }]);
    expect(record.results).toHaveLength(3 * coreTasks.length);
    // Their files could not be had here, and their host has none.
    const lacking = ['cbt-cn', 'cbt-ne', 'race-h', 'coqa'];
    for (const result of record.results) {
      const absent = lacking.includes(result.task);
      expect([result.n, Object.keys(result.reasons ?? {}).length], result.task).toEqual([
        absent ? 0 : 2,
        absent ? 1 : 0,
      ]);
    }
    console.log(stdout);
  });

  test('again from the caches with --offline: the same results, and no request', async () => {
    const before = [hub.requests.length, host.requests.length];
    // Without translation, whose 256 tokens a text take minutes.
    const asked = coreTasks.filter((name) => !name.startsWith('wmt'));
    const { code } = await command('offline', '--offline', '--tasks', asked.join());
    expect(code).toBe(0);
    expect([hub.requests.length, host.requests.length]).toEqual(before);
    const results = (name: string): unknown =>
      (JSON.parse(readFileSync(join(folder, name, 'run.json'), 'utf8')) as RunRecord).results
        .filter((r) => asked.includes(r.task))
        .map(({ reasons: _, ...rest }) => rest);
    expect(results('offline')).toEqual(results('online'));
  });
});
