import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DownloadEvent } from '../../src/download.ts';
import { openScorer } from '../../src/evaluate/scorer.ts';
import { cachedModels, type HubOptions, pullModel } from '../../src/models/hub.ts';
import { resolveModel } from '../../src/models/resolve.ts';
import { expectReference, vectors } from '../helpers/contract.ts';
import { COMMIT, type FakeHub, fakeHub } from '../helpers/fake-hub.ts';
import { writeTiny } from '../helpers/tiny-checkpoints.ts';

const REPO = 'owner/tiny';
const SECRET = 'hf_secretsecret';
const folder = mkdtempSync(join(tmpdir(), 'evalgpt-hub-'));
let source: string;
let sharded: string;
beforeAll(() => {
  source = writeTiny('plain', folder);
  sharded = writeTiny('untied-sharded', folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let hub: FakeHub;
let cache: string;
const start = async (served = source): Promise<void> => {
  await hub?.close();
  hub = await fakeHub(REPO, served);
  vi.stubEnv('HF_ENDPOINT', hub.url);
};
beforeEach(async () => {
  cache = mkdtempSync(join(folder, 'cache-'));
  await start();
  vi.stubEnv('HF_HUB_CACHE', cache);
  vi.stubEnv('HF_HOME', join(cache, 'home'));
  for (const name of [
    'HF_TOKEN',
    'HUGGING_FACE_HUB_TOKEN',
    'HF_TOKEN_PATH',
    'EVALGPT_OFFLINE',
    'HF_HUB_OFFLINE',
  ]) {
    vi.stubEnv(name, '');
  }
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
});

const pull = (options: HubOptions = {}): Promise<string> => pullModel(REPO, options).then((s) => s.folder);
const root = (): string => join(cache, 'models--owner--tiny');
const weights = (): Buffer => readFileSync(join(source, 'model.safetensors'));
const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error as Error).message,
  );

describe('a download', () => {
  test("lies in the hub's own layout, and the model scores from there", async () => {
    const snapshot = await pull();
    expect(snapshot).toBe(join(root(), 'snapshots', COMMIT));
    expect(readFileSync(join(root(), 'refs', 'main'), 'utf8')).toBe(COMMIT);
    const pointer = join(snapshot, 'model.safetensors');
    expect(lstatSync(pointer).isSymbolicLink()).toBe(true);
    expect(readlinkSync(pointer)).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/);
    expect(readlinkSync(join(snapshot, 'config.json'))).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/);
    expect(readdirSync(join(root(), 'blobs')).filter((name) => !/^[0-9a-f]+$/.test(name))).toEqual([]);
    const scorer = await openScorer(REPO);
    await expectReference(scorer, vectors.checkpoints.plain!, 2e-5).finally(() => scorer.close());
    expect(scorer.identity.commit).toBe(COMMIT);
  });

  test('is told with its size and licence, and not repeated', async () => {
    const events: DownloadEvent[] = [];
    await pull({ onDownload: (event) => events.push(event) });
    const first = events.find((e) => e.what === `${REPO} model.safetensors`);
    expect(first).toMatchObject({ received: 0, total: weights().length, licence: 'mit' });
    expect(events.at(-1)!.received).toBe(events.at(-1)!.total);
    const sent = hub.sent;
    await pull({ onDownload: () => expect.fail('nothing is fetched again') });
    expect(hub.sent).toBe(sent);
  });

  test('of a sharded checkpoint takes the shards that its index names', async () => {
    await start(sharded);
    const snapshot = await pull();
    expect(readdirSync(snapshot).filter((name) => name.endsWith('.safetensors'))).toHaveLength(3);
    const scorer = await openScorer(REPO);
    await expectReference(scorer, vectors.checkpoints['untied-sharded']!, 2e-5).finally(() => scorer.close());
  });

  test('that is cut goes on where it broke off, within the call', async () => {
    hub.faults.push({ file: '.safetensors', times: 2, cutAfter: 30_000 });
    await pull();
    const ranges = hub.requests.flatMap(({ host, range }) => (range && host === 'storage' ? [range] : []));
    expect(ranges).toEqual(['bytes=30000-', 'bytes=60000-']);
    const small = readdirSync(source).filter((name) => !name.endsWith('.safetensors'));
    const total = small.reduce((sum, name) => sum + statSync(join(source, name)).size, weights().length);
    expect(hub.sent).toBe(total);
  });

  test('that is stopped goes on where it broke off, in the next call', async () => {
    const controller = new AbortController();
    hub.faults.push({ file: '.safetensors', times: 1, cutAfter: 40_000 });
    const stopped = pull({
      signal: controller.signal,
      onDownload: ({ what, received }) => {
        if (what.endsWith('.safetensors') && received >= 40_000) controller.abort(new Error('stopped'));
      },
    });
    expect(await failure(stopped)).toBe('stopped');
    const before = hub.sent;
    await pull();
    expect(hub.sent - before).toBe(weights().length - 40_000);
  });

  test('begins anew where the server knows no ranges', async () => {
    hub.faults.push({ file: '.safetensors', times: 1, cutAfter: 10_000 });
    hub.faults.push({ file: '.safetensors', ignoreRange: true });
    const snapshot = await pull();
    expect(readFileSync(join(snapshot, 'model.safetensors')).equals(weights())).toBe(true);
  });

  test.each([
    ['model.safetensors', 'sha256'],
    ['config.json', 'git sha1'],
  ])('of other bytes than %s has is refused, and nothing of it kept', async (file, kind) => {
    hub.faults.push({ file, times: 1, flip: true });
    const message = await failure(pull());
    expect(message).toMatch(
      new RegExp(`/${file}: expected ${kind} [0-9a-f]+, found [0-9a-f]+; nothing of it was kept`),
    );
    expect(readdirSync(join(root(), 'blobs')).filter((name) => name.endsWith('.incomplete'))).toEqual([]);
    expect(existsSync(join(root(), 'snapshots', COMMIT, file))).toBe(false);
    // The next attempt gets it right.
    await pull();
  });

  test('waits as long as a busy server asks', async () => {
    hub.faults.push({ file: 'config.json', times: 1, status: 429, headers: { 'Retry-After': '1' } });
    const began = performance.now();
    await pull();
    expect(performance.now() - began).toBeGreaterThan(900);
  });

  test('by two processes at once is fetched once', async () => {
    const [a, b] = await Promise.all([pull(), pull()]);
    expect(a).toBe(b);
    const gets = hub.requests.filter((r) => r.method === 'GET' && r.path.endsWith('model.safetensors'));
    expect(gets.map((r) => r.host)).toEqual(['hub', 'storage']);
  });

  test('takes what the Python library fetched before', async () => {
    await pull();
    const before = hub.requests.length;
    rmSync(join(root(), 'refs'), { recursive: true });
    await pull({ revision: COMMIT });
    expect(hub.requests.length).toBe(before);
  });
});

