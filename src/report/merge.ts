import type { CellResult, ModelIdentity, RunRecord, RunSpec, TaskIdentity } from '../record.ts';

/** A run folder that was read. */
export interface Run {
  /** As the reader of a report knows it. */
  readonly name: string;
  readonly folder: string;
  readonly record: RunRecord;
}

export interface MergedModel {
  /** Its ref, and what tells it from another model of the same ref. */
  readonly name: string;
  readonly identity: ModelIdentity;
  /** Of a checkpoint in training, by its ref or revision: the step, and the name without it. */
  readonly step: { readonly series: string; readonly number: number } | null;
}

export interface MergedTask {
  readonly name: string;
  readonly identity: TaskIdentity;
}

/** A model, a task and a number of shots, from the run that is shown. */
export interface MergedCell {
  readonly model: number;
  readonly task: number;
  readonly shots: number | 'max';
  readonly run: Run;
  /** The mean over draws where there is one, else the first draw. */
  readonly result: CellResult;
  /** Of several draws each; else that one result. */
  readonly draws: readonly CellResult[];
}

export interface Merged {
  readonly runs: readonly Run[];
  /** By parameters, then step, then name. */
  readonly models: readonly MergedModel[];
  readonly tasks: readonly MergedTask[];
  readonly shots: readonly (number | 'max')[];
  readonly cells: readonly MergedCell[];
  /** What a reader must know before comparing, a sentence each. */
  readonly notes: readonly string[];
}

/** Settings that scores depend on. */
const SETTINGS = [
  'limit',
  'seed',
  'draws',
  'dtype',
  'overflow',
  'stride',
] as const satisfies (keyof RunSpec)[];

/**
 * Joins runs: a model is its ref and weights, a task its name, version, wording and data. Where two runs have the same
 * cell the first one given is shown. All that differs is told in the notes.
 */
export function mergeRuns(runs: readonly Run[]): Merged {
  const notes: string[] = [];
  const models = mergeModels(runs, notes);
  const tasks = mergeTasks(runs, notes);
  const cells = new Map<string, MergedCell>();
  for (const run of runs) {
    const { record, name } = run;
    if (record.status === 'partial')
      notes.push(`${name} is a part: the run was stopped before all was scored.`);
    for (const found of cellsOf(run, models, tasks)) {
      const key = `${found.model} ${found.task} ${found.shots}`;
      const known = cells.get(key);
      if (!known) cells.set(key, found);
      else if (known.run !== run && !isSame(known, found)) notes.push(conflict(known, found, models, tasks));
    }
  }
  for (const setting of SETTINGS) {
    const values = new Map<string, string>();
    for (const { record, name } of runs) {
      const value = JSON.stringify(record.spec[setting] ?? null);
      if (!values.has(value)) values.set(value, name);
    }
    if (values.size < 2) continue;
    const list = [...values].map(([value, name]) => `${value} in ${name}`).join(', ');
    notes.push(`The runs differ in ${setting}: ${list}.`);
  }
  const list = [...cells.values()];
  return {
    runs,
    models: models.map(({ model }) => model),
    tasks: tasks.map(({ task }) => task),
    shots: [...new Set(list.map((c) => c.shots))].sort(byShots),
    cells: list.sort((a, b) => a.task - b.task || a.model - b.model || byShots(a.shots, b.shots)),
    notes: [...new Set(notes)],
  };
}

/** Ascending; as many as fit last. */
function byShots(a: number | 'max', b: number | 'max'): number {
  const order = (k: number | 'max'): number => (k === 'max' ? Number.MAX_VALUE : k);
  return order(a) - order(b);
}

interface KeyedModel {
  readonly key: string;
  readonly model: MergedModel;
}

function modelKey({ ref, sha256 }: ModelIdentity): string {
  return JSON.stringify([ref, sha256]);
}

function mergeModels(runs: readonly Run[], notes: string[]): KeyedModel[] {
  const found = new Map<string, { identity: ModelIdentity; revision: string | null }>();
  for (const { record } of runs) {
    for (const identity of record.spec.models) {
      const key = modelKey(identity);
      if (!found.has(key)) found.set(key, { identity, revision: record.spec.revision ?? null });
    }
  }
  const all = [...found.values()];
  const models = [...found].map(([key, { identity, revision }]): KeyedModel => {
    const { ref, sha256 } = identity;
    const others = all.filter((other) => other.identity.ref === ref);
    const revisions = new Set(others.map((other) => other.revision));
    const apart = revisions.size === others.length ? `@${revision ?? 'main'}` : ` (${sha256.slice(0, 8)})`;
    const short = shortName(ref, all);
    const name = others.length === 1 ? short : `${short}${apart}`;
    if (others.length > 1) {
      const hashes = others.map((other) => other.identity.sha256.slice(0, 8)).join(', ');
      notes.push(`${ref} names ${others.length} models of different weights: ${hashes}.`);
    }
    return { key, model: { name, identity, step: stepOf(ref) ?? stepOf(revision ?? '', ref) } };
  });
  return withoutLoneSteps(models).sort(
    ({ model: a }, { model: b }) =>
      a.identity.parameters - b.identity.parameters ||
      (a.step?.number ?? -1) - (b.step?.number ?? -1) ||
      (a.name < b.name ? -1 : 1),
  );
}

