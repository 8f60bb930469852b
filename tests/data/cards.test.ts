import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cardNames, datasetsFolder, parseCard, readCard, sourceOf } from '../../src/data/card.ts';
import { findSplit, readSplit } from '../../src/data/split.ts';
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
    const known = ['name', 'title', 'homepage', 'licence', 'citation', 'notes', 'archive', 'splits'];
    expect(Object.keys(card).filter((key) => !known.includes(key))).toEqual([]);
  });

  test.each(splits)('$name, $split', ({ name, entry }) => {
    expect(['jsonl', 'lines', 'tsv']).toContain(entry.format);
    if ('generator' in entry) {
      expect(entry.records).toBe(2000);
      return;
    }
    expect(entry.file).toMatch(/^[\w./-]+\.(jsonl|txt|tsv|jsonl\.gz)$/);
    expect(entry.file).not.toContain('..');
    if (entry.bundled) {
      expect(existsSync(join(datasetsFolder(), entry.file))).toBe(true);
      return;
    }
    // A fact that is not known is null, never left out.
    expect(sourceOf(readCard(name), entry)).toMatch(/^https:\/\//);
    if (entry.sha256 !== null) expect(entry.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(entry.bytes === null || Number.isInteger(entry.bytes)).toBe(true);
    expect(entry.sha256 === null).toBe(entry.bytes === null);
    expect(entry.records).toBeGreaterThan(0);
  });

  test('no two splits read the same file', () => {
    const files = splits.flatMap(({ entry }) =>
      'file' in entry ? [entry.file] : [`${entry.generator}:${entry.set}`],
    );
    expect(new Set(files).size).toBe(files.length);
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
      withSplit({ format: 'csv' }),
      '"splits.test.format" expected one of jsonl, lines, tsv',
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
      if (!('file' in entry) || entry.bundled || findSplit(card, split, [data]) === undefined) continue;
      found++;
      const { records, sha256, warnings } = await readSplit(card, split, [data]);
      expect(sha256).toBe(entry.sha256);
      expect(records).toHaveLength(entry.records!);
      expect(readFileSync(join(data, entry.file))).toHaveLength(entry.bytes!);
      expect(warnings).toEqual([]);
      for (const task of tasks.filter(
        (t) => t.dataset === name && [t.split, ...t.shotSplits].includes(split),
      )) {
        const ids = records.flatMap(task.decode).map((example) => example.id);
        expect(ids.length).toBeGreaterThanOrEqual(records.length);
        expect(new Set(ids).size).toBe(ids.length);
      }
    }
    expect(found).toBeGreaterThan(0);
  },
);
