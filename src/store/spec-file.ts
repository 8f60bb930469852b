import { readFile } from 'node:fs/promises';
import { didYouMean } from '../closest.ts';
import { messageOf, UserError } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { RunRecord, RunSpec, TaskIdentity } from '../record.ts';

/** A spec as a run.json holds it, and as a user writes it: models and tasks resolved, or by name. */
export interface SpecFile {
  readonly spec: Partial<RunSpec>;
  /** What the file says that models and data were, by name: a run of it warns where they are not. */
  readonly hashes: ReadonlyMap<string, string>;
}

/** The fields of a spec that a file may set, and what their values are. */
const FIELDS: Readonly<Record<Exclude<keyof RunSpec, 'models' | 'tasks'>, (value: unknown) => boolean>> = {
  revision: (v) => v === null || typeof v === 'string',
  shots: (v) => Array.isArray(v) && v.length > 0 && v.every((k) => k === 'max' || isCount(k)),
  protocol: (v) => v === null || ['lm-eval', 'gpt1', 'gpt2', 'gpt3'].includes(v as string),
  draw: (v) => v === null || ['fixed', 'per-example', 'first'].includes(v as string),
  draws: (v) => isCount(v) && v > 0,
  limit: (v) => v === null || (isCount(v) && v > 0),
  seed: isCount,
  device: (v) => ['auto', 'cpu', 'cuda', 'webgpu'].includes(v as string),
  dtype: (v) => ['fp32', 'fp16', 'int8'].includes(v as string),
  threads: (v) => v === null || (isCount(v) && v > 0),
  overflow: (v) => ['drop-shots', 'truncate', 'skip', 'error'].includes(v as string),
  texts: isTexts,
  taskFiles: isTexts,
  stride: (v) => v === null || (isCount(v) && v > 0),
  overlap: isTexts,
  tokenizer: (v) => typeof v === 'string',
  contextLength: (v) => isCount(v) && v > 0,
};

/**
 * Reads what to run from a run.json, or from a file of the same fields.
 * @throws UserError naming the file and the field
 */
export async function readSpecFile(path: string): Promise<SpecFile> {
  let value: unknown;
  try {
    value = parseJson(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UserError(`--spec ${path}: cannot be read: ${messageOf(error)}`);
  }
  if (typeof value !== 'object' || value === null || !('spec' in value))
    return specOf(value, `--spec ${path}`);
  if ('format' in value && value.format !== 1)
    throw new UserError(`--spec ${path}: expected a run of format 1, found ${JSON.stringify(value.format)}`);
  return specOf(value.spec, `--spec ${path}`);
}

/**
 * What to run, from a spec as a record or a file of the user's holds it.
 * @param where names its source in messages
 * @throws UserError naming the source and the field
 */
export function specOf(value: unknown, where: string): SpecFile {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UserError(`${where}: expected a JSON object`);
  const found = value as Record<string, unknown>;
  const hashes = new Map<string, string>();
  const names = (key: 'models' | 'tasks', name: string, hash: string): string[] | undefined => {
    if (found[key] === undefined) return undefined;
    if (!Array.isArray(found[key])) throw new UserError(`${where}: "${key}" expected a list`);
    return found[key].map((entry: unknown) => {
      const text = typeof entry === 'string' ? entry : (entry as Record<string, unknown> | null)?.[name];
      if (typeof text !== 'string') throw new UserError(`${where}: "${key}" holds ${JSON.stringify(entry)}`);
      const known = typeof entry === 'string' ? undefined : (entry as Record<string, unknown>)[hash];
      if (typeof known === 'string' && known !== '') hashes.set(text, known);
      return text;
    });
  };
  const models = names('models', 'ref', 'sha256');
  const listed = names('tasks', 'name', 'dataset_sha256');
  // Texts and the user's own tasks stand among a record's tasks, but are named by their files.
  const ofFiles = new Set(['text']);
  for (const entry of listed === undefined ? [] : (found.tasks as (string | TaskIdentity)[])) {
    if (typeof entry === 'string' || entry.file === undefined) continue;
    ofFiles.add(entry.name);
    const { file, file_sha256, dataset_sha256 } = entry;
    if (file_sha256 !== undefined && file_sha256 !== dataset_sha256) hashes.set(file, file_sha256);
  }
  const tasks = listed?.filter((name) => !ofFiles.has(name));
  const rest: Record<string, unknown> = {};
  for (const [key, isRight] of Object.entries(FIELDS)) {
    if (found[key] === undefined) continue;
    if (!isRight(found[key]))
      throw new UserError(`${where}: "${key}" cannot be ${JSON.stringify(found[key])}`);
    rest[key] = found[key];
  }
  const unknown = Object.keys(found).find(
    (key) => !Object.hasOwn(FIELDS, key) && !['models', 'tasks', 'evalgpt'].includes(key),
  );
  if (unknown !== undefined)
    throw new UserError(
      `${where}: "${unknown}" is not a field of a spec${didYouMean(unknown, ['models', 'tasks', ...Object.keys(FIELDS)])}`,
    );
  return { spec: { ...(models && { models }), ...(tasks && { tasks }), ...rest }, hashes };
}

/** Where a run's models and data are not those that its spec file was made with, a sentence each. */
export function specDifferences(record: RunRecord, { hashes }: SpecFile): string[] {
  const now = [
    ...record.spec.models.map((m) => [m.ref, m.sha256] as const),
    ...record.spec.tasks.map((t) => [t.name, t.dataset_sha256] as const),
    ...record.spec.tasks.map((t) => [t.file ?? '', t.file_sha256 ?? ''] as const),
  ];
  return now.flatMap(([name, sha256]) => {
    const then = hashes.get(name);
    return then === undefined || then === sha256
      ? []
      : [
          `${name} is not what the spec was made with: sha256 ${sha256.slice(0, 12)}… instead of ${then.slice(0, 12)}…`,
        ];
  });
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** True for a spec that lm-eval's output was read as. */
export function isOfLmEval({ evalgpt }: Pick<RunRecord['spec'], 'evalgpt'>): boolean {
  return evalgpt.startsWith('lm-eval');
}
