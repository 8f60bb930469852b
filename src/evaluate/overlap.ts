import { createHash } from 'node:crypto';
import { UserError } from '../errors.ts';
import { type OverlapFlags, readFlags } from '../overlap/index-file.ts';
import type { ItemOverlap } from '../types.ts';
import type { LoadedTask, TaskOverlap } from './load.ts';

/** Reads the indexes of `--overlap`: shards of one scan, or scans of several tasks. @throws UserError where they do not go together */
export async function readIndexes(paths: readonly string[]): Promise<OverlapFlags[]> {
  const indexes = await Promise.all(paths.map(readFlags));
  const [first] = indexes;
  for (const [i, { method }] of indexes.entries()) {
    if (method !== first?.method)
      throw new UserError(`--overlap: ${paths[0]} is of method ${first?.method}, ${paths[i]} of ${method}`);
  }
  return indexes;
}

/**
 * A task with what the indexes know of its data: an item is dirty where any of them says so.
 * @param warn told where they know the task, but of other data, or not at all
 */
export function withOverlap(
  loaded: LoadedTask,
  indexes: readonly OverlapFlags[],
  warn: (message: string) => void,
): LoadedTask {
  const name = loaded.task.name;
  if (indexes.length === 0 || loaded.missing !== undefined) return loaded;
  const ofTask = indexes.flatMap((index) =>
    index.tasks.filter(({ task }) => task === name).map((task) => ({ index, task })),
  );
  const known = ofTask.filter(({ task }) => task.dataset_sha256 === loaded.splitSha256);
  const [first] = known;
  if (!first) {
    const why = ofTask.length > 0 ? 'they were made for other data' : 'they do not have this task';
    warn(`${name}: nothing is known of its overlap with training data: the indexes of --overlap: ${why}`);
    return loaded;
  }
  const items = new Map<string, ItemOverlap>();
  for (const { index } of known) {
    for (const { task, id, fields, where } of index.items) {
      if (task !== name || items.has(id)) continue;
      items.set(id, { fields, where });
    }
  }
  const sha256 = createHash('sha256')
    .update(JSON.stringify([...items.keys()].sort()))
    .digest('hex');
  const overlap: TaskOverlap = { method: first.index.method, ngram: first.task.ngram, sha256, items };
  const { items: _, ...identity } = overlap;
  return { ...loaded, overlap, identity: { ...loaded.identity, overlap: identity } };
}
