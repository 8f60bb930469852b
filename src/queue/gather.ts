import { createHash } from 'node:crypto';
import { UserError } from '../errors.ts';
import { cellsOf, factsOf } from '../evaluate/cells.ts';
import { addCost } from '../evaluate/evaluate.ts';
import { promptTexts, tokenTexts } from '../evaluate/item-texts.ts';
import type { Prepared } from '../evaluate/prepare.ts';
import { reduceRun } from '../evaluate/reduce-run.ts';
import { unitCells } from '../evaluate/score-unit.ts';
import type { Unit } from '../evaluate/units.ts';
import type { BackendRecord, CellCost, RunRecord } from '../record.ts';
import { promptsPath, type RunFolder, tokensPath } from '../store/run-folder.ts';
import type { Example, Sample } from '../types.ts';
import { decodeResult, SHA_LENGTH } from './payload.ts';

/** A run's samples as they come in from workers, in whatever order and however often. */
export interface Gatherer {
  /** Units of which samples are missing, by key. */
  readonly todo: ReadonlyMap<string, Unit>;
  /**
   * Adds a unit's samples to the folder; a unit that is complete already is passed over.
   * @throws UserError where they are not that unit's, or not those that are there
   */
  take(key: string, result: Buffer): Promise<void>;
  record(status: RunRecord['status']): RunRecord;
  /** The complete record, once nothing is to do. */
  reduce(): Promise<RunRecord>;
}

export async function openGatherer(
  prepared: Prepared,
  units: ReadonlyMap<string, Unit>,
  folder: RunFolder,
  warnings: { readonly list: readonly string[]; readonly warn: (message: string) => void },
): Promise<Gatherer> {
  const { tasks, models, spec } = prepared;
  const known = new Map<string, Map<string, string>>();
  for (const { identity } of models) {
    for (const task of tasks) {
      for (const { path } of cellsOf(factsOf(task), identity.ref)) {
        const own = (await folder.finished(path)).map((sample) => [sample.id, digest(sample)] as const);
        known.set(path, new Map(own));
      }
    }
  }
  const todo = new Map(
    [...units].filter(([, unit]) =>
      unitCells(prepared, unit).some(({ path, ids }) => ids.some((id) => !known.get(path)?.has(id))),
    ),
  );
  const former = folder.former;
  const backends = new Map<string, BackendRecord>(
    former?.environment.backends.map((backend) => [JSON.stringify(backend), backend]) ?? [],
  );
  const costs = new Map<string, CellCost>();
  const addCosts = (list: readonly CellCost[]): void => {
    for (const cost of list) {
      const key = JSON.stringify([cost.model, cost.task]);
      const before = costs.get(key);
      costs.set(key, before ? addCost(before, cost) : cost);
    }
  };
  addCosts(former?.cost ?? []);
  let environment = former?.environment ?? prepared.environment;
  let heard = former !== undefined && former.cost.length > 0;

  const record = (status: RunRecord['status']): RunRecord => ({
    ...{ format: 1, status, spec },
    environment: {
      ...prepared.environment,
      // Of the workers: here nothing was computed.
      ort: environment.ort,
      node: environment.node,
      platform: environment.platform,
      threads: environment.threads,
      backends: sortedByModel(prepared, [...backends.values()]),
      warnings: warnings.list,
    },
    ...{ results: [], groups: [] },
    cost: models.flatMap(({ identity: { ref } }) =>
      tasks.flatMap(({ task }) => costs.get(JSON.stringify([ref, task.name])) ?? []),
    ),
  });

  return {
    todo,
    record,
    async take(key, result) {
      const unit = units.get(key);
      if (!unit || !todo.has(key) || result.length <= SHA_LENGTH) return;
      const cells = unitCells(prepared, unit);
      const { samples, meta } = await decodeResult(result, key, cells);
      for (const [i, { path }] of cells.entries()) {
        const own = known.get(path) ?? new Map<string, string>();
        known.set(path, own);
        for (const sample of samples[i] ?? []) {
          const [before, now] = [own.get(sample.id), digest(sample)];
          if (before !== undefined && before !== now)
            throw new UserError(
              `${path}: item "${sample.id}" was scored twice with different results, now by ${meta.worker}: are the workers' machines alike?`,
            );
          if (before === undefined) folder.append(path, sample);
          own.set(sample.id, now);
        }
      }
      todo.delete(key);
      for (const name of ['ort', 'platform', 'threads', 'node'] as const) {
        const [then, now] = [environment[name], meta.environment[name]];
        if (heard && then !== now)
          warnings.warn(
            `the workers differ in ${name} (${then}, ${now}): scores may differ in their last digits`,
          );
      }
      if (!heard) environment = { ...environment, ...meta.environment };
      heard = true;
      if (meta.backend) backends.set(JSON.stringify(meta.backend), meta.backend);
      const own = new Set(unit.slices.map(({ task }) => task));
      addCosts(meta.cost.filter(({ model, task }) => model === unit.model && own.has(task)));
    },
    async reduce() {
      await folder.flush();
      for (const { identity, tokenizer } of models)
        await folder.writeText(tokensPath(identity.ref), tokenTexts(tokenizer));
      const shown = new Map(tasks.map((loaded) => [loaded.task.name, new Set<Example>()]));
      const idsOf = new Map(tasks.map((l) => [l.task.name, l.examples.map(({ id }) => id)]));
      const reduced = await reduceRun({
        spec,
        tasks: tasks.map(factsOf),
        windows: models.map(({ contextLength }) => contextLength),
        ids: async (task) => idsOf.get(task) ?? [],
        async samples(cell, _, { name }) {
          const loaded = tasks.find(({ task }) => task.name === name);
          const byId = new Map(loaded?.examples.map((example) => [example.id, example]));
          const samples = await folder.finished(cell.path);
          for (const { id, shots } of samples) {
            const example = byId.get(id);
            if (!example || shots.length === 0) continue;
            for (const shot of loaded?.shots[cell.draw]?.(example, shots.length) ?? [])
              shown.get(name)?.add(shot);
          }
          return samples;
        },
      });
      for (const loaded of tasks.filter(({ missing }) => missing === undefined)) {
        const { name } = loaded.task;
        await folder.writeText(promptsPath(name), promptTexts(loaded, shown.get(name)));
      }
      const complete = { ...record('complete'), ...reduced };
      await folder.writeRecord(complete);
      return complete;
    },
  };
}

function sortedByModel({ models }: Prepared, backends: readonly BackendRecord[]): BackendRecord[] {
  const order = models.map(({ identity }) => identity.ref);
  return [...backends].sort((a, b) => order.indexOf(a.model) - order.indexOf(b.model));
}

function digest(sample: Sample): string {
  return createHash('sha256').update(JSON.stringify(sample)).digest('base64').slice(0, 16);
}
