import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { messageOf, UserError } from '../errors.ts';
import { BLOCK_ITEMS } from '../evaluate/blocks.ts';
import type { Unit } from '../evaluate/units.ts';
import { parseJson } from '../json.ts';
import type { BackendRecord, CellCost, RunRecord, RunSpec, TaskFacts } from '../record.ts';
import { specOf } from '../store/spec-file.ts';
import type { Sample } from '../types.ts';
import { checkSample } from './sample.ts';

/**
 * What travels through Redis: a run's spec, its units, and their results. Whoever can write there is not trusted to
 * run programs or to read files: all of it is plain JSON, checked field by field on arrival.
 */

/** A run as its coordinator announces it. */
export interface RunPayload {
  /** As asked: models and tasks by name. */
  readonly spec: RunSpec;
  /** As the coordinator resolved it: a worker's must be the same. */
  readonly resolved: RunRecord['spec'];
  /** Tokens of a unit, roughly: the plan follows from it. */
  readonly unit: number;
}

/** The machine that scored a unit, and what it took. */
export interface UnitMeta {
  /** Its name in the queue. */
  readonly worker: string;
  /** As in run.json. */
  readonly environment: Pick<RunRecord['environment'], 'node' | 'ort' | 'platform' | 'threads'>;
  /** Null where every score was there already. */
  readonly backend: BackendRecord | null;
  /** A task each. */
  readonly cost: readonly CellCost[];
}

/** A unit's samples, a list for each slice and cell in the order of the plan, each in the order of the data. */
export type UnitSamples = readonly (readonly Sample[])[];

const MOST_SPEC_BYTES = 16 << 20;
/** Redis holds at most 512 MB in a value; a unit's result is some hundred kilobytes. */
const MOST_RESULT_BYTES = 64 << 20;
const MOST_INFLATED_BYTES = 256 << 20;
/** Numbers beyond these are no benchmark: they would keep a worker busy for nothing. */
const MOST = { models: 100_000, shots: 1000, k: 100_000, draws: 10_000, threads: 1024 };

function hashOf(value: unknown, length: number): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, length);
}

/** A run's name in the queue: a hash of all that its results depend on. */
export function runKey(resolved: RunRecord['spec']): string {
  return hashOf(resolved, 16);
}

/** A unit's name: a hash of what is scored. The letter keeps BullMQ from taking it for a number of its own. */
export function unitKey(run: string, unit: Unit): string {
  return `u${hashOf([run, unit.model, unit.slices], 31)}`;
}

/** @throws UserError where it is not a run that could be scored */
export function parseRun(text: string, run: string): RunPayload {
  const where = `run ${run} in the queue`;
  if (text.length > MOST_SPEC_BYTES) throw new UserError(`${where}: its spec is longer than 16 MB`);
  const value = readJson(text, where) as { spec?: unknown; resolved?: unknown; unit?: unknown } | null;
  const isObject = (v: unknown): v is object => typeof v === 'object' && v !== null && !Array.isArray(v);
  if (!isObject(value) || !isObject(value.spec) || !isObject(value.resolved))
    throw new UserError(`${where}: expected its spec, found ${text.slice(0, 40)}`);
  if (!isNumber(value.unit) || value.unit < 1) throw new UserError(`${where}: "unit" expected a number`);
  const { spec } = specOf(value.spec, where);
  const resolved = value.resolved as RunRecord['spec'];
  if (runKey(resolved) !== run) throw new UserError(`${where}: its name is not that of its spec`);
  const missing = SPEC_FIELDS.find((field) => spec[field] === undefined);
  if (missing !== undefined) throw new UserError(`${where}: "${missing}" is missing`);
  const full = spec as RunSpec;
  const large =
    full.models.length > MOST.models ||
    full.shots.length > MOST.shots ||
    full.shots.some((k) => k !== 'max' && k > MOST.k) ||
    full.draws > MOST.draws ||
    (full.threads ?? 1) > MOST.threads;
  if (large) throw new UserError(`${where}: asks for more than ${JSON.stringify(MOST)}`);
  return { spec: full, resolved, unit: value.unit };
}

const SPEC_FIELDS = [
  ...(['models', 'revision', 'tasks', 'shots', 'protocol', 'draw', 'draws', 'limit', 'seed'] as const),
  ...(['device', 'dtype', 'threads', 'overflow', 'texts', 'taskFiles', 'stride', 'overlap'] as const),
] satisfies (keyof RunSpec)[];

/**
 * A job's unit, of a run that is prepared here.
 * @throws UserError where it is not one of that run
 */
