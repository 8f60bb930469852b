import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { hasCode, UserError } from '../errors.ts';
import type { BackendRecord, CellCost, RunRecord, TaskFacts } from '../record.ts';
import { type Disk, disk } from '../store/disk.ts';
import { scanLines } from '../store/read-run.ts';
import { PROMPT_LINE, SAMPLE } from '../store/record-shape.ts';
import { openRunFolder, promptsPath, readRecord, tokensPath } from '../store/run-folder.ts';
import type { ItemText, Sample, TaskText } from '../types.ts';
import type { Cell } from './cells.ts';
import { addCost } from './evaluate.ts';
import { reduceRun } from './reduce-run.ts';
import { orderShards, type Shard } from './shards.ts';

/**
 * Makes one run of all the parts of `evalgpt run --shard i/n`, without models and data. Its results are those of a run
 * on one machine; what it cost is the sum.
 * @param out a new folder, or one in which the same merge was begun
 * @throws UserError where the folders are not all the parts of one run, or parts that are given twice differ
 */
export async function mergeShards(
  folders: readonly string[],
  out: string,
  ports: { readonly disk: Disk; readonly flushMs: number } = { disk, flushMs: 1000 },
): Promise<RunRecord> {
  const runs = await Promise.all(
    folders.map(async (folder) => ({ folder, record: await readRecord(folder) })),
  );
  const { shards, copies } = orderShards(runs);
  const [{ record }] = shards as [Shard];
  const { spec } = record;
  const { tasks, windows } = record.shard;
  const begun: RunRecord = {
    ...{ format: 1, status: 'partial', spec, environment: environmentOf(shards) },
    ...{ results: [], groups: [], cost: costOf(shards) },
  };
  const folder = await openRunFolder(out, begun, ports);
  try {
    for (const { ref } of spec.models) {
      const text = await firstFile(shards, tokensPath(ref));
      if (text !== undefined) await folder.writeText(tokensPath(ref), text);
    }
    const idsOf = new Map<string, readonly string[]>();
    for (const task of tasks) {
      if (task.missing !== undefined) continue;
      const { ids, text } = await mergePrompts(shards, task);
      idsOf.set(task.name, ids);
      await folder.writeText(promptsPath(task.name), text);
    }
    const ids = async (task: string): Promise<readonly string[]> => idsOf.get(task) ?? [];
    const samples = async (cell: Cell, model: string, { name }: TaskFacts): Promise<Sample[]> => {
      const found = await mergeSamples(shards, cell, { model, task: name }, await ids(name));
      for (const copy of copies) await compareCopy(copy, shards, cell);
      await folder.writeText(cell.path, found.map((sample) => `${JSON.stringify(sample)}\n`).join(''));
      return found;
    };
    const reduced = await reduceRun({ spec, tasks, windows, ids, samples });
    const merged: RunRecord = { ...begun, status: 'complete', ...reduced };
    await folder.writeRecord(merged);
    return merged;
  } finally {
    await folder.close();
  }
}

/** A cell's samples in the order of the data: of each part the items that it was to score, all of them and no others. */
async function mergeSamples(
  shards: readonly Shard[],
  cell: Cell,
  own: { readonly model: string; readonly task: string },
  ids: readonly string[],
): Promise<Sample[]> {
  const merged: Sample[] = [];
  for (const { folder, record } of shards) {
    const slice = record.shard.slices.find((s) => s.model === own.model && s.task === own.task);
    if (!slice) continue;
    const found = await readCell(folder, cell);
    const wanted = ids.slice(slice.from, slice.to);
    const path = join(folder, cell.path);
    for (const id of wanted) {
      const sample = found.get(id);
      if (!sample) throw new UserError(`${path}: expected ${wanted.length} items, found none of id "${id}"`);
      merged.push(sample);
      found.delete(id);
    }
    const [stranger] = found.keys();
    if (stranger !== undefined)
      throw new UserError(`${path}: holds an item "${stranger}" that is not of shard ${record.shard.index}`);
  }
  return merged;
}

