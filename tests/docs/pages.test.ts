import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { exportsOf } from '../../.github/docs/pages/api.ts';
import { formatDeclarations } from '../../.github/docs/pages/formats.ts';
import { pages } from '../../.github/docs/pages/index.ts';
import { PAPERS } from '../../.github/docs/pages/paper-tables.ts';
import { type Declaration, openSources } from '../../.github/docs/pages/source.ts';
import { commands } from '../../src/cli/commands.ts';
import { definitionOf } from '../../src/cli/definitions.ts';
import { selectTasks } from '../../src/evaluate/load.ts';
import { readFigures } from '../../src/published/read.ts';
import type { ProtocolName } from '../../src/types.ts';

describe("pages made from the code's own definitions", () => {
  test.each(Object.entries(pages()))('%s is as the code says; npm run docs makes it so', (name, text) => {
    const path = fileURLToPath(new URL(`../../.github/docs/${name}`, import.meta.url));
    if (process.env.EVALGPT_GOLDEN) writeFileSync(path, text);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});

describe('the reference', () => {
  const sources = openSources();
  afterAll(() => sources.close());
  const exported = exportsOf(sources);
  const formats = formatDeclarations(sources).flatMap(({ declarations }) => declarations);
  const field = (own: Declaration | undefined, name: string): unknown =>
    own?.fields.find((one) => one.name === name);

  test.each(exported)('$name, which the package exports, has a docstring', ({ doc, code, name }) => {
    expect(doc.length, name).toBeGreaterThan(20);
    expect(code).toContain(name);
  });

  test('every name of src/index.ts is there', () => {
    const index = readFileSync(fileURLToPath(new URL('../../src/index.ts', import.meta.url)), 'utf8');
    const names = [...index.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = '']) => list.split(','));
    expect(exported.map(({ name }) => name).sort()).toEqual(
      names
        .map((name) => name.replace(/^\s*type /, '').trim())
        .filter((name) => name !== '')
        .sort(),
    );
  });

  test.each(formats)('$name of $file is described', ({ doc, fields, code, name }) => {
    expect(doc, name).not.toBe('');
    if (code.startsWith('interface')) expect(fields.length).toBeGreaterThan(0);
  });

  test('fields are read with their types and docstrings', () => {
    const of = (name: string): Declaration | undefined => formats.find((one) => one.name === name);
    expect(field(of('PairScore'), 'truncated')).toEqual({
      name: 'truncated',
      optional: true,
      type: 'number',
      doc: 'Tokens cut from the left to fit the window; left out where none.',
    });
    expect(field(of('RunSpec'), 'shots')).toMatchObject({ optional: false, type: "(number | 'max')[]" });
    expect(of('FileSplit')?.inherits).toEqual(['FileFacts']);
    expect(of('Sample')?.fields).toHaveLength(17);
    expect(() => sources.declaration('src/types.ts', 'Nothing')).toThrow(/expected a declaration of Nothing/);
  });

  test('functions show their signatures, not their bodies', () => {
    const evaluate = exported.find(({ name }) => name === 'evaluate');
    expect(evaluate?.code).toMatch(/^function evaluate\(\n {2}spec: .*\n\): Promise<RunRecord>$/s);
    expect(exported.find(({ name }) => name === 'DEFAULT_SPEC')?.code).toBe(
      "const DEFAULT_SPEC: Omit<RunSpec, 'models'>",
    );
  });

  test('the page of the command line has every command and option', () => {
    const page = pages()['reference/cli.md'] ?? '';
    for (const own of commands.map(definitionOf)) {
      const [section = ''] = page.slice(page.indexOf(`## ${own.name}\n`)).split(/\n## /);
      for (const option of own.options) expect(section).toContain(`| \`--${option.name}\` |`);
      for (const [line] of own.examples) expect(section).toContain(line.replace(/^.*\| /, ''));
    }
  });
});

describe("the papers' tables", () => {
  const tables = PAPERS.flatMap((paper) =>
    paper.tables.map((own) => ({ paper: paper.name.slice(0, 5), ...own })),
  );
  const rows = tables.flatMap((own) => own.rows.map((row) => ({ where: own.where, ...row })));
  const option = (command: string, name: string): string | undefined =>
    new RegExp(`--${name} (\\S+)`).exec(command)?.[1];
  const tasksOf = (command: string): ReturnType<typeof selectTasks> =>
    selectTasks((option(command, 'tasks') ?? '').split(','));

  test.each(rows.filter(({ command }) => command !== undefined))(
    '$where, $row: its tasks have that wording and metric',
    ({ command = '', metric = '' }) => {
      const tasks = tasksOf(command);
      expect(tasks.length).toBeGreaterThan(0);
      if (!command.startsWith('run ')) return;
      const asked = option(command, 'protocol') as ProtocolName | undefined;
      const measured = tasks.flatMap((task) => {
        const protocol = task.protocols[asked ?? task.protocol];
        expect(protocol, `${task.name} under ${asked}`).toBeDefined();
        return protocol?.metrics ?? [];
      });
      for (const name of metric.split(/ of |, /).filter((text) => /^[a-z]+[0-9_a-zA-Z]*$/.test(text)))
        if (!['clean', 'dirty'].includes(name)) expect(measured).toContain(name);
    },
  );

  test('a row without a command says why', () => {
    for (const { command, note, row } of rows) expect(command ?? note, row).toBeDefined();
  });

  test('no published figure of a paper is without its row', () => {
    const covered = (source: string, where: string, key: string): boolean =>
      tables.some(
        (own) =>
          own.paper === source.slice(0, 5) &&
          (own.where === where || /section/.test(where)) &&
          own.rows.some(
            ({ command }) => command !== undefined && tasksOf(command).some((task) => task.published === key),
          ),
      );
    const papers = readFigures().filter(({ source }) => source.startsWith('GPT-'));
    const missing = papers.filter(
      ({ source, where, task }) =>
        where !== 'Table C.1' && task !== 'SuperGLUE' && !covered(source, where, task),
    );
    expect([...new Set(missing.map(({ source, where, task }) => `${source} ${where} ${task}`))]).toEqual([]);
  });
});
