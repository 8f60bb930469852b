import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DatasetCard, datasetsFolder, readCard } from '../../src/data/card.ts';
import { dataFolders, findSplit, readSplit } from '../../src/data/split.ts';
import { UserError } from '../../src/errors.ts';

const samples = join(datasetsFolder(), 'samples');
const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalgpt-split-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file below a data folder of its own and gives the folder. */
function dataFolder(name: string, file: string, text: string): string {
  const path = join(folder, name, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return join(folder, name);
}

const TEXT = '{"text":"one two"}\n{"text":"three four"}\n';
const card: DatasetCard = {
  name: 'made',
  title: 'Made for a test',
  homepage: 'https://example.org',
  licence: 'MIT',
  citation: 'none',
  splits: {
    test: {
      file: 'made/test.jsonl',
      format: 'jsonl',
      url: 'https://example.org/test.jsonl',
      sha256: sha256(TEXT),
      bytes: TEXT.length,
      records: 2,
    },
    unknown: { file: 'made/test.jsonl', format: 'jsonl', sha256: null, bytes: null },
  },
};

describe('dataFolders', () => {
  test('those of EVALGPT_DATA in order, then the cache', () => {
    expect(dataFolders({ EVALGPT_DATA: ['/a', '', '/b'].join(delimiter), EVALGPT_CACHE: '/c' })).toEqual([
      ...['/a', '/b'],
      join('/c', 'data'),
    ]);
    expect(dataFolders({ XDG_CACHE_HOME: '/x' })).toEqual([join('/x', 'evalgpt', 'data')]);
    expect(dataFolders({})).toEqual([expect.stringMatching(/\.cache[\\/]evalgpt[\\/]data$/)]);
  });
});

describe('readSplit', () => {
  test('the published file: its records, its hash, no warning', async () => {
    const at = dataFolder('right', 'made/test.jsonl', TEXT);
    const split = await readSplit(card, 'test', [at]);
    expect(split.records.map((r) => r.string('text'))).toEqual(['one two', 'three four']);
    expect(split).toMatchObject({ sha256: sha256(TEXT), warnings: [] });
  });

  test('the first folder that has the file wins', async () => {
    const [first, second] = ['first', 'second'].map((name) =>
      dataFolder(name, 'made/test.jsonl', `{"text":"${name}"}\n`),
    ) as [string, string];
    const text = async (folders: string[]): Promise<string> =>
      (await readSplit(card, 'unknown', folders)).records[0]!.string('text');
    expect(await text([first, second])).toBe('first');
    expect(await text([join(folder, 'none'), second, first])).toBe('second');
    expect(findSplit(card, 'test', [join(folder, 'none')])).toBeUndefined();
  });

  test('another file of that name is read with a warning that says both hashes', async () => {
    const same = dataFolder('crlf', 'made/test.jsonl', TEXT.replaceAll('\n', '\r\n'));
    const [short] = [sha256(TEXT).slice(0, 12)];
    const found = await readSplit(card, 'test', [same]);
    expect(found.records).toHaveLength(2);
    expect(found.warnings).toEqual([
      `made test: not the published file (sha256 ${found.sha256.slice(0, 12)}… instead of ${short}…): scores may not compare`,
    ]);
    const more = dataFolder('more', 'made/test.jsonl', `${TEXT}{"text":"five six"}\n`);
    expect((await readSplit(card, 'test', [more])).warnings[0]).toContain(
      '… and 3 records instead of 2): scores',
    );
    expect((await readSplit(card, 'unknown', [more])).warnings).toEqual([]);
  });

  test('the samples are told from the published files', async () => {
    const { warnings } = await readSplit(readCard('anli-r1'), 'test', [samples]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^anli-r1 test: not the published file \(sha256 .* and 12 records instead of 1000\)/,
    );
    expect((await readSplit(readCard('demo-lambada'), 'test', [])).warnings).toEqual([]);
  });

  test('a missing file: where it was looked for, where it is published, what to do', async () => {
    await expect(readSplit(card, 'test', ['/no/a', '/no/b'])).rejects.toThrow(
      new UserError(
        'data set "made": expected its test split as made/test.jsonl in /no/a or /no/b, found none: `evalgpt data pull made` fetches it from https://example.org/test.jsonl, or set EVALGPT_DATA to a folder that holds it',
      ),
    );
    await expect(readSplit(card, 'unknown', ['/no/a'])).rejects.toThrow(/to a folder that holds it$/);
  });

  test('malformed and empty files name themselves', async () => {
    const at = dataFolder('broken', 'made/test.jsonl', `${TEXT}{"text":\n`);
    await expect(readSplit(card, 'test', [at])).rejects.toThrow(UserError);
    await expect(readSplit(card, 'test', [at])).rejects.toThrow(`${join(at, 'made/test.jsonl')}:3: not JSON`);
    const empty = dataFolder('empty', 'made/test.jsonl', '\n\n');
    await expect(readSplit(card, 'test', [empty])).rejects.toThrow(
      new UserError(`${join(empty, 'made/test.jsonl')}: expected 2 records, found none`),
    );
  });

  test('a generated split needs no folder and has the hash of its lines', async () => {
    const generated = readCard('arithmetic-generated');
    const split = await readSplit(generated, 'two_digit_addition', []);
    expect(findSplit(generated, 'two_digit_addition', [])).toBe('arithmetic:two_digit_addition');
    expect(split.records).toHaveLength(2000);
    expect(split.sha256).toBe(sha256(split.records.map((r) => `${r.text}\n`).join('')));
    expect(split.warnings).toEqual([]);
  });

  test('the arithmetic samples are the first problems of the generator', async () => {
    const [published, generated] = [readCard('gpt3-arithmetic'), readCard('arithmetic-generated')];
    expect(Object.keys(published.splits)).toEqual(expect.arrayContaining(Object.keys(generated.splits)));
    for (const name of Object.keys(generated.splits)) {
      const sample = (await readSplit(published, name, [samples])).records.map((r) => r.text);
      const made = (await readSplit(generated, name, [])).records.map((r) => r.text);
      expect(sample).toEqual(made.slice(0, 40));
    }
  });
});
