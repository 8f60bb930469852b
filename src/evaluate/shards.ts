import { UserError } from '../errors.ts';
import type { RunRecord, ShardRecord } from '../record.ts';
import { firstDifference } from '../store/run-folder.ts';

/** A folder of `evalgpt run --shard i/n` that was read. */
export interface Shard {
  readonly folder: string;
  readonly record: RunRecord & { readonly shard: ShardRecord };
}

/**
 * Checks that folders are all the parts of one run, each once or more.
 * @returns the parts in their order; `copies` are further folders of the same part
 * @throws UserError naming what is missing, unfinished or of another run
 */
export function orderShards(runs: readonly { readonly folder: string; readonly record: RunRecord }[]): {
  readonly shards: readonly Shard[];
  readonly copies: readonly Shard[];
} {
  const shards: Shard[] = [];
  const copies: Shard[] = [];
  const [first] = runs;
  for (const { folder, record } of runs) {
    const { shard } = record;
    if (!shard || !first?.record.shard)
      throw new UserError(`${folder}: expected a part of a run, of \`evalgpt run --shard i/n\`, found a run`);
    const name = `shard ${shard.index}/${shard.of}`;
    if (!shard.done)
      throw new UserError(`${folder}: ${name} is not finished: the same command again takes it up`);
    const { of, tasks, windows } = first.record.shard;
    const difference = firstDifference(
      { spec: first.record.spec, of, tasks, windows },
      { spec: record.spec, of: shard.of, tasks: shard.tasks, windows: shard.windows },
      '',
    );
    if (difference !== undefined)
      throw new UserError(
        `${folder}: ${name} is not of the run of ${first.folder} (${difference.slice(1).replace(/now$/, 'here')})`,
      );
    const own = { folder, record: { ...record, shard } };
    const same = shards[shard.index];
    if (!same) shards[shard.index] = own;
    else if (JSON.stringify(same.record.shard.slices) === JSON.stringify(shard.slices)) copies.push(own);
    else throw new UserError(`${same.folder} and ${folder}: both are ${name}, of different items`);
  }
  const of = first?.record.shard?.of ?? 0;
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter((index) => !shards[index]);
  if (missing.length > 0) {
    const list = missing.map((index) => `${index}/${of}`).join(', ');
    throw new UserError(`shards of the run of ${first?.folder} are missing: ${list}`);
  }
  const all = Object.values(shards);
  checkSlices(all);
  return { shards: all, copies };
}

/** Every item of every task and model must be in one part, and in one only. */
function checkSlices(shards: readonly Shard[]): void {
  const [{ record }] = shards as [Shard];
  for (const { ref } of record.spec.models) {
    for (const { name, items } of record.shard.tasks) {
      let next = 0;
      for (const { folder, record } of shards) {
        for (const { model, task, from, to } of record.shard.slices) {
          if (model !== ref || task !== name) continue;
          if (from !== next)
            throw new UserError(`${folder}: begins ${name} of ${ref} at item ${from}, expected ${next}`);
          next = to;
        }
      }
      if (next !== items)
        throw new UserError(`the shards hold ${next} items of ${name} of ${ref}, expected ${items}`);
    }
  }
}
