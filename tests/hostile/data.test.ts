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
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { openTaskFiles } from '../../src/custom/open.ts';
import type { RecordFormat } from '../../src/data/card.ts';
import { decodeFile } from '../../src/data/decode.ts';
import { unpack } from '../../src/data/unpack.ts';
import { readSpecFile } from '../../src/store/spec-file.ts';
import type { Task } from '../../src/task.ts';
import { tasks } from '../../tasks/index.ts';
import { type MadeMember, makeTarGz, makeZip } from '../helpers/archives.ts';
import { CASES, fuzz, jsonText, mutatedBytes, mutatedJson, nested, peakMiB, refuses } from './fuzz.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-hostile-data-'));
const before = peakMiB();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { packed } = JSON.parse(readFileSync(new URL('../vectors/packed.json', import.meta.url), 'utf8')) as {
  packed: Record<string, string>;
};

const ROWS = Array.from({ length: 6 }, (_, i) => ({
  id: `row ${i}`,
  text: `The ${i}th "text", with commas; a\ttab, and naïve 漢字 😀.`,
  number: i,
  right: i % 2 === 0,
  parts: ['a', 'b'],
  nested: { label: 'x', inner: [{ deep: 1 }] },
}));
const TABLE =
  'id,context,choices,answer\n1,"Two, and two?",four|five,0\n2,"A ""b""\nc?",x|y|z,y\n3,d,1|2,1\n';

/** Every way of looking at a record's fields, as tasks do. */
const LOOKS = ['string', 'count', 'flag', 'strings', 'lists', 'object', 'objects', 'json'] as const;

/** Decodes, and looks at every field of every record in every way: each gives a value of its kind or refuses. */
async function decode(path: string, bytes: Buffer, format: RecordFormat, more: object = {}): Promise<void> {
  for (const record of await decodeFile(path, bytes, { format, ...more })) {
    expect(typeof record.text).toBe('string');
    for (const key of record.keys()) for (const look of LOOKS) await refuses(() => record[look](key));
    await refuses(() => record.entries());
    await refuses(() => record.oneOf('id', ['row 1']));
  }
}

describe('files of records', () => {
  const jsonl = ROWS.map((row) => `${JSON.stringify(row)}\n`).join('');
  const tsv = `id\ttext\tright\n${ROWS.map((row) => `${row.id}\t${row.text.replace('\t', ' ')}\t${row.right}\n`).join('')}`;
  const sgm = `<srcset setid="x" srclang="any">\n<doc docid="1">\n${ROWS.map((row, i) => `<seg id="${i}">${row.text}</seg>\n`).join('')}</doc>\n</srcset>\n`;
  test.each([
    ['jsonl', 'f.jsonl', jsonl, {}],
    ['json', 'f.json', JSON.stringify({ data: ROWS }), {}],
    ['csv', 'f.csv', TABLE, {}],
    ['tsv', 'f.tsv', tsv, {}],
    ['tsv', 'f.tsv', tsv, { header: ['a', 'b', 'c'] }],
    ['sgm', 'f.sgm', sgm, {}],
    ['lines', 'f.txt', 'one\ntwo\nthree\nfour\n', { each: 2 }],
    ['blocks', 'f.txt', 'one\ntwo\n\nthree\n\n\nfour\n', {}],
    ['text', 'f.txt', 'one text', {}],
    ['jsonl', 'f.jsonl.gz', gzipSync(jsonl), {}],
    ['jsonl', 'f.jsonl.bz2', Buffer.from(packed.bz2!, 'base64'), {}],
    ['jsonl', 'f.jsonl.zst', Buffer.from(packed.zst!, 'base64'), {}],
    [
      'tar',
      'f.tar.gz',
      makeTarGz([
        { path: 'a/1.json', content: '{"id": 1}' },
        { path: 'a/2.json', content: '{"id": 2}' },
      ]),
      { members: 'a/' },
    ],
  ] as const)('%s in %s', async (format, path, content, more) => {
    await fuzz(
      `${format} in ${path}`,
      mutatedBytes(Buffer.from(content)),
      (changed) => decode(path, changed, format, more),
      3 * CASES,
    );
  });

  test('values of other kinds', async () => {
    await fuzz('jsonl values', mutatedJson(ROWS), async (rows) => {
      const lines = Array.isArray(rows) ? rows.map(jsonText) : [jsonText(rows)];
      await decode('f.jsonl', Buffer.from(lines.join('\n')), 'jsonl');
      await decode('f.json', Buffer.from(jsonText(rows)), 'json');
    });
  });

  test('any text at all', async () => {
    await fuzz(
      'any text',
      fc.tuple(
        fc.constantFrom('jsonl', 'json', 'csv', 'tsv', 'sgm', 'lines', 'blocks', 'text'),
        fc.string({ unit: 'binary', maxLength: 200 }),
      ),
      ([format, text]) => decode(`f.${format}`, Buffer.from(text), format as RecordFormat),
      3 * CASES,
    );
  });

  test.each(Object.keys(packed).filter((name) => name.startsWith('parquet')))('%s', async (name) => {
    const bytes = Buffer.from(packed[name]!, 'base64');
    await fuzz(name, mutatedBytes(bytes), (changed) => decode('f.parquet', changed, 'parquet'), 3 * CASES);
  });
});

describe('bundled tasks on records of other shapes', () => {
  // A task decodes what its card's format gives: any record it does not refuse must make an example.
  test('every task', async () => {
    const strange = mutatedJson(ROWS[0]);
    await fuzz(
      'records for tasks',
      fc.tuple(fc.constantFrom(...tasks), strange),
      async ([task, value]) => {
        const [record] = await decodeFile('f.jsonl', Buffer.from(jsonText(value)), { format: 'jsonl' });
        if (record) expect(task.decode(record)).toBeDefined();
      },
      4 * CASES,
    );
  });
});

