import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { RecordFormat } from '../../src/data/card.ts';
import { decodeFile } from '../../src/data/decode.ts';
import { unpacked } from '../../src/data/decompress.ts';
import { type DataRecord, parallelRecords } from '../../src/data/records.ts';
import { UserError } from '../../src/errors.ts';
import { makeTarGz } from '../helpers/archives.ts';

const vectors = JSON.parse(
  readFileSync(fileURLToPath(new URL('../vectors/packed.json', import.meta.url)), 'utf8'),
) as { rows: Record<string, unknown>[]; packed: Record<string, string> };

const decode = (
  path: string,
  content: string | Buffer,
  format: RecordFormat,
  members?: string,
): Promise<DataRecord[]> =>
  decodeFile(path, Buffer.from(content), { format, ...(members === undefined ? {} : { members }) });

function expectRows(records: readonly DataRecord[]): void {
  expect(
    records.map((r) => ({
      id: r.string('id'),
      text: r.string('text'),
      number: r.count('number'),
      right: r.flag('right'),
      parts: r.strings('parts'),
      nested: { label: r.object('nested').string('label') },
    })),
  ).toEqual(vectors.rows);
}

describe('packed files', () => {
  test.each(['gz', 'bz2', 'zst'])('.%s', async (kind) => {
    const bytes = Buffer.from(vectors.packed[kind]!, 'base64');
    expectRows(await decode(`f.jsonl.${kind}`, bytes, 'jsonl'));
    for (const wrong of [bytes.subarray(0, bytes.length - 8), Buffer.from('no such data'), Buffer.alloc(0)]) {
      await expect(decode(`f.jsonl.${kind}`, wrong, 'jsonl'), `${wrong.length} bytes`).rejects.toThrow(
        new RegExp(`^f\\.jsonl\\.${kind}: expected ${kind} data: `),
      );
    }
  });

  test.each(['gz', 'bz2', 'zst'])('.%s that unpacks to more than may be is refused', async (kind) => {
    const bytes = Buffer.from(vectors.packed[kind]!, 'base64');
    const { length } = await unpacked(`f.${kind}`, bytes);
    await unpacked(`f.${kind}`, bytes, length);
    await expect(unpacked(`f.${kind}`, bytes, length - 1)).rejects.toThrow(
      /^f\.\w+: expected \w+ data: .*larger|more/,
    );
  });

  test.each(Object.keys(vectors.packed).filter((name) => name.startsWith('parquet')))('%s', async (name) => {
    const bytes = Buffer.from(vectors.packed[name]!, 'base64');
    // As a piece of a larger buffer, which small reads are.
    const shifted = Buffer.concat([Buffer.from('xyz'), bytes]).subarray(3);
    expectRows(await decode('f.parquet', shifted, 'parquet'));
    await expect(decode('f.parquet', bytes.subarray(0, 200), 'parquet')).rejects.toThrow(
      /^f\.parquet: expected a parquet file: /,
    );
  });

  test('a row is named by its number', async () => {
    const records = await decode(
      'f.parquet',
      Buffer.from(vectors.packed['parquet none']!, 'base64'),
      'parquet',
    );
    expect(() => records[6]!.count('id')).toThrow(
      new UserError('f.parquet: row 7: "id" expected a whole number, found "row 6"'),
    );
  });
});

describe('JSON documents', () => {
  test.each<[string, string, [string, string][]]>([
    ['a list', '[{"a":"x"},{"a":"y"}]', [['', 'x'], ['', 'y']]], // biome-ignore format: a table
    ['a list under "data"', '{"version":1,"data":[{"a":"x"}]}', [['', 'x']]],
    ['entries', '{"p 1":{"a":"x"},"p 2":{"a":"y"}}', [['p 1', 'x'], ['p 2', 'y']]], // biome-ignore format: a table
  ])('%s', async (_, text, wanted) => {
    const records = await decode('f.json', text, 'json');
    expect(records.map((r) => [r.text, r.string('a')])).toEqual(wanted);
  });

  test.each<[string, string, RegExp]>([
    ['no JSON', '{"data":[', /^f\.json: not JSON: /],
    ['a number', '7', /^f\.json: expected a JSON list or object, found 7$/],
    ['data of another kind', '{"data":"x"}', /^f\.json: expected a JSON list or object, found "x"$/],
    ['an item', '{"data":[{"a":"x"},3]}', /^f\.json: data\[1\]: expected an object, found 3$/],
    ['an entry', '{"k":[]}', /^f\.json: "k": expected an object, found \[\]$/],
  ])('%s is a sentence', async (_, text, message) => {
    await expect(decode('f.json', text, 'json')).rejects.toThrow(message);
  });

  test('an error names the way to the value', async () => {
    const text = '{"data":[{"paragraphs":[{"qas":[{"id":"1"},{"id":2}]}]}]}';
    const [record] = await decode('f.json', text, 'json');
    expect(() => record!.objects('paragraphs')[0]!.objects('qas')[1]!.string('id')).toThrow(
      new UserError('f.json: data[0]: "paragraphs[0].qas[1].id" expected a string, found 2'),
    );
    expect(() => record!.lists('paragraphs')).toThrow(/"paragraphs" expected a list of lists of strings/);
    expect(record!.has('paragraphs')).toBe(true);
    expect(record!.has('toString')).toBe(false);
  });
});

