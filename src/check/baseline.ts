import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { hasCode, messageOf, UserError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { isLmEvalOutput } from '../lm-eval/output.ts';
import { openRun } from '../lm-eval/read.ts';
import { BACKEND, SPEC, TASK_IDENTITY } from '../store/record-shape.ts';
import {
  checkShape,
  count,
  either,
  flag,
  listOf,
  nullable,
  number,
  object,
  oneOf,
  type Shape,
  text,
} from '../store/shape.ts';
import { readItems, type StoredCell, type StoredItem, type StoredRun } from './items.ts';

const KIND = 'evalgpt baseline';

/** A baseline file: gzipped JSON, an item's values in columns. */
interface BaselineFile extends Pick<StoredRun, 'spec' | 'environment'> {
  /** Version of the format. */
  readonly format: 1;
  readonly kind: typeof KIND;
  /** As in a StoredRun, but for the items. */
  readonly cells: readonly (Omit<StoredCell, 'items'> & { readonly items: ItemColumns })[];
}

type ItemColumns = { readonly [K in keyof StoredItem]: readonly StoredItem[K][] };

const BASELINE: Shape = object({
  spec: SPEC,
  environment: object({ git: nullable(text), ort: text, platform: text, backends: listOf(BACKEND) }),
  cells: listOf(
    object({
      ...{
        model: text,
        task: TASK_IDENTITY,
        shots: either(oneOf('max'), count),
        draws: count,
        primary: text,
      },
      ...{ chance: nullable(number), value: nullable(number) },
      window: nullable(object({ context: count, stride: count })),
      items: object({
        ...{
          id: listOf(text),
          cluster: listOf(text),
          prompt: listOf(text),
          unscored: listOf(nullable(text)),
        },
        ...{ value: listOf(nullable(number)), logprob: listOf(nullable(number)), units: listOf(number) },
        ...{ sums: listOf(listOf(number)), counts: listOf(nullable(listOf(number))) },
        answer: listOf(nullable(either(text, flag, number))),
      }),
    }),
  ),
});

const COLUMNS: readonly (keyof StoredItem)[] = [
  'id',
  'cluster',
  'prompt',
  'unscored',
  'value',
  'logprob',
  'units',
  'sums',
  'counts',
  'answer',
];

/** A run as the bytes of a baseline file. */
export async function packBaseline({ spec, environment, cells }: StoredRun): Promise<Buffer> {
  const { git, ort, platform, backends } = environment;
  const file: BaselineFile = {
    format: 1,
    kind: KIND,
    spec,
    environment: { git, ort, platform, backends },
    cells: cells.map((cell) => ({ ...cell, items: columns(cell.items) })),
  };
  return promisify(gzip)(JSON.stringify(file), { level: 9 });
}

function columns(items: readonly StoredItem[]): ItemColumns {
  return Object.fromEntries(
    COLUMNS.map((key) => [key, items.map((item) => item[key])]),
  ) as unknown as ItemColumns;
}

function rows(table: ItemColumns): StoredItem[] {
  return table.id.map(
    (_, i) => Object.fromEntries(COLUMNS.map((key) => [key, table[key][i]])) as unknown as StoredItem,
  );
}

/**
 * Reads what is to be compared: a run folder, or a baseline file; PATH#MODEL names one of several models.
 * @param option how the user named it, for messages
 * @throws UserError where it is neither, or holds several models and none is named
 */
export async function readStoredRun(named: string, option: string): Promise<StoredRun> {
  const hash = named.lastIndexOf('#');
  const isWhole = hash < 0 || (await exists(named));
  const path = isWhole ? named : named.slice(0, hash);
  const model = isWhole ? undefined : named.slice(hash + 1);
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    (error: unknown) => {
      if (hasCode(error, 'ENOENT'))
        throw new UserError(`${option} ${path}: expected a run folder or a baseline file, found nothing`);
      throw error;
    },
  );
  const whole = isFile && !(await isLmEvalOutput(path)) ? await readBaseline(path) : await readFolder(path);
  const models = whole.spec.models.map(({ ref }) => ref);
  if (model !== undefined && !models.includes(model))
    throw new UserError(`${option} ${path}: holds no model "${model}", but ${models.join(', ')}`);
  if (models.length > 1 && model === undefined)
    throw new UserError(
      `${option} ${path}: holds ${models.length} models; name one as ${path}#MODEL: ${models.join(', ')}`,
    );
  return whole.read(model ?? models[0] ?? '');
}

/** A run of one model or more, whose items are read for one. */
interface OpenRun {
  readonly spec: StoredRun['spec'];
  read(model: string): Promise<StoredRun> | StoredRun;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function readFolder(path: string): Promise<OpenRun> {
  const run = await openRun(path);
  const { spec, environment, status } = run.record;
  if (status !== 'complete')
    throw new UserError(`${path}: the run was stopped before all was scored; run it to its end first`);
  return {
    spec,
    async read(model) {
      try {
        const cells = await readItems(run.folder, run.record, model);
        // A temporary folder is gone once its items are read.
        const folder = run.folder === path ? path : null;
        return { path, folder, model, spec, environment, cells };
      } finally {
        await run.close();
      }
    },
  };
}

async function readBaseline(path: string): Promise<OpenRun> {
  let file: Partial<BaselineFile>;
  try {
    const json = (await promisify(gunzip)(await readFile(path))).toString('utf8');
    file = (parseJson(json) ?? {}) as Partial<BaselineFile>;
  } catch (error) {
    throw new UserError(`${path}: expected a file of \`evalgpt baseline save\`: ${messageOf(error)}`);
  }
  if (file.kind !== KIND || file.format !== 1 || !file.spec || !file.environment || !file.cells) {
    throw new UserError(
      `${path}: expected a baseline of format 1, found ${JSON.stringify(file.kind ?? null)} of format ${JSON.stringify(file.format ?? null)}`,
    );
  }
  checkShape(file, BASELINE, path);
  const { spec, environment, cells } = file as BaselineFile;
  for (const { task, items } of cells) {
    const long = COLUMNS.find((key) => items[key].length !== items.id.length);
    if (long !== undefined)
      throw new UserError(
        `${path}: ${task.name}: expected ${items.id.length} items, found ${items[long].length} of "${long}"`,
      );
  }
  return {
    spec,
    read(model) {
      const own = cells.filter((cell) => cell.model === model);
      const read = own.map((cell) => ({ ...cell, items: rows(cell.items) }));
      return { path, folder: null, model, spec, environment, cells: read };
    },
  };
}
