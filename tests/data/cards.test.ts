import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cardNames, datasetsFolder, filesOf, parseCard, readCard, sourceOf } from '../../src/data/card.ts';
import { findFile, findSplit, readFound, readSplit } from '../../src/data/split.ts';
import { UserError } from '../../src/errors.ts';
import { tasks } from '../../tasks/index.ts';
import { missing, shared } from '../helpers/shared.ts';

const names = cardNames();
const samples = join(datasetsFolder(), 'samples');
const splits = names.flatMap((name) =>
  Object.entries(readCard(name).splits).map(([split, entry]) => ({ name, split, entry })),
);

describe('cards', () => {
  test.each(names)('%s states what a card states', (name) => {
    const card = readCard(name);
    expect(card.name).toBe(name);
    expect(card.homepage).toMatch(/^https:\/\//);
    for (const text of [card.title, card.licence, card.citation]) expect(text.length).toBeGreaterThan(2);
    expect(Object.keys(card.splits).length).toBeGreaterThan(0);
    const known = [
      'name',
      'title',
      'homepage',
      'licence',
      'citation',
      'notes',
      'archive',
      'request',
      'splits',
    ];
    expect(Object.keys(card).filter((key) => !known.includes(key))).toEqual([]);
  });

  test.each(splits)('$name, $split', ({ name, entry }) => {
    if ('generator' in entry) expect(entry.format).toBe('jsonl');
    if ('generator' in entry || 'columns' in entry) expect(entry.records).toBeGreaterThan(0);
    for (const file of filesOf(entry)) {
      if (file.bundled) {
        expect(existsSync(join(datasetsFolder(), file.file))).toBe(true);
        continue;
      }
      // A fact that is not known is null, never left out.
      const card = readCard(name);
      if (card.request === undefined) expect(sourceOf(card, file)).toMatch(/^https:\/\//);
      else expect(sourceOf(card, file)).toBeUndefined();
      for (const { sha256, bytes, records } of [file, ...(file.copies ?? [])]) {
        if (sha256 !== null) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(bytes === null || Number.isInteger(bytes)).toBe(true);
        expect(sha256 === null).toBe(bytes === null);
        if (!('columns' in entry)) expect(records).toBeGreaterThan(0);
      }
    }
  });

  test('no two splits read the same records', () => {
    const read = splits.map(({ entry }) =>
      'generator' in entry
        ? `${entry.generator}:${entry.set}`
        : filesOf(entry)
            .map(({ file, members }) => [file, members ?? ''].join(' '))
            .join(),
    );
    expect(new Set(read).size).toBe(read.length);
  });

  test('an unknown name is a sentence', () => {
    expect(() => readCard('nope')).toThrow(UserError);
    expect(() => readCard('nope')).toThrow(/^data set "nope": expected a card .*nope\.json, found none$/);
  });
});

describe('a card that is not one is a sentence that names the fact', () => {
  const archive = { url: 'https://a.example/a.zip', format: 'zip', sha256: null, bytes: null };
  const split = { file: 'a/b.jsonl', format: 'jsonl', member: 'x/b.jsonl', sha256: null, bytes: null };
  const card = {
    ...{ name: 'a', title: 'A', homepage: 'https://a.example', licence: 'MIT', citation: 'none' },
    ...{ archive, splits: { test: split } },
  };
  const parse = (change: object): unknown => parseCard('a.json', JSON.stringify({ ...card, ...change }));
  const withSplit = (change: object): object => ({ splits: { test: { ...split, ...change } } });

  test('the card itself is one', () => {
    expect(parse({})).toEqual(card);
  });

  test.each<[string, object, string]>([
    ['no licence', { licence: undefined }, '"licence" expected a text, found nothing'],
    ['a list', { splits: [] }, '"splits" expected an object of splits, found []'],
    [
      'another archive',
      { archive: { ...archive, format: 'rar' } },
      '"archive.format" expected "zip" or "tar.gz", found "rar"',
    ],
    ['no hash', { archive: { url: archive.url, format: 'zip' } }, '"archive.sha256" expected 64 hexa'],
    ['plain http', { archive: { ...archive, url: 'http://a' } }, '"archive.url" expected an https URL'],
    ['no archive', { archive: undefined }, '"splits.test.member" expected an "archive" in the card'],
    ['both', withSplit({ url: 'https://a.example/b' }), '"splits.test.url" expected nothing beside "member"'],
    ['a way out', withSplit({ file: '../b' }), '"splits.test.file" expected a relative path without ".."'],
    ['another', withSplit({ member: '/etc/passwd' }), '"splits.test.member" expected a relative path'],
    ['a short hash', withSplit({ sha256: 'abc' }), '"splits.test.sha256" expected 64 hexadecimal digits'],
    ['half a byte', withSplit({ bytes: 0.5 }), '"splits.test.bytes" expected a number of bytes or null'],
    [
      'another format',
      withSplit({ format: 'xml' }),
      '"splits.test.format" expected one of jsonl, json, lines, blocks, text, tsv, csv, sgm, tar, parquet, found "xml"',
    ],
  ])('%s', (_, change, message) => {
    expect(() => parse(change)).toThrow(UserError);
    expect(() => parse(change)).toThrow(`a.json: ${message}`);
  });

  test('no JSON', () => {
    expect(() => parseCard('a.json', '{')).toThrow(/^a\.json: not JSON: /);
  });
});

describe('tasks and cards fit', () => {
  test.each(tasks.map((task) => ({ name: task.name, task })))('$name', ({ task }) => {
    const card = readCard(task.dataset);
    expect(Object.keys(card.splits)).toEqual(expect.arrayContaining([task.split, ...task.shotSplits]));
    expect(findSplit(card, task.split, [samples])).toBeDefined();
    expect(() => findSplit(card, 'nope', [samples])).toThrow(`card ${card.name} has no split nope`);
  });

  test('every card and every split is used by a task', () => {
    const used = tasks.flatMap((t) => [t.split, ...t.shotSplits].map((split) => `${t.dataset} ${split}`));
    expect(
      splits.map(({ name, split }) => `${name} ${split}`).filter((split) => !used.includes(split)),
    ).toEqual([]);
  });
});

// The published files, where a developer has them: the cards' facts are true.
const data = join(shared, 'data');
const absent = missing(data);
test.skipIf(absent !== undefined)(
  `published files are as their cards say${absent ? ` (${absent})` : ''}`,
  async () => {
    let found = 0;
    for (const { name, split, entry } of splits) {
      const card = readCard(name);
      if ('generator' in entry || findSplit(card, split, [data]) === undefined) continue;
      // A copy whose publisher's hash is not known may be a part: WNLI's training set is.
      if (filesOf(entry).some(({ sha256 }) => sha256 === null)) continue;
      for (const file of filesOf(entry)) {
        const { facts, path } = findFile(file, [data])!;
        if (!path.startsWith(data)) continue;
        found++;
        const { records, sha256 } = await readFound(name, { facts, path });
        expect(sha256, path).toBe(facts.sha256);
        expect(records.length, path).toBe(facts.records ?? entry.records);
        expect(statSync(path).size).toBe(facts.bytes);
      }
      const { records, warnings } = await readSplit(card, split, [data]);
      expect(warnings).toEqual([]);
      for (const task of tasks.filter(
        (t) => t.dataset === name && [t.split, ...t.shotSplits].includes(split),
      )) {
        const ids = records.flatMap(task.decode).map((example) => example.id);
        expect(new Set(ids).size).toBe(ids.length);
      }
    }
    expect(found).toBeGreaterThan(0);
  },
  120_000,
);