async function readCell(folder: string, cell: Cell): Promise<Map<string, Sample>> {
  const path = join(folder, cell.path);
  const samples = new Map<string, Sample>();
  await scanLines<Sample>(path, SAMPLE, (sample) => {
    const other = samples.get(sample.id);
    if (other && !isDeepStrictEqual(other, sample))
      throw new UserError(`${path}: holds two different samples of item "${sample.id}"`);
    samples.set(sample.id, sample);
  });
  return samples;
}

/** @throws UserError where a part that is given twice was not scored alike */
async function compareCopy(copy: Shard, shards: readonly Shard[], cell: Cell): Promise<void> {
  const { index, of } = copy.record.shard;
  const first = shards.find(({ record }) => record.shard.index === index) as Shard;
  const [there, here] = [await readCell(first.folder, cell), await readCell(copy.folder, cell)];
  const differing = [...new Set([...there.keys(), ...here.keys()])].find(
    (id) => !isDeepStrictEqual(there.get(id), here.get(id)),
  );
  if (differing !== undefined)
    throw new UserError(
      `${first.folder} and ${copy.folder}: both are shard ${index}/${of}, but item "${differing}" of ${cell.path} differs: give one of them`,
    );
}

/** How a task's items read: every part has them all, and those as shots that it showed. */
async function mergePrompts(
  shards: readonly Shard[],
  { name, items }: TaskFacts,
): Promise<{ readonly ids: readonly string[]; readonly text: string }> {
  let head: TaskText | undefined;
  const own = new Map<string, ItemText>();
  const others = new Map<string, ItemText>();
  for (const { folder } of shards) {
    let line = -1;
    await scanLines<TaskText | ItemText>(join(folder, promptsPath(name)), PROMPT_LINE, (value) => {
      line++;
      if (line === 0) {
        head ??= value as TaskText;
        return;
      }
      const item = value as ItemText;
      const known = line <= items ? own : others;
      // A shot's wording stands last in its line, whichever part showed it.
      known.set(item.id, { ...known.get(item.id), ...item });
    });
  }
  const ids = [...own.keys()];
  if (ids.length !== items)
    throw new UserError(`${promptsPath(name)}: expected ${items} items in the shards, found ${ids.length}`);
  const rest = [...others.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const lines = [...(head ? [head] : []), ...own.values(), ...rest];
  return { ids, text: lines.map((one) => `${JSON.stringify(one)}\n`).join('') };
}

async function firstFile(shards: readonly Shard[], path: string): Promise<string | undefined> {
  for (const { folder } of shards) {
    try {
      return await readFile(join(folder, path), 'utf8');
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
  return undefined;
}

function costOf(shards: readonly Shard[]): CellCost[] {
  const { spec, shard } = (shards[0] as Shard).record;
  const all = shards.flatMap(({ record }) => record.cost);
  return spec.models.flatMap(({ ref }) =>
    shard.tasks.flatMap(({ name }) => {
      const own = all.filter(({ model, task }) => model === ref && task === name);
      return own.length === 0 ? [] : [own.reduce(addCost)];
    }),
  );
}

/** The first part's machine; where others differ in what scores depend on, a warning says so. */
function environmentOf(shards: readonly Shard[]): RunRecord['environment'] {
  const [{ record }] = shards as [Shard];
  const all = shards.map((shard) => shard.record.environment);
  const differing = (['ort', 'platform', 'threads', 'node'] as const).flatMap((key) => {
    const values = [...new Set(all.map((environment) => environment[key]))];
    return values.length < 2
      ? []
      : [`the shards differ in ${key} (${values.join(', ')}): scores may differ in their last digits`];
  });
  const backends = new Map<string, BackendRecord>();
  for (const backend of all.flatMap((environment) => environment.backends))
    backends.set(JSON.stringify(backend), backend);
  const order = record.spec.models.map(({ ref }) => ref);
  return {
    ...record.environment,
    backends: [...backends.values()].sort((a, b) => order.indexOf(a.model) - order.indexOf(b.model)),
    warnings: [...new Set([...all.flatMap(({ warnings }) => warnings), ...differing])],
  };
}
