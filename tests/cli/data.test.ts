import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { InventoryEntry } from '../../src/data/inventory.ts';
import type { RunRecord } from '../../src/record.ts';
import { type MadeMember, makeTarGz, makeZip } from '../helpers/archives.ts';
import { evalgpt, type Outcome } from '../helpers/cli.ts';
import { type FakeHost, fakeHost } from '../helpers/fake-host.ts';
import { type Published, publishSamples } from '../helpers/published.ts';
import { writeTiny } from '../helpers/tiny-checkpoints.ts';

// Each test runs the program once or more.
vi.setConfig({ testTimeout: 60_000 });

/** The real command line on cards that describe the samples, against hosts on loopback. */
const root = mkdtempSync(join(tmpdir(), 'evalgpt-data-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let published: Published;
let model: string;
beforeAll(async () => {
  published = await publishSamples(join(root, 'program'));
  model = writeTiny('plain', root);
});

const ZIP = 'https://dl.fbaipublicfiles.com/anli/anli_v1.0.zip';
const TAR = 'https://zenodo.org/records/2630551/files/lambada-dataset.tar.gz';
const LAMBADA = 'https://openaipublic.blob.core.windows.net/gpt-2/data/lambada_test.jsonl';

let host: FakeHost;
let cache: string;
beforeEach(async () => {
  cache = mkdtempSync(join(root, 'cache-'));
  host = await fakeHost();
  for (const [url, content] of published.files) host.files.set(url, content);
});
afterEach(() => host.close());

type Options = Parameters<typeof evalgpt>[1];
const command = (args: readonly string[], options: Options = {}): Promise<Outcome> =>
  evalgpt(args, {
    ...options,
    main: published.main,
    env: { EVALGPT_MIRROR: host.mirror, EVALGPT_CACHE: cache, EVALGPT_OFFLINE: '', ...options.env },
  });
const run = (tasks: string, ...more: string[]): Promise<Outcome> =>
  command([
    ...['run', '--model', model, '--tasks', tasks, '--shots', '0,1', '--limit', '2'],
    ...['--out', join(cache, 'run'), ...more],
  ]);
const record = (): RunRecord => JSON.parse(readFileSync(join(cache, 'run', 'run.json'), 'utf8')) as RunRecord;
const asked = (url: string): number => host.requests.filter((request) => request.url === url).length;

/** All files below the data folder, sorted. */
function here(): string[] {
  const data = join(cache, 'data');
  if (!existsSync(data)) return [];
  return readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(data.length + 1))
    .sort();
}
const member = (url: string, path: string): Buffer =>
  published.members.get(url)!.find((m) => m.path === path)!.content as Buffer;
const data = (file: string): Buffer => readFileSync(join(cache, 'data', file));

const ANLI = ['R1', 'R2', 'R3'].flatMap((r) => ['dev', 'test', 'train'].map((s) => `anli/${r}/${s}.jsonl`));

describe('evalgpt run', () => {
  test('downloads what it lacks, an archive once, and needs nothing the second time', async () => {
    const first = await run('anli-r1,anli-r2,arithmetic-2d-add');
    expect(first.stderr).toMatch(
      /^downloading anli-r1 anli_v1\.0\.zip, \d+(\.\d)? kB, licence CC-BY-NC-4\.0$/m,
    );
    expect(first.stderr).toMatch(
      /^downloading gpt3-arithmetic two_digit_addition\.jsonl, 2\.7 kB, licence unknown$/m,
    );
    expect(first.stderr).not.toContain('warning');
    expect(first.code).toBe(0);
    expect(asked(ZIP)).toBe(1);
    expect(host.requests).toHaveLength(2);
    expect(here()).toEqual([...ANLI, 'gpt3_arithmetic/two_digit_addition.jsonl']);
    expect(data('anli/R2/test.jsonl')).toEqual(member(ZIP, 'anli_v1.0/R2/test.jsonl'));
    expect(record().spec.tasks.map((t) => t.shot_pool)).toEqual([
      'train',
      'train',
      'two_digit_addition minus the scored item',
    ]);
    rmSync(join(cache, 'run'), { recursive: true });
    const again = await run('anli-r1,anli-r2,arithmetic-2d-add');
    expect(again.code).toBe(0);
    expect(again.stdout).toBe(first.stdout);
    expect(host.requests).toHaveLength(2);
  });

  test.each<[string, () => void, RegExp]>([
    ['404', () => host.faults.push({ url: '.zip', status: 404 }), /zip: the server answers 404/],
    [
      'other bytes in an archive',
      () => {
        const others = published.members.get(ZIP)!.map((m) => ({ ...m, content: `${String(m.content)}\n` }));
        host.files.set(ZIP, makeZip(others));
      },
      /anli_v1\.0\.zip: anli_v1\.0\/R1\/test\.jsonl: expected 3763 bytes, found more/,
    ],
    [
      'an archive that leads out of itself',
      () => host.files.set(ZIP, makeZip([{ path: '../../out.txt', content: 'out' }])),
      /anli_v1\.0\.zip: not a zip archive that can be unpacked: invalid relative path/,
    ],
  ])('%s: its cells are unscored and say why, the others are scored', async (_, fault, reason) => {
    fault();
    const { code, stderr } = await run('anli-r1,arithmetic-2d-add');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: anli-r1 is not scored: /m);
    const { status, results } = record();
    expect(status).toBe('complete');
    expect(results.map((r) => [r.task, r.n])).toEqual([
      ['anli-r1', 0],
      ['anli-r1', 0],
      ['arithmetic-2d-add', 2],
      ['arithmetic-2d-add', 2],
    ]);
    expect(Object.keys(results[0]!.reasons!)[0]).toMatch(reason);
    expect(here().filter((file) => /anli\/R1\/test|\.zip$|unpacking/.test(file))).toEqual([]);
  });

  test('nothing can be had: one sentence, exit 2, no run folder', async () => {
    host.files.set(LAMBADA, Buffer.from('{"text": "another file"}\n'));
    const { code, stdout, stderr } = await run('lambada');
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^evalgpt: .*lambada_test\.jsonl: expected bytes: 9881, found 25; nothing of it/m);
    expect(existsSync(join(cache, 'run'))).toBe(false);
    expect(here()).toEqual([]);
  });

  test.each<[string, string[], NodeJS.ProcessEnv]>([
    ['--offline', ['--offline'], {}],
    ['EVALGPT_OFFLINE', [], { EVALGPT_OFFLINE: '1' }],
  ])('%s: no request is made', async (_, option, env) => {
    const args = ['run', '--model', model, '--tasks', 'anli-r1,lambada', ...option];
    const { code, stderr } = await command(args, { env });
    expect(code).toBe(2);
    expect(stderr).toContain('`evalgpt data pull anli-r1` fetches it from https://dl.fbaipublicfiles.com/');
    expect(host.requests).toEqual([]);
    expect(here()).toEqual([]);
  });

  test('shots of another split where the first cannot be had, with a warning', async () => {
    const others = published.members.get(ZIP)!.filter((m) => m.path.includes('R1/test'));
    host.files.set(ZIP, makeZip(others));
    const { code, stderr } = await run('anli-r1');
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^warning: anli-r1: shots do not come from the train split: .*R1\/train\.jsonl: there is no such member$/m,
    );
    expect(record().spec.tasks[0]!.shot_pool).toBe('test minus the scored item');
  });

  test('--cache says where downloads go', async () => {
    const other = join(cache, 'other');
    const { code } = await run('lambada', '--cache', other);
    expect(code).toBe(0);
    expect(readdirSync(join(other, 'data', 'lambada'))).toEqual(['lambada_test.jsonl']);
    expect(here()).toEqual([]);
  });
});

