import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type RecordFormat, readCard } from '../../src/data/card.ts';
import { decodeFile } from '../../src/data/decode.ts';
import { findSplit, readSplit, type Split } from '../../src/data/split.ts';
import { formatTable } from '../../src/report/table.ts';
import { tasks } from '../../tasks/index.ts';
import { missing, shared } from '../helpers/shared.ts';

/** Published files, where a developer has them: every task finds as many examples as its paper counts. */
const data = join(shared, 'data');
const absent = missing(data);

test.skipIf(absent !== undefined)(
  `as many examples as published, none in error${absent ? ` (${absent})` : ''}`,
  async () => {
    const splits = new Map<string, Split>();
    const rows: string[][] = [];
    for (const task of tasks) {
      const card = readCard(task.dataset);
      if (findSplit(card, task.split, [data]) === undefined) {
        rows.push([task.name, 'not here', String(task.examples), '']);
        continue;
      }
      const key = `${task.dataset} ${task.split}`;
      const split = splits.get(key) ?? (await readSplit(card, task.split, [data]));
      splits.set(key, split);
      const examples = split.records.flatMap(task.decode);
      const errors = new Set(examples.map((e) => e.id)).size - examples.length;
      rows.push([task.name, String(examples.length), String(task.examples), String(errors)]);
      expect([examples.length, errors], task.name).toEqual([task.examples, 0]);
    }
    console.log(formatTable(['task', 'found', 'published', 'errors'], rows));
    expect(rows.filter(([, found]) => found !== 'not here').length).toBeGreaterThan(90);
  },
  120_000,
);

/** Where the official files are not here, others in their formats. */
const COLA = ['source', 'label', 'mark', 'sentence'];
const standIns: readonly (readonly [
  task: string,
  file: string,
  format: RecordFormat,
  examples: number,
  header?: readonly string[],
])[] = [
  ['cbt-cn', 'cbt/built_CN_500.txt', 'blocks', 500],
  ['cbt-ne', 'cbt/built_NE_500.txt', 'blocks', 500],
  ['cbt-p', 'cbt/built_P_500.txt', 'blocks', 500],
  ['drop', 'drop_contrast/drop_contrast_sets_test.json', 'json', 947],
  ['drop', 'rc_format_samples/drop.json', 'json', 19],
  ['record', 'rc_format_samples/record.json', 'json', 2],
  // GLUE's validation split is both, one behind the other: 1,043.
  ['cola', 'cola/in_domain_dev.tsv', 'tsv', 527, COLA],
  ['cola', 'cola/out_of_domain_dev.tsv', 'tsv', 516, COLA],
];

test.skipIf(absent !== undefined).each(standIns)(
  '%s reads %s',
  async (name, file, format, examples, header) => {
    const task = tasks.find((t) => t.name === name)!;
    const path = join(data, file);
    const records = await decodeFile(path, readFileSync(path), { format, ...(header ? { header } : {}) });
    const found = records.flatMap(task.decode);
    expect(found).toHaveLength(examples);
    expect(new Set(found.map((e) => e.id)).size).toBe(examples);
  },
);