/** One checkpoint alone is no training: a model like any other. */
function withoutLoneSteps(models: readonly KeyedModel[]): KeyedModel[] {
  const steps = models.flatMap(({ model }) => model.step?.series ?? []);
  return models.map(({ key, model }) => {
    const alone = steps.filter((series) => series === model.step?.series).length === 1;
    return { key, model: alone ? { ...model, step: null } : model };
  });
}

/** A folder by as much of its path's end as tells it from the others. */
function shortName(ref: string, all: readonly { readonly identity: ModelIdentity }[]): string {
  const isFolder = /^[./~]|^[A-Za-z]:\\/.test(ref) || ref.split('/').length > 2;
  if (!isFolder) return ref;
  const others = [...new Set(all.map(({ identity }) => identity.ref))].filter((other) => other !== ref);
  const parts = ref.split('/').filter((part) => part !== '' && part !== '.');
  for (let kept = 1; kept <= parts.length; kept++) {
    const end = parts.slice(-kept).join('/');
    if (others.every((other) => other !== end && !other.endsWith(`/${end}`))) return end;
  }
  return ref;
}

/** The step that a name ends in, such as step1000, checkpoint-1000 or ckpt_1000. */
export function stepOf(text: string, prefix = ''): MergedModel['step'] {
  const found = /^(.*?)(?:step|checkpoint|ckpt|iter)[-_=]?(\d+)\/?$/i.exec(text);
  return found ? { series: `${prefix}${found[1]}`, number: Number(found[2]) } : null;
}

interface KeyedTask {
  readonly key: string;
  readonly task: MergedTask;
}

function taskKey({ name, version, protocol, dataset_sha256, draw, file_sha256 }: TaskIdentity): string {
  return JSON.stringify([name, version, protocol, dataset_sha256, draw, file_sha256]);
}

function mergeTasks(runs: readonly Run[], notes: string[]): KeyedTask[] {
  const found = new Map<string, TaskIdentity>();
  for (const { record } of runs) {
    for (const identity of record.spec.tasks) {
      const key = taskKey(identity);
      if (!found.has(key)) found.set(key, identity);
    }
  }
  const all = [...found.values()];
  return [...found].map(([key, identity]) => {
    const others = all.filter((other) => other.name === identity.name);
    if (others.length === 1) return { key, task: { name: identity.name, identity } };
    const differing = (['version', 'protocol', 'dataset_sha256', 'draw', 'file_sha256'] as const).filter(
      (field) => new Set(others.map((other) => other[field])).size > 1,
    );
    notes.push(
      `${identity.name} stands in ${others.length} rows that may not be compared: its runs differ in ${differing.join(' and ')}.`,
    );
    const apart = differing.map((field) => `${String(identity[field] ?? 'none').slice(0, 8)}`).join(', ');
    return { key, task: { name: `${identity.name} (${apart})`, identity } };
  });
}

/** A run's cells: its results by model, task and shots. What names no model or task of the run is left out. */
function cellsOf(run: Run, models: readonly KeyedModel[], tasks: readonly KeyedTask[]): MergedCell[] {
  const { spec, results } = run.record;
  const modelAt = new Map(
    spec.models.map((m) => [m.ref, models.findIndex(({ key }) => key === modelKey(m))]),
  );
  const taskAt = new Map(spec.tasks.map((t) => [t.name, tasks.findIndex(({ key }) => key === taskKey(t))]));
  const groups = new Map<string, CellResult[]>();
  for (const result of results) {
    const key = JSON.stringify([result.model, result.task, result.shots]);
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].flatMap((group): MergedCell[] => {
    const draws = group.filter((result) => result.draws === undefined);
    const result = group.find((r) => r.draws !== undefined) ?? draws[0];
    const [model, task] = [modelAt.get(result?.model ?? ''), taskAt.get(result?.task ?? '')];
    if (!result || model === undefined || task === undefined) return [];
    return [{ model, task, shots: result.shots, run, result, draws }];
  });
}

function isSame(a: MergedCell, b: MergedCell): boolean {
  const numbers = ({ result, draws }: MergedCell): string =>
    JSON.stringify([result.n, result.metrics, draws.map((draw) => draw.metrics)]);
  return numbers(a) === numbers(b);
}

function conflict(
  shown: MergedCell,
  other: MergedCell,
  models: readonly KeyedModel[],
  tasks: readonly KeyedTask[],
): string {
  const [model, task] = [models[shown.model]?.model.name, tasks[shown.task]?.task.name];
  const of = ({ run, result }: MergedCell): string => `${run.name} (${result.n} items)`;
  return `${task} at k = ${shown.shots} of ${model} was scored twice with different results: ${of(shown)} is shown, ${of(other)} is not.`;
}
