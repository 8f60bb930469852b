import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { corpusFiles, shardOf } from '../../src/overlap/corpus.ts';
import { readCorpusFile } from '../../src/overlap/read-corpus.ts';
import { LONGEST_WORD } from '../../src/overlap/words.ts';
import { plainWords } from './brute-force.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-corpus-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const vectors = JSON.parse(readFileSync(new URL('../vectors/packed.json', import.meta.url), 'utf8')) as {
  rows: { text: string }[];
  packed: Record<string, string>;
};
const packed = (name: string): Buffer => Buffer.from(vectors.packed[name] as string, 'base64');

function put(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** The words of each document by its number, and the bytes that were told. */
async function read(
  path: string,
  field = 'text',
): Promise<{ words: Record<number, string[]>; told: number }> {
  const words: Record<number, string[]> = {};
  let own: string[] = [];
  let told = 0;
  const bytesOf = new Uint8Array(LONGEST_WORD);
  const [file] = corpusFiles([path]);
  const { documents, bytes } = await readCorpusFile(
    file!,
    field,
    {
      words: bytesOf,
      from: 0,
      onWord: (length) => own.push(Buffer.from(bytesOf.subarray(0, length)).toString()),
      document(number) {
        own = words[number] = [];
      },
    },
    (more) => {
      told += more;
    },
  );
  expect(bytes).toBe(told);
  expect(documents).toBe(Object.keys(words).length);
  return { words, told };
}

const ROWS = Object.fromEntries(vectors.rows.map(({ text }, i) => [i + 1, plainWords(text)]));

describe('documents of every form', () => {
  test.each(['gz', 'bz2', 'zst'])('JSON Lines in .%s, packed by another program', async (kind) => {
    const path = put(`rows.jsonl.${kind}`, packed(kind));
    expect(await read(path)).toEqual({ words: ROWS, told: packed(kind).length });
  });

  test.each(['none', 'snappy', 'zstd'])('Parquet, %s', async (kind) => {
    const content = packed(`parquet ${kind}`);
    expect(await read(put(`${kind}.parquet`, content))).toEqual({ words: ROWS, told: content.length });
  });

  test('a text is one document, whatever pieces it is read in', async () => {
    const text = 'Größe ΑΣ 中文 don’t\n'.repeat(40_000);
    expect((await read(put('long.txt', text))).words).toEqual({ 1: plainWords(text) });
    const twice = Buffer.concat([gzipSync(text), gzipSync('the end')]);
    expect((await read(put('members.txt.gz', twice))).words).toEqual({ 1: plainWords(`${text}the end`) });
  });

  test('lines are counted with the blank ones, the last may lack its end, long ones span pieces', async () => {
    const long = `${'word '.repeat(200_000)}end`;
    const path = put(
      'a.jsonl',
      `\n${JSON.stringify({ body: 'a b' })}\r\n\n${JSON.stringify({ body: long })}`,
    );
    expect((await read(path, 'body')).words).toEqual({ 2: ['a', 'b'], 4: plainWords(long) });
  });

  test('an empty file has no document', async () => {
    expect((await read(put('empty.txt', ''))).words).toEqual({});
  });
});

describe('a broken file is told by name', () => {
  test.each([
    ['cut.jsonl.gz', packed('gz').subarray(0, -20), /cut\.jsonl\.gz: expected gz data/],
    ['cut.jsonl.bz2', packed('bz2').subarray(0, -20), /cut\.jsonl\.bz2: expected bz2 data/],
    ['cut.jsonl.zst', packed('zst').subarray(0, -20), /cut\.jsonl\.zst: expected zst data/],
    ['no.txt.gz', Buffer.from('no gzip'), /no\.txt\.gz: expected gz data/],
    ['none.txt.zst', Buffer.alloc(0), /none\.txt\.zst: expected zst data: found an empty file/],
    ['cut.parquet', packed('parquet none').subarray(0, -9), /cut\.parquet: expected parquet data/],
    ['bad.jsonl', Buffer.from('{"text": "a"}\n{"text":\n'), /bad\.jsonl:2: not JSON/],
    [
      'field.jsonl',
      Buffer.from('{"body": "a"}\n'),
      /field\.jsonl:1: expected a text under "text", found nothing/,
    ],
    [
      'number.jsonl',
      Buffer.from('{"text": 3}\n'),
      /number\.jsonl:1: expected a text under "text", found a number/,
    ],
  ])('%s', async (name, content, message) => {
    await expect(read(put(name, content))).rejects.toThrow(message);
    await expect(read(put(name, content))).rejects.toMatchObject({ name: 'UserError' });
  });

  test('a column that is not there', async () => {
    const path = put('column.parquet', packed('parquet none'));
    await expect(read(path, 'body')).rejects.toThrow(/expected a column "body"/);
  });
});

describe('files of a corpus', () => {
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'b'), { recursive: true });
  for (const name of ['2.txt', '1.jsonl.zst', 'notes.pdf', 'b/3.txt.gz', 'b/x{1}.txt', 'b/.hidden'])
    writeFileSync(join(tree, name), '');
  const paths = (...patterns: string[]): string[] =>
    corpusFiles(patterns.map((p) => join(tree, p))).map(({ path }) => path.slice(tree.length + 1));

  test('a folder has all below it that looks like a corpus', () => {
    expect(paths('')).toEqual(['1.jsonl.zst', '2.txt', 'b/3.txt.gz', 'b/x{1}.txt']);
  });

  test.each([
    ['*.txt', ['2.txt']],
    ['**/*.txt', ['2.txt', 'b/x{1}.txt']],
    ['**/*.{txt.gz,jsonl.zst}', ['1.jsonl.zst', 'b/3.txt.gz']],
    ['?.txt', ['2.txt']],
    ['notes.pdf', ['notes.pdf']],
    ['b/x{1}.txt', ['b/x{1}.txt']],
  ])('%s', (pattern, expected) => {
    expect(paths(pattern)).toEqual(expected);
  });

  test('a file that several patterns name is there once', () => {
    expect(paths('2.txt', '*.txt', 'b')).toEqual(['2.txt', 'b/3.txt.gz', 'b/x{1}.txt']);
  });

  test.each(['nothing', 'no/*.txt', '*.csv'])('%s fits nothing', (pattern) => {
    expect(() => paths(pattern)).toThrow(/expected a file, a folder or a glob/);
  });

  test('shards take every n-th file, each file once', () => {
    const all = paths('');
    const shards = [1, 2, 3].map((i) => shardOf(all, { i, n: 3 }));
    expect(shards.flat().sort()).toEqual(all);
    expect(shards[0]).toEqual(['1.jsonl.zst', 'b/x{1}.txt']);
  });
});

test('a glob is the same however its folder is written', () => {
  const here = mkdtempSync(join(process.cwd(), 'node_modules/.corpus-'));
  try {
    for (const name of ['a.txt', 'b.txt', 'sub/c.txt']) {
      mkdirSync(dirname(join(here, name)), { recursive: true });
      writeFileSync(join(here, name), name);
    }
    const own = relative(process.cwd(), here);
    const found = (pattern: string): string[] =>
      corpusFiles([pattern]).map(({ path }) => relative(own, path));
    for (const folder of [own, `./${own}`, `${own}/../${basename(own)}`, `${own}//`]) {
      expect(found(`${folder}/**/*.txt`)).toEqual(['a.txt', 'b.txt', 'sub/c.txt']);
      expect(found(`${folder}/*`)).toEqual(['a.txt', 'b.txt']);
    }
  } finally {
    rmSync(here, { recursive: true });
  }
});