describe('the token', () => {
  test('goes to the hub, and not to where it redirects', async () => {
    vi.stubEnv('HF_TOKEN', SECRET);
    await pull();
    const [own, storage] = ['hub', 'storage'].map((host) => hub.requests.filter((r) => r.host === host));
    expect(own!.length).toBeGreaterThan(3);
    expect(own!.every((r) => r.authorization === `Bearer ${SECRET}`)).toBe(true);
    expect(storage!.length).toBeGreaterThan(0);
    expect(storage!.filter((r) => r.authorization !== undefined)).toEqual([]);
  });

  test('is read from the file that a login writes, and is in no error and no file', async () => {
    const file = join(cache, 'token');
    writeFileSync(file, `${SECRET}\n`);
    vi.stubEnv('HF_TOKEN_PATH', file);
    hub.refuse = { status: 403, code: 'GatedRepo' };
    const message = await failure(pull());
    expect(hub.requests[0]!.authorization).toBe(`Bearer ${SECRET}`);
    expect(message).toContain('access is restricted (403)');
    expect(message).not.toContain(SECRET);
    hub.refuse = undefined;
    await pull();
    rmSync(file);
    const files = readdirSync(cache, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(4);
    for (const { parentPath, name } of files) {
      expect(readFileSync(join(parentPath, name)).includes(SECRET), name).toBe(false);
    }
  });
});

describe('a refusal', () => {
  test.each([
    [{ status: 401, code: 'RepoNotFound' }, 'the hub knows no such model (401)'],
    [{ status: 404 }, 'the hub knows no such model (404)'],
    [{ status: 401, code: 'GatedRepo' }, 'access is restricted (401); accept its terms at'],
    [{ status: 401 }, 'there is no such model, or it is private; set HF_TOKEN'],
    [{ status: 404, code: 'RevisionNotFound' }, 'has no revision "main"'],
  ])('%o is one sentence', async (refuse, sentence) => {
    hub.refuse = refuse;
    const message = await failure(pull());
    expect(message).toContain(sentence);
    expect(message.startsWith(`${REPO}: `)).toBe(true);
  });

  test('of a revision names it; a tag and a pull request are found', async () => {
    expect(await failure(pull({ revision: 'v9' }))).toBe(`${REPO}: has no revision "v9"`);
    await pull({ revision: 'v1.0' });
    await pull({ revision: 'refs/pr/1' });
    expect(readFileSync(join(root(), 'refs', 'refs', 'pr', '1'), 'utf8')).toBe(COMMIT);
    expect(await failure(pull({ revision: '../x' }))).toContain(
      '--revision ../x: expected a branch, tag or commit',
    );
  });

  test('a repository of pickles is not loaded', async () => {
    hub.listing = ['config.json', 'pytorch_model.bin'];
    expect(await failure(pull())).toContain(
      'pytorch_model.bin only, a pickle, which can run code and is never loaded',
    );
  });

  test('file names that lead elsewhere are not followed', async () => {
    const evil = mkdtempSync(join(folder, 'evil-'));
    writeFileSync(join(evil, 'config.json'), '{}');
    const index = { weight_map: { a: '../../../../evil.safetensors' } };
    writeFileSync(join(evil, 'model.safetensors.index.json'), JSON.stringify(index));
    await start(evil);
    expect(await failure(pull())).toContain('"weight_map" names "../../../../evil.safetensors"');
    hub.listing = ['../../config.json', 'config.json', 'model.safetensors'];
    expect(await failure(pull())).toContain('the hub knows no such model (404)');
    expect(readdirSync(folder).filter((name) => name.includes('evil.safetensors'))).toEqual([]);
  });
});

describe('offline', () => {
  test.each(['option', 'EVALGPT_OFFLINE', 'HF_HUB_OFFLINE'])('by %s, no request is made', async (how) => {
    const options = how === 'option' ? { offline: true } : {};
    if (how !== 'option') vi.stubEnv(how, '1');
    expect(await failure(pull(options))).toContain(`${REPO}: offline, and revision main is not in ${root()}`);
    vi.stubEnv('EVALGPT_OFFLINE', '');
    vi.stubEnv('HF_HUB_OFFLINE', '');
    await pull();
    const before = hub.requests.length;
    if (how !== 'option') vi.stubEnv(how, '1');
    expect(await pull(options)).toBe(join(root(), 'snapshots', COMMIT));
    rmSync(join(root(), 'snapshots', COMMIT, 'model.safetensors'));
    expect(await failure(pull(options))).toContain('offline, and model.safetensors is not in');
    expect(hub.requests.length).toBe(before);
  });

  test('a hub that cannot be reached leaves what the cache has, with a warning', {
    timeout: 60_000,
  }, async () => {
    await pull();
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
    const warnings: string[] = [];
    expect(await pull({ onWarning: (message) => warnings.push(message) })).toBe(
      join(root(), 'snapshots', COMMIT),
    );
    expect(warnings[0]).toMatch(
      /^http:\/\/127\.0\.0\.1:9: cannot be reached: .*; owner\/tiny is taken from the cache/,
    );
  });
});

test('the cache is listed with what a snapshot lacks', async () => {
  const snapshot = await pull();
  expect(await cachedModels()).toMatchObject([{ repo: REPO, revision: 'main', commit: COMMIT }]);
  rmSync(join(snapshot, 'model.safetensors'));
  expect(await cachedModels()).toMatchObject([{ missing: 'model.safetensors' }]);
});

test('names lead to repositories, paths stay paths', async () => {
  expect(await resolveModel(source)).toEqual({ path: source });
  expect((await resolveModel(REPO)).path).toBe(join(root(), 'snapshots', COMMIT));
  expect(await failure(resolveModel('gpt2-meduim'))).toContain('did you mean gpt2-medium?');
  expect(await failure(resolveModel('./gpt2'))).toMatch(/^--model \.\/gpt2: no such folder/);
  expect(await failure(resolveModel('owner/other'))).toMatch(
    /^--model owner\/other: no such folder here; on the hub, /,
  );
  expect(await failure(resolveModel(source, { revision: 'main' }))).toContain(
    'is a folder, not a model of the hub',
  );
});
