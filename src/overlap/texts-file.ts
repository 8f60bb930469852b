import { createHash } from 'node:crypto';
import { parseRecords } from '../data/records.ts';
import { readText } from '../data/text.ts';
import { UserError } from '../errors.ts';
import type { TestTask } from './test-set.ts';

/** The texts of a file of `{"id", "text"}` lines as a task of one field. @throws UserError naming the line that is none */
export async function readTexts(path: string): Promise<Omit<TestTask, 'ngram'>> {
  const text = await readText(path, '--texts');
  const items = parseRecords(path, text, 'jsonl').map((record) => ({
    id: typeof record.value('id') === 'number' ? String(record.value('id')) : record.string('id'),
    fields: { text: record.string('text') },
  }));
  const ids = new Set<string>();
  for (const { id } of items) {
    if (ids.size === ids.add(id).size) throw new UserError(`${path}: two texts have the id "${id}"`);
  }
  if (items.length === 0) throw new UserError(`${path}: expected a text a line, found none`);
  return { task: 'texts', dataset_sha256: createHash('sha256').update(text).digest('hex'), items };
}
