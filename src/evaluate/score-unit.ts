import type { BackendRecord, CellCost, Slice } from '../record.ts';
import type { RunFolder } from '../store/run-folder.ts';
import type { Backend, Sample } from '../types.ts';
import { cellsOf, factsOf } from './cells.ts';
import type { EvaluateOptions } from './events.ts';
import { loadBackend, type Prepared } from './prepare.ts';
import type { ReadyBackend } from './ready.ts';
import { runTask } from './run-task.ts';
import type { Unit } from './units.ts';

/** A unit's samples, and what they took. */
export interface UnitScore {
  /** A list for each slice and cell, in the order of `unitCells`; each in the order of the data. */
  readonly samples: readonly (readonly Sample[])[];
  readonly cost: readonly CellCost[];
  /** Null where nothing had to be computed. */
  readonly backend: BackendRecord | null;
}

/** A list of samples that a unit has: its file in a run folder, its shots, and its items. */
export interface UnitCell {
  readonly path: string;
  readonly shots: number | 'max';
  readonly ids: readonly string[];
}

/** The cells of each of a unit's slices, in their order. */
export function unitCells({ tasks }: Pick<Prepared, 'tasks'>, unit: Unit): UnitCell[] {
  return unit.slices.flatMap(({ task, from, to }) => {
    const loaded = tasks.find((one) => one.task.name === task);
    if (!loaded) throw new Error(`the run has no task ${task}`);
    const ids = loaded.examples.slice(from, to).map(({ id }) => id);
    return cellsOf(factsOf(loaded), unit.model).map(({ path, shots }) => ({ path, shots, ids }));
  });
}

/** Scores units of a prepared run, one model in memory at a time where they come one by one. */
export interface UnitScorer {
  /** @throws the signal's reason when aborted; the model is then loaded anew for the next unit */
  score(unit: Unit, options: Pick<EvaluateOptions, 'signal' | 'onEvent'>): Promise<UnitScore>;
  close(): Promise<void>;
}

interface Open {
  readonly ready: Promise<ReadyBackend>;
  users: number;
}

/** The model of the last unit stays loaded for the next one. */
export function openUnitScorer(prepared: Prepared, warn: (message: string) => void): UnitScorer {
  const opened = new Map<string, Open>();

  const close = async (ref: string): Promise<void> => {
    const open = opened.get(ref);
    opened.delete(ref);
    await (await open?.ready.catch(() => undefined))?.backend.close();
  };
  const acquire = async (
    ref: string,
    options: Pick<EvaluateOptions, 'signal' | 'onEvent'>,
  ): Promise<Open> => {
    for (const [other, { users }] of opened) if (other !== ref && users === 0) await close(other);
    const known = opened.get(ref);
    if (known) return known;
    const model = prepared.models.find(({ identity }) => identity.ref === ref);
    if (!model) throw new Error(`the run has no model ${ref}`);
    const open = { ready: loadBackend(prepared, model, { ...options, warn }), users: 0 };
    // Whoever awaits it is told; nobody may.
    open.ready.catch(() => {});
    opened.set(ref, open);
    return open;
  };
  return {
    async score(unit, options) {
      let open: Open | undefined;
      const backend = async (): Promise<Backend> => {
        if (!open) {
          open = await acquire(unit.model, options);
          open.users++;
        }
        return (await open.ready).backend;
      };
      try {
        const samples: (readonly Sample[])[] = [];
        const cost: CellCost[] = [];
        for (const slice of unit.slices) {
          const done = await scoreSlice(prepared, slice, backend, options);
          samples.push(...done.samples);
          cost.push(done.cost);
        }
        return { samples, cost, backend: open ? (await open.ready).record : null };
      } catch (error) {
        // A step may have ended in the middle: what it kept in the session is not known.
        if (open && open.users === 1) await close(unit.model);
        throw error;
      } finally {
        if (open) open.users--;
      }
    },
    async close() {
      for (const ref of [...opened.keys()]) await close(ref);
    },
  };
}

async function scoreSlice(
  prepared: Prepared,
  { model: ref, task: name, from, to }: Slice,
  backend: () => Promise<Backend>,
  options: Pick<EvaluateOptions, 'signal' | 'onEvent'>,
): Promise<{ readonly samples: readonly (readonly Sample[])[]; readonly cost: CellCost }> {
  const model = prepared.models.find(({ identity }) => identity.ref === ref);
  const task = prepared.tasks.find((one) => one.task.name === name);
  if (!model || !task) throw new Error(`the run has no ${name} on ${ref}`);
  const found = new Map<string, Map<string, Sample>>();
  const folder: Pick<RunFolder, 'finished' | 'append' | 'flush'> = {
    finished: async () => [],
    append(path, sample) {
      const own = found.get(path) ?? new Map<string, Sample>();
      found.set(path, own.set(sample.id, sample));
    },
    flush: async () => {},
  };
  const part = { from, to };
  const { cells, cost } = await runTask(task, model, prepared.full, { ...options, folder, backend, part });
  const ids = task.examples.slice(from, to).map(({ id }) => id);
  const samples = cells.map(({ path }) =>
    ids.map((id) => {
      const sample = found.get(path)?.get(id);
      if (!sample) throw new Error(`${path}: item ${id} was not scored`);
      return sample;
    }),
  );
  return { samples, cost };
}
