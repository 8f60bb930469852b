import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readCard } from '../../src/data/card.ts';
import { archivePath, pullSplits, type SplitName } from '../../src/data/pull.ts';
import { type DownloadEvent, download, Unreachable } from '../../src/download.ts';
import { UserError } from '../../src/errors.ts';

vi.mock('../../src/download.ts', async (original) => ({
  ...(await original<typeof import('../../src/download.ts')>()),
  download: vi.fn(),
}));
const fetched = vi.mocked(download);

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'evalgpt-pull-'));
  vi.stubEnv('EVALGPT_CACHE', cache);
  vi.stubEnv('EVALGPT_DATA', '');
  fetched.mockReset();
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

const every = (...cards: string[]): SplitName[] =>
  cards.flatMap((name) =>
    Object.keys(readCard(name).splits).map((split) => ({ card: readCard(name), split })),
  );

test('a host that cannot be reached is waited for once', async () => {
  fetched.mockRejectedValue(new Unreachable('https://x: cannot be reached'));
  const problems = await pullSplits(every('gpt3-arithmetic', 'lambada-openai', 'anli-r1', 'anli-r2'));
  expect(fetched.mock.calls.map(([{ url }]) => new URL(url).host)).toEqual([
    'raw.githubusercontent.com',
    'openaipublic.blob.core.windows.net',
    'dl.fbaipublicfiles.com',
  ]);
  expect(problems.size).toBe(13 + 1 + 6);
});

test('a host that refuses one file is asked for the next', async () => {
  fetched.mockRejectedValue(new UserError('https://x: the server answers 404'));
  expect((await pullSplits(every('gpt3-arithmetic'))).size).toBe(13);
  expect(fetched).toHaveBeenCalledTimes(13);
});

test('what a data folder has, what is bundled and what is generated is not fetched', async () => {
  const other = join(cache, 'mine');
  vi.stubEnv('EVALGPT_DATA', other);
  mkdirSync(join(other, 'lambada'), { recursive: true });
  writeFileSync(join(other, 'lambada', 'lambada_test.jsonl'), '{}');
  expect(await pullSplits(every('lambada-openai', 'demo-lambada', 'arithmetic-generated'))).toEqual(
    new Map(),
  );
  expect(fetched).not.toHaveBeenCalled();
});

test('a mistake of ours is no reason for an unscored cell', async () => {
  fetched.mockRejectedValue(new TypeError('a bug'));
  await expect(pullSplits(every('lambada-openai'))).rejects.toThrow(TypeError);
});

test('says what is fetched, before it comes where its size is known', async () => {
  const events: DownloadEvent[] = [];
  fetched.mockImplementation(async ({ target }, options) => {
    options?.onProgress?.(400, 1000);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, 'no archive');
    return { bytes: 10, sha256: '' };
  });
  const onDownload = (event: DownloadEvent): void => void events.push(event);
  await pullSplits(every('lambada-openai'), { onDownload });
  expect(events).toMatchObject([
    { what: 'lambada-openai lambada_test.jsonl', received: 0, total: 1819752, licence: 'CC-BY-4.0' },
    { received: 400, total: 1000 },
  ]);
  events.length = 0;
  const problems = await pullSplits(every('lambada-standard'), { onDownload });
  expect(events).toMatchObject([
    { what: 'lambada-standard lambada-dataset.tar.gz', received: 0, total: 1000 },
    { received: 400, total: 1000 },
  ]);
  // What came is no archive: it is named by its URL and does not stay.
  expect([...problems.values()].map((p) => p.message)[0]).toMatch(
    /^https:\/\/zenodo\.org\/records\/2630551\/files\/lambada-dataset\.tar\.gz: not a tar\.gz archive/,
  );
  expect(existsSync(archivePath(readCard('lambada-standard').archive!))).toBe(false);
});

test('an aborted pull ends with the reason of the signal', async () => {
  const controller = new AbortController();
  fetched.mockImplementation(async () => {
    controller.abort(new Error('stopped'));
    throw new UserError('whatever');
  });
  await expect(pullSplits(every('gpt3-arithmetic'), { signal: controller.signal })).rejects.toThrow(
    'stopped',
  );
  expect(fetched).toHaveBeenCalledTimes(1);
});
