import { appendFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
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

/** Opens a run folder for writing; what a former run of the same spec left in it is replaced. */
export async function startRun(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await rm(join(folder, 'samples'), { recursive: true, force: true });
    await rm(join(folder, 'run.json'), { force: true });
  } catch (error) {
    throw new UserError(`--out ${folder}: cannot be written: ${messageOf(error)}`);
  }
}

/** Appends finished samples to a cell's file, one JSON object a line. */
export async function appendSamples(folder: string, path: string, samples: readonly Sample[]): Promise<void> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await appendFile(file, samples.map((sample) => `${JSON.stringify(sample)}\n`).join(''));
}

/** Writes a file of a run folder whole or not at all. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
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