describe.each([
  ['a file', LAMBADA, 'lambada-openai', 'lambada/lambada_test.jsonl'],
  ['an archive', TAR, 'lambada-standard', 'archives/zenodo.org/records/2630551/files/lambada-dataset.tar.gz'],
] as const)('%s that stops in the middle', (_, url, set, file) => {
  test.each(['SIGINT', 'SIGKILL'] as const)(
    '%s leaves what came, and the next call takes it up',
    async (name) => {
      host.faults.push({ url, times: 1, cutAfter: 1000, stall: true });
      const partial = join(cache, 'data', `${file}.incomplete`);
      let waits = false;
      const stopped = await command(['data', 'pull', set], {
        onStderr: (text, kill) => {
          if (waits || !text.includes('downloading')) return;
          waits = true;
          const wait = setInterval(() => {
            if (!existsSync(partial) || readFileSync(partial).length < 1000) return;
            clearInterval(wait);
            kill(name);
          }, 20);
        },
      });
      expect(stopped.code).toBe(name === 'SIGINT' ? 130 : null);
      expect(readFileSync(partial)).toHaveLength(1000);
      // Beside it at most the server's name for it and, after a kill, the locks.
      expect(here().filter((path) => !/\.(incomplete|incomplete\.etag|lock|pulling)$/.test(path))).toEqual(
        [],
      );
      const whole = published.files.get(url)!.length;
      expect(host.sent).toBe(1000);
      const { code, stdout } = await command(['data', 'pull', set]);
      expect(code).toBe(0);
      expect(host.sent).toBe(whole);
      expect(host.requests.at(-1)!.range).toBe('bytes=1000-');
      expect(stdout).toContain(join(cache, 'data'));
      expect(here().every((path) => /^lambada\/[^/]+\.(jsonl|txt)$/.test(path))).toBe(true);
      expect((await command(['data', 'verify', set])).code).toBe(0);
    },
  );
});