export function parseUnit(
  data: unknown,
  run: string,
  known: { readonly models: readonly string[]; readonly tasks: readonly TaskFacts[] },
): Unit {
  const where = `a job of run ${run}`;
  const { model, slices } = (data ?? {}) as { model?: unknown; slices?: unknown };
  if (typeof model !== 'string' || !known.models.includes(model))
    throw new UserError(`${where}: expected a model of the run, found ${show(model)}`);
  if (!Array.isArray(slices) || slices.length === 0 || slices.length > known.tasks.length)
    throw new UserError(`${where}: expected slices of the run's tasks`);
  const names = new Set<string>();
  const own = slices.map((slice: unknown) => {
    const { task, from, to, ...rest } = (slice ?? {}) as Record<string, unknown>;
    const facts = known.tasks.find(({ name }) => name === task);
    if (!facts || names.has(facts.name) || rest.model !== model)
      throw new UserError(`${where}: expected a task of the run, once, found ${show(task)}`);
    names.add(facts.name);
    const isWhole = (at: number): boolean => at === facts.items || at % BLOCK_ITEMS === 0;
    if (!isNumber(from) || !isNumber(to) || from >= to || to > facts.items || ![from, to].every(isWhole))
      throw new UserError(
        `${where}: expected blocks of the items of ${facts.name}, 0 to ${facts.items}, found ${show(from)} to ${show(to)}`,
      );
    return { model, task: facts.name, from, to };
  });
  return { model, slices: own };
}

/** A result as it lies in Redis: the SHA-256 of its samples in hex, then meta data and samples, a line each, gzipped. */
export async function encodeResult(
  samples: UnitSamples,
  meta: UnitMeta,
): Promise<{ readonly sha256: string; readonly bytes: Buffer }> {
  const text = JSON.stringify(samples);
  const sha256 = createHash('sha256').update(text).digest('hex');
  const body = await promisify(gzip)(`${JSON.stringify(meta)}\n${text}`);
  if (body.length > MOST_RESULT_BYTES)
    throw new UserError(
      `a unit's result of ${body.length} bytes is too long for the queue: use a smaller --unit`,
    );
  return { sha256, bytes: Buffer.concat([Buffer.from(sha256), body]) };
}

export const SHA_LENGTH = 64;

/**
 * @param cells of each list of samples the ids that it must hold in that order, and the shots that they were asked with
 * @throws UserError where the bytes are not the result of that unit
 */
export async function decodeResult(
  bytes: Buffer,
  key: string,
  cells: readonly { readonly ids: readonly string[]; readonly shots: number | 'max' }[],
): Promise<{ readonly samples: UnitSamples; readonly meta: UnitMeta }> {
  const where = `the result of job ${key}`;
  if (bytes.length > MOST_RESULT_BYTES) throw new UserError(`${where}: longer than 64 MB`);
  let text: string;
  try {
    text = (
      await promisify(gunzip)(bytes.subarray(SHA_LENGTH), { maxOutputLength: MOST_INFLATED_BYTES })
    ).toString('utf8');
  } catch (error) {
    throw new UserError(`${where}: cannot be read: ${messageOf(error)}`);
  }
  const end = text.indexOf('\n');
  const [head, body] = [text.slice(0, end), text.slice(end + 1)];
  if (createHash('sha256').update(body).digest('hex') !== bytes.toString('latin1', 0, SHA_LENGTH))
    throw new UserError(`${where}: its samples are not those of its checksum`);
  const lists = readJson(body, where);
  if (!Array.isArray(lists) || lists.length !== cells.length)
    throw new UserError(`${where}: expected ${cells.length} lists of samples`);
  const samples = cells.map(({ ids, shots }, i) => {
    const list: unknown = lists[i];
    if (!Array.isArray(list) || list.length !== ids.length)
      throw new UserError(`${where}: expected ${ids.length} samples`);
    return list.map((sample: unknown, at) => checkSample(sample, { id: ids[at] as string, shots }, where));
  });
  return { samples, meta: checkMeta(readJson(head, where), where) };
}

function checkMeta(value: unknown, where: string): UnitMeta {
  const { worker, environment, backend, cost } = (value ?? {}) as Record<keyof UnitMeta, unknown>;
  const env = (environment ?? {}) as Record<string, unknown>;
  const on = (backend ?? {}) as Record<string, unknown>;
  const costs = Array.isArray(cost) ? (cost as Record<string, unknown>[]) : [];
  const right =
    typeof worker === 'string' &&
    ['node', 'ort', 'platform'].every((key) => typeof env[key] === 'string') &&
    isNumber(env.threads) &&
    (backend === null || (typeof on.model === 'string' && typeof on.device === 'string')) &&
    costs.every(
      (one) =>
        typeof one?.task === 'string' &&
        ['seconds', 'tokens_scored', 'tokens_computed', 'reused'].every((key) => Number.isFinite(one[key])),
    );
  if (!right) throw new UserError(`${where}: its account of the worker is not well formed`);
  return value as UnitMeta;
}

function readJson(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new UserError(`${where}: not JSON: ${messageOf(error)}`);
  }
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function show(value: unknown): string {
  // Of any depth: BullMQ has parsed it.
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80);
}