test('blocks: texts between blank lines, named by their first line', async () => {
  const records = await decode('f.txt', '\n1 a\n2 b\r\n\n \n1 c\n', 'blocks');
  expect(records.map((r) => [r.line, r.text])).toEqual([
    [2, '1 a\n2 b'],
    [6, '1 c'],
  ]);
});

describe('segments', () => {
  test('of a WMT file, which is no XML', async () => {
    const text =
      '<refset trglang="en">\n<doc sysid="ref">\n<p>\n<seg id="1">Bread & butter </seg>\n<seg id="2">5 < 6</seg>\n</p>\n</doc>\n</refset>\n';
    const records = await decode('f.sgm', text, 'sgm');
    expect(records.map((r) => [r.line, r.text])).toEqual([
      [4, 'Bread & butter'],
      [5, '5 < 6'],
    ]);
  });

  test('a segment that is cut is named', async () => {
    await expect(decode('f.sgm', '<seg id="1">one\ntwo</seg>\n', 'sgm')).rejects.toThrow(
      /^f\.sgm:1: expected a whole segment on a line, found "<seg id/,
    );
  });
});

describe('members of an archive', () => {
  const tar = makeTarGz([
    { path: 'RACE/test/high/2.txt', content: Buffer.from('{"a":"two"}') },
    { path: 'RACE/test/middle/1.txt', content: Buffer.from('{"a":"other"}') },
    { path: 'RACE/test/high/1.txt', content: Buffer.from('{"a":"one"}') },
  ]);

  test('in the order of their names', async () => {
    const records = await decode('f.tar.gz', tar, 'tar', 'RACE/test/high/');
    expect(records.map((r) => r.string('a'))).toEqual(['one', 'two']);
  });

  test('errors name archive and member', async () => {
    const broken = makeTarGz([{ path: 'x/1.txt', content: Buffer.from('{"a":') }]);
    await expect(decode('f.tar.gz', broken, 'tar', 'x/')).rejects.toThrow(
      /^f\.tar\.gz: x\/1\.txt: not JSON: /,
    );
    const [record] = await decode('f.tar.gz', tar, 'tar', 'RACE/test/high/');
    expect(() => record!.string('b')).toThrow(/^f\.tar\.gz: RACE\/test\/high\/1\.txt: "b" expected a string/);
    await expect(decode('f.tar', Buffer.alloc(600, 7), 'tar')).rejects.toThrow(
      /^f\.tar: expected a tar archive/,
    );
  });
});

describe('files side by side', () => {
  test('a record has a text from each', async () => {
    const columns = {
      en: { path: 'f.en', records: await decode('f.en', 'one\ntwo\n', 'lines') },
      de: { path: 'f.de', records: await decode('f.de', 'eins\nzwei\n', 'lines') },
    };
    const records = parallelRecords(columns);
    expect(records.map((r) => [r.line, r.string('en'), r.string('de')])).toEqual([
      [1, 'one', 'eins'],
      [2, 'two', 'zwei'],
    ]);
    expect(() => records[1]!.string('fr')).toThrow('f.en:2: "fr" expected a string, found nothing');
  });

  test('of different lengths are a sentence', async () => {
    const columns = {
      en: { path: 'f.en', records: await decode('f.en', 'one\ntwo\n', 'lines') },
      de: { path: 'f.de', records: await decode('f.de', 'eins\n', 'lines') },
    };
    expect(() => parallelRecords(columns)).toThrow(
      new UserError('f.de: expected 2 texts, as many as f.en has, found 1'),
    );
  });
});
