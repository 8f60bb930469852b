import { readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, messageOf, UserError } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { RunRecord } from '../record.ts';
import type { Sample } from '../types.ts';
import { type Disk, makeFolder } from './disk.ts';
import { lockFolder } from './lock.ts';
import { RECORD, SAMPLE } from './record-shape.ts';
import { checkShape } from './shape.ts';

/** What a run folder may hold. */
const RUN_FILES: readonly string[] = [
  'run.json',
  'samples',
  'prompts',
  'tokens',
  'leaderboard.html',
  'leaderboard-samples',
  'verified.json',
  'lock',
];

/** A run's folder while it is written by this process. */
export interface RunFolder {
  /** The record that an interrupted run of the same spec left; undefined in a new folder. */
  readonly former: RunRecord | undefined;
  /** The samples that a former run finished in a file. A last line that was cut short is removed. */
  finished(path: string): Promise<Sample[]>;
  /** Adds a finished sample; it is on the disk within two seconds. @throws where an earlier write failed */
  append(path: string, sample: Sample): void;
  flush(): Promise<void>;
  writeRecord(record: RunRecord): Promise<void>;
  /** Writes a file below the folder, whole. */
  writeText(path: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/** A cell's samples file below a run folder: samples/MODEL/TASK.kN.dD.jsonl, with the model's path encoded. */
export function samplesPath(cell: {
  readonly model: string;
  readonly task: string;
  readonly shots: number | 'max';
  readonly draw: number;
}): string {
  return join('samples', encodeModel(cell.model), `${cell.task}.k${cell.shots}.d${cell.draw}.jsonl`);
}

/** The file of how a task's items read. */
export function promptsPath(task: string): string {
  return join('prompts', `${task}.jsonl`);
}

/** The file of a model's tokens as text: a JSON list by token id. */
export function tokensPath(model: string): string {
  return join('tokens', `${encodeModel(model)}.json`);
}

function encodeModel(model: string): string {
  return encodeURIComponent(model).replaceAll('.', '%2E');
}

/**
 * Opens a folder for a run: a new one, or one in which the same run was begun.
 * @param record the run as it begins; its spec must equal that of a run found here
 * @throws UserError where the folder holds something else, is in use, or can't be written
 */
export async function openRunFolder(
  folder: string,
  record: RunRecord,
  options: { readonly disk: Disk; readonly flushMs: number },
): Promise<RunFolder> {
  let release: () => Promise<void>;
  try {
    await makeFolder(folder);
    const stranger = (await readdir(folder)).find(
      (name) => !RUN_FILES.includes(name) && !name.endsWith('.tmp'),
    );
    if (stranger !== undefined) {
      throw new UserError(`--out ${folder}: expected a new folder or a run's, found "${stranger}" in it`);
    }
    release = await lockFolder(join(folder, 'lock'));
  } catch (error) {
    throw cannotWrite(folder, error);
  }
  try {
    const former = await readFormer(folder, record);
    const open = writer(folder, options);
    if (former === undefined) await open.writeRecord(record);
    return {
      ...open,
      former,
      async close() {
        await open.flush().finally(release);
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

async function readFormer(folder: string, record: RunRecord): Promise<RunRecord | undefined> {
  const former = await readRecord(folder).catch((error: unknown) => {
    if (error instanceof UserError && error.message.endsWith(NO_RECORD)) return undefined;
    throw error;
  });
  if (former === undefined) {
    const left = await readdir(join(folder, 'samples')).catch(() => []);
    if (left.length > 0)
      throw new UserError(`--out ${folder}: holds samples but no run.json: name another folder`);
    return undefined;
  }
  const difference = firstDifference(former.spec, record.spec, 'spec');
  if (difference !== undefined) {
    throw new UserError(`--out ${folder}: holds another run (${difference}): name another folder`);
  }
  const [there, now] = [former, record].map(partName);
  if (there !== now) {
    throw new UserError(`--out ${folder}: holds ${there} of the run, expected ${now}: name another folder`);
  }
  return former;
}

function partName({ shard }: RunRecord): string {
  return shard ? `shard ${shard.index}/${shard.of}` : 'the whole';
}

function writer(
  folder: string,
  { disk, flushMs }: { readonly disk: Disk; readonly flushMs: number },
): Omit<RunFolder, 'former' | 'close'> {
  let waiting = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  let failure: unknown;
  let last = Promise.resolve();

  const write = async (batch: ReadonlyMap<string, string>): Promise<void> => {
    if (failure !== undefined) return;
    try {
      for (const [path, text] of batch) await disk.append(join(folder, path), text);
    } catch (error) {
      failure = error;
    }
  };
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    waiting = new Map();
    last = last.then(() => write(batch));
    await last;
    if (failure !== undefined) throw cannotWrite(folder, failure);
  };
  const replace = async (path: string, text: string): Promise<void> => {
    await disk.replace(join(folder, path), text).catch((error: unknown) => {
      throw cannotWrite(folder, error);
    });
  };
  return {
    async finished(path) {
      return readSamples(join(folder, path));
    },
    append(path, sample) {
      if (failure !== undefined) throw cannotWrite(folder, failure);
      waiting.set(path, `${waiting.get(path) ?? ''}${JSON.stringify(sample)}\n`);
      // A failed write is told by the next append or flush.
      timer ??= setTimeout(() => flush().catch(() => {}), flushMs);
    },
    flush,
    async writeRecord(record) {
      await flush();
      await replace('run.json', `${JSON.stringify(record, null, 2)}\n`);
    },
    writeText: replace,
  };
}

/** Reads a samples file; a last line that was cut short is removed from it. */
async function readSamples(path: string): Promise<Sample[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
  const end = text.lastIndexOf('\n') + 1;
  if (end < text.length) await truncate(path, Buffer.byteLength(text.slice(0, end)));
  return text
    .slice(0, end)
    .split('\n')
    .filter((line) => line !== '')
    .map((line, i) => {
      let sample: unknown;
      try {
        sample = parseJson(line);
      } catch (error) {
        throw new UserError(`${path}:${i + 1}: not JSON: ${messageOf(error)}`);
      }
      checkShape(sample, SAMPLE, `${path}:${i + 1}`);
      return sample as Sample;
    });
}

const NO_RECORD = 'expected a run folder, found no run.json';

/** Reads a run folder's run.json. @throws UserError where there is none, or one of another format or shape */
export async function readRecord(folder: string): Promise<RunRecord> {
  const path = join(folder, 'run.json');
  let value: unknown;
  try {
    value = parseJson(await readFile(path, 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new UserError(`${path}: ${NO_RECORD}`);
    throw new UserError(`${path}: cannot be read: ${messageOf(error)}`);
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (format !== 1) throw new UserError(`${path}: "format" expected 1, found ${JSON.stringify(format)}`);
  checkShape(value, RECORD, path);
  return value as RunRecord;
}

function cannotWrite(folder: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error;
  return code ? new UserError(`--out ${folder}: cannot be written: ${messageOf(error)}`) : error;
}

/** The first place where two JSON values differ, and both values there. */
export function firstDifference(a: unknown, b: unknown, path: string): string | undefined {
  if (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null) {
    // Plain values and lists of them first: they say more than the hashes that follow from them.
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort(
      (x, y) => depth((a as Record<string, unknown>)[x]) - depth((a as Record<string, unknown>)[y]),
    );
    for (const key of keys) {
      const found = firstDifference(
        (a as Record<string, unknown>)[key],
        (b as Record<string, unknown>)[key],
        `${path}.${key}`,
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return a === b ? undefined : `${path} is ${JSON.stringify(a)} there, ${JSON.stringify(b)} now`;
}

/** How deep a JSON value is nested, at most 2. */
function depth(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).some((inner) => typeof inner === 'object' && inner !== null) ? 2 : 1;
}
