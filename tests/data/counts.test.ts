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
interface StandIn {
  readonly name: string;
  readonly file: string;
  readonly format: RecordFormat;
  readonly examples: number;
  readonly header?: readonly string[];
}
const standIns: readonly StandIn[] = [
  { name: 'cbt-cn', file: 'cbt/built_CN_500.txt', format: 'blocks', examples: 500 },
  { name: 'cbt-ne', file: 'cbt/built_NE_500.txt', format: 'blocks', examples: 500 },
  { name: 'cbt-p', file: 'cbt/built_P_500.txt', format: 'blocks', examples: 500 },
  { name: 'drop', file: 'drop_contrast/drop_contrast_sets_test.json', format: 'json', examples: 947 },
  { name: 'drop', file: 'rc_format_samples/drop.json', format: 'json', examples: 19 },
  { name: 'record', file: 'rc_format_samples/record.json', format: 'json', examples: 2 },
  // GLUE's validation split is both, one behind the other: 1,043.
  { name: 'cola', file: 'cola/in_domain_dev.tsv', format: 'tsv', examples: 527, header: COLA },
  { name: 'cola', file: 'cola/out_of_domain_dev.tsv', format: 'tsv', examples: 516, header: COLA },
];

test.skipIf(absent !== undefined).each(standIns)(
  '$name reads $file',
  async ({ name, file, format, examples, header }) => {
    const task = tasks.find((t) => t.name === name)!;
    const path = join(data, file);
    const records = await decodeFile(path, readFileSync(path), { format, ...(header ? { header } : {}) });
    const found = records.flatMap(task.decode);
    expect(found).toHaveLength(examples);
    expect(new Set(found.map((e) => e.id)).size).toBe(examples);
  },
);