describe('files of the user', () => {
  test('tables of items', async () => {
    const path = join(folder, 'own.csv');
    const lines = join(folder, 'own.jsonl');
    // `1` of `1|2` could be a choice or its number, and would be refused unchanged.
    const plain = TABLE.replace('1|2,1', 'p|q,1');
    const tally = await fuzz(
      'table bytes',
      mutatedBytes(Buffer.from(plain)),
      async (changed) => {
        writeFileSync(path, changed);
        const task = (await openTaskFiles([path]))[0] as Task;
        for (const record of task.file?.data?.scored.records ?? []) {
          const { choices, answer } = task.decode(record) as unknown as {
            choices: string[];
            answer: number;
          };
          expect(choices.every((choice) => choice.trim() === choice && choice !== '')).toBe(true);
          expect(choices[answer]).toBeDefined();
        }
      },
      3 * CASES,
    );
    expect(tally.read).toBeGreaterThan(tally.cases / 20);
    const items = [
      { id: 'a', context: 'Two and two?', choices: ['four', 'five'], answer: 0 },
      { id: 'b', context: 'One and two?', choices: ['three', 'five'], answer: 'three' },
    ];
    await fuzz(
      'table JSON',
      mutatedJson(items),
      async (changed) => {
        writeFileSync(lines, (Array.isArray(changed) ? changed : [changed]).map(jsonText).join('\n'));
        const task = (await openTaskFiles([lines]))[0] as Task;
        for (const record of task.file?.data?.scored.records ?? []) {
          const { choices, answer } = task.decode(record) as unknown as {
            choices: string[];
            answer: number;
          };
          expect(Number.isInteger(answer) && answer >= 0 && answer < choices.length).toBe(true);
          expect(choices.every((choice) => typeof choice === 'string' && choice !== '')).toBe(true);
        }
      },
      2 * CASES,
    );
  });

  test('specs', async () => {
    const path = join(folder, 'spec.json');
    const spec = {
      ...{
        models: ['demo-small', { ref: 'x', sha256: 'abc' }],
        tasks: ['demo-qa', { name: 'y', dataset_sha256: '1', file: 'y.csv', file_sha256: '2' }],
      },
      ...{
        shots: [0, 'max'],
        protocol: null,
        draw: 'fixed',
        draws: 2,
        limit: 5,
        seed: 1,
        device: 'cpu',
        dtype: 'fp32',
        threads: 1,
      },
      ...{ overflow: 'skip', texts: ['a.txt'], taskFiles: [], stride: null, overlap: [], revision: null },
    };
    const read = (text: string | Buffer): Promise<unknown> => {
      writeFileSync(path, text);
      return readSpecFile(path);
    };
    await fuzz('spec bytes', mutatedBytes(Buffer.from(JSON.stringify(spec))), read);
    await fuzz('spec JSON', mutatedJson(spec), (v) => read(jsonText(v)));
    await fuzz('run.json as spec', mutatedJson({ spec, format: 1 }), (v) => read(jsonText(v)));
    expect(await refuses(() => read(nested(300)))).toBe(true);
  });
});

describe('archives', () => {
  const members: MadeMember[] = [
    { path: 'in/a.txt', content: 'a'.repeat(3000) },
    { path: 'in/b.txt', content: 'bcd'.repeat(500) },
    { path: 'in/c', link: '/etc/passwd' },
  ];
  const paths = fc.constantFrom(
    'in/a.txt',
    './in/a.txt',
    '../out.txt',
    '/abs.txt',
    'C:\\x',
    'in/../../up',
    'in\\..\\up',
    '',
    '.',
    'in/',
    'x'.repeat(300),
    'in/\u0000a.txt',
  );
  const hostile: fc.Arbitrary<MadeMember[]> = fc.array(
    fc.record(
      {
        path: paths,
        content: fc.string({ maxLength: 50 }),
        link: fc.constantFrom('/etc/passwd', '../../up', 'in/a.txt'),
        claims: fc.constantFrom(0, 1, 2 ** 31 - 1),
      },
      { requiredKeys: ['path'] },
    ),
    { maxLength: 5 },
  );
  test.each([
    ['zip', makeZip],
    ['tar.gz', makeTarGz],
  ] as const)('%s', async (format, make) => {
    const own = join(folder, format);
    mkdirSync(own, { recursive: true });
    const path = join(own, `f.${format}`);
    const take = async (bytes: Buffer): Promise<void> => {
      writeFileSync(path, bytes);
      rmSync(join(own, 'out'), { recursive: true, force: true });
      try {
        await unpack(
          { path, format },
          ['a', 'b', 'c'].map((name) => ({
            path: name === 'c' ? 'in/c' : `in/${name}.txt`,
            target: join(own, 'out', name),
          })),
          { mostBytes: 10_000, mostInAll: 100_000 },
        );
      } finally {
        // Nothing but what was asked for is written, and nothing is left half done.
        expect(readdirSync(own).filter((name) => name !== 'out')).toEqual([`f.${format}`]);
        const out = existsSync(join(own, 'out')) ? readdirSync(join(own, 'out')) : [];
        expect(out.filter((name) => !['a', 'b'].includes(name))).toEqual([]);
        expect(existsSync(join(folder, 'up')) || existsSync(join(folder, 'out.txt'))).toBe(false);
      }
    };
    await fuzz(`${format} bytes`, mutatedBytes(make(members)), take, 2 * CASES);
    await fuzz(`${format} members`, hostile.map(make), take, 2 * CASES);
  });
});

test('nothing of it took much memory', () => {
  expect(peakMiB() - before).toBeLessThan(700);
});
