import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { pages } from '../../docs/pages/index.ts';
import { PAPERS } from '../../docs/pages/paper-tables.ts';
import { selectTasks } from '../../src/evaluate/load.ts';
import { readFigures } from '../../src/published/read.ts';
import type { ProtocolName } from '../../src/types.ts';

describe("pages made from the code's own definitions", () => {
  test.each(Object.entries(pages()))('%s is as the code says; npm run docs makes it so', (name, text) => {
    const path = fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
    if (process.env.EVALGPT_GOLDEN) writeFileSync(path, text);
    expect(readFileSync(path, 'utf8')).toBe(text);
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
