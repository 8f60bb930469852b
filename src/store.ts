import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCode, messageOf, UserError } from './errors.ts';
import type { RunRecord, Sample } from './types.ts';

/** A cell's samples file below a run folder: samples/MODEL/TASK.kN.dD.jsonl, with the model's path encoded. */
export function samplesPath(cell: {
  readonly model: string;
  readonly task: string;
  readonly shots: number | 'max';
  readonly draw: number;
}): string {
  const model = encodeURIComponent(cell.model).replaceAll('.', '%2E');
  return join('samples', model, `${cell.task}.k${cell.shots}.d${cell.draw}.jsonl`);
}

/** What a run folder may hold. */
const RUN_FILES: readonly string[] = ['run.json', 'samples', 'leaderboard.html'];

/**
 * Opens a run folder for writing; what a former run left in it is replaced.
 * @throws UserError where the folder holds anything but a run, or cannot be written
 */
export async function startRun(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    const strangers = (await readdir(folder)).filter((name) => !RUN_FILES.includes(name));
    if (strangers.length > 0) {
      throw new UserError(`--out ${folder}: expected a new folder or a run's, found "${strangers[0]}" in it`);
    }
    await rm(join(folder, 'samples'), { recursive: true, force: true });
    await rm(join(folder, 'run.json'), { force: true });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`--out ${folder}: cannot be written: ${messageOf(error)}`);
  }
}

/** Makes a folder and those above it. Node's own recursive form never ends where a parent refuses entries (/proc). */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return;
    if (!hasCode(error, 'ENOENT') || existsSync(dirname(folder))) throw error;
    await makeFolder(dirname(folder));
    await makeFolder(folder);
  }
}

/** Appends finished samples to a cell's file, one JSON object a line. */
export async function appendSamples(folder: string, path: string, samples: readonly Sample[]): Promise<void> {
  const file = join(folder, path);
  await makeFolder(dirname(file));
  await appendFile(file, samples.map((sample) => `${JSON.stringify(sample)}\n`).join(''));
}

/** Writes a file of a run folder whole or not at all. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}

export async function writeRecord(folder: string, record: RunRecord): Promise<void> {
  await writeWhole(join(folder, 'run.json'), `${JSON.stringify(record, null, 2)}\n`);
}

/** Reads a run folder's run.json. @throws UserError where there is none or of another format */
export async function readRecord(folder: string): Promise<RunRecord> {
  const path = join(folder, 'run.json');
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new UserError(`${path}: expected a run folder, found no run.json`);
    throw new UserError(`${path}: cannot be read: ${messageOf(error)}`);
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (format !== 1) throw new UserError(`${path}: "format" expected 1, found ${JSON.stringify(format)}`);
  return value as RunRecord;
}