describe('evalgpt data pull', () => {
  test('connections that break are taken up in the same call', async () => {
    host.faults.push({ url: LAMBADA, times: 2, cutAfter: 4000 });
    const { code } = await command(['data', 'pull', 'lambada-openai']);
    expect(code).toBe(0);
    expect(host.requests.map((r) => r.range)).toEqual([undefined, 'bytes=4000-', 'bytes=8000-']);
    expect(data('lambada/lambada_test.jsonl')).toEqual(published.files.get(LAMBADA));
  });

  test('all, once by two processes', async () => {
    const [one, two] = await Promise.all([
      command(['data', 'pull', 'all']),
      command(['data', 'pull', 'all']),
    ]);
    expect([one.code, two.code], one.stderr + two.stderr).toEqual([0, 0]);
    const urls = host.requests.map((request) => request.url);
    expect(urls.sort()).toEqual([...published.files.keys()].sort());
    expect(here().filter((path) => path.startsWith('archives'))).toEqual([]);
    expect(one.stderr).toMatch(/^sat-analogies sat\/SAT-package-V3\.txt: is given on request at https:/m);
    expect((await command(['data', 'verify'])).code).toBe(0);
  });

  test('what is given on request only: told with all, exit 2 by its name', async () => {
    const named = await command(['data', 'pull', 'sat-analogies']);
    expect(named.code).toBe(2);
    expect(named.stderr).toMatch(
      /SAT-package-V3\.txt: is given on request at https:.*`evalgpt data import FILE`/,
    );
    expect(host.requests).toEqual([]);
  });

  const R1 = 'anli_v1.0/R1/';
  test.each<[string, Buffer | (() => MadeMember[]), RegExp]>([
    ['cut short', () => [], /there is no such member/],
    ['no archive', Buffer.from('<html>'.repeat(500)), /not a zip archive that can be unpacked/],
    [
      'an absolute path',
      () => [{ path: '/tmp/evalgpt-escaped.txt', content: 'out' }],
      /not a zip archive that can be unpacked: absolute path/,
    ],
    ['a link', () => [{ path: `${R1}test.jsonl`, link: '/etc/passwd' }], /found a link or a folder/],
    [
      'a bomb',
      () => [{ path: `${R1}test.jsonl`, content: Buffer.alloc(30_000_000) }],
      /expected 3763 bytes, found more/,
    ],
  ])('%s: exit 2, nothing is written', async (_, archive, reason) => {
    host.files.set(ZIP, Buffer.isBuffer(archive) ? archive : makeZip(archive()));
    const { code, stderr } = await command(['data', 'pull', 'anli-r1']);
    expect(code).toBe(2);
    expect(stderr.trim().split('\n').at(-1)).toMatch(reason);
    expect(here()).toEqual([]);
    expect(existsSync('/tmp/evalgpt-escaped.txt')).toBe(false);
  });

  test('a tar.gz with a link and a path that leads out', async () => {
    const good = published.members.get(TAR)!;
    host.files.set(TAR, makeTarGz([...good, { path: '../../../escaped.txt', content: 'out' }]));
    const refused = await command(['data', 'pull', 'lambada-standard']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/lambada-dataset\.tar\.gz: not a tar\.gz archive .* leads out of it/);
    expect(here()).toEqual([]);
    host.files.set(TAR, makeTarGz([...good, { path: 'other', link: '../../../etc/passwd' }]));
    expect((await command(['data', 'pull', 'lambada-standard'])).code).toBe(0);
    expect(here()).toEqual([
      'lambada/lambada_development_plain_text.txt',
      'lambada/lambada_test_plain_text.txt',
    ]);
  });

  test.each([
    [['data', 'pull'], /data pull: expected names of data sets or all, found none/],
    [['data', 'pull', 'anli'], /no data set "anli".*did you mean anli-r1, anli-r2, anli-r3\?/],
    [['data', 'pull', 'anli-r1', '--offline'], /offline, and anli\/R1\/train\.jsonl is not here/],
    [['data', 'fetch'], /action: expected one of .*pull.*, found "fetch"/],
  ])('%j: one sentence, exit 2, no request', async (args, message) => {
    const { code, stderr } = await command(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(host.requests).toEqual([]);
  });
});

describe('evalgpt data list, verify, import', () => {
  const put = (file: string, content: string | Buffer): string => {
    const path = join(cache, 'data', file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  };

  test('list says what there is and what is here', async () => {
    put('anli/R1/test.jsonl', 'x');
    const { stdout } = await command(['data', 'list', 'anli-r1', 'arithmetic-generated']);
    expect(stdout).toMatch(/^set +split +file +size +records +licence +here$/m);
    expect(stdout).toMatch(/^anli-r1 +test +anli\/R1\/test\.jsonl +3\.8 kB +12 +CC-BY-NC-4\.0 +yes$/m);
    expect(stdout).toMatch(/^anli-r1 +train +anli\/R1\/train\.jsonl +\d+ +CC-BY-NC-4\.0$/m);
    expect(stdout).toMatch(/^arithmetic-generated +two_digit_addition +generated +2000 +MIT +yes$/m);
    const json = JSON.parse((await command(['data', 'list', '--json'])).stdout) as InventoryEntry[];
    expect(json.find((e) => e.set === 'anli-r1' && e.split === 'test')).toMatchObject({
      url: ZIP,
      bytes: 3763,
      path: join(cache, 'data', 'anli/R1/test.jsonl'),
    });
    expect(host.requests).toEqual([]);
  });

  test('verify reads what is here, and names what is wrong', async () => {
    const test1 = member(ZIP, 'anli_v1.0/R1/test.jsonl');
    put('anli/R1/test.jsonl', test1);
    const train = put('anli/R1/train.jsonl', member(ZIP, 'anli_v1.0/R1/dev.jsonl'));
    const wrong = put('anli/R2/test.jsonl', test1);
    const { code, stdout, stderr } = await command(['data', 'verify']);
    expect(code).toBe(2);
    expect(stdout).toMatch(/^anli-r1 +test +12 +right /m);
    expect(stdout).toMatch(/^anli-r2 +test +12 +wrong /m);
    expect(stderr).toContain(`${wrong}: expected sha256 `);
    expect(stderr).toMatch(new RegExp(`${train}: expected records: \\d+, found \\d+`));
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect((await command(['data', 'verify', 'anli-r3'])).stderr).toMatch(/nothing of anli-r3 is here/);
    rmSync(train);
    expect((await command(['data', 'verify', 'anli-r1', '--json'])).code).toBe(0);
  });

  test('import knows a file by its hash, an archive by its name, and refuses others', async () => {
    const file = join(cache, 'whatever');
    writeFileSync(file, published.files.get(LAMBADA)!);
    const zip = join(cache, 'anli_v1.0.zip');
    writeFileSync(zip, published.files.get(ZIP)!);
    const stranger = join(cache, 'test.jsonl');
    writeFileSync(stranger, 'x');
    const folder = join(cache, 'R2');
    mkdirSync(folder);
    const other = join(folder, 'test.jsonl');
    writeFileSync(other, 'x');
    const { code, stdout, stderr } = await command([
      'data',
      'import',
      file,
      zip,
      stranger,
      other,
      '/no/file',
    ]);
    expect(code).toBe(2);
    expect(here()).toEqual([...ANLI, 'lambada/lambada_test.jsonl']);
    expect(stdout.trim().split('\n')).toHaveLength(10);
    expect(data('lambada/lambada_test.jsonl')).toEqual(published.files.get(LAMBADA));
    expect(stderr).toMatch(/^warning: .*anli_v1\.0\.zip: taken for https:.* by its name alone/m);
    expect(stderr).toMatch(/data import: 3 of 5 not taken: .*a name that tells which file it is/);
    expect(stderr).toMatch(/R2\/test\.jsonl: expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}/);
    expect(stderr).toContain('/no/file: cannot be read');
    expect(existsSync(zip)).toBe(true);
    expect(host.requests).toEqual([]);
  });

  test('import takes a file of unknown hash by its name where its records are as many as they should be', async () => {
    const path = join(cache, 'R1', 'train.jsonl');
    mkdirSync(dirname(path));
    const content = member(ZIP, 'anli_v1.0/R1/train.jsonl');
    writeFileSync(path, `${content}{}\n`);
    expect((await command(['data', 'import', path])).stderr).toMatch(/expected \d+ records, found \d+/);
    expect(here()).toEqual([]);
    writeFileSync(path, content);
    const { code, stderr } = await command(['data', 'import', path]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/taken for the train split of anli-r1 by its name alone/);
    expect(here()).toEqual(['anli/R1/train.jsonl']);
  });
});
