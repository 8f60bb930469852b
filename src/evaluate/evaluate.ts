import { demoTasks } from '../../tasks/index.ts';
import { UserError } from '../errors.ts';
import { inspectModel, openModel } from '../models/open.ts';
import { packageVersion } from '../package.ts';
import { startRun, writeRecord } from '../store.ts';
import type { CellCost, CellResult, ModelIdentity, RunRecord, RunSpec } from '../types.ts';
import { environmentOf } from './environment.ts';
import type { EvaluateOptions } from './events.ts';
import { loadTask, selectTasks } from './load.ts';
import { absentCells, runTask } from './run-task.ts';

/** A spec's defaults, for all but the models. */
export const DEFAULT_SPEC: Omit<RunSpec, 'models'> = {
  tasks: demoTasks,
  shots: [0, 1, 32],
  protocol: null,
  draw: null,
  draws: 1,
  limit: null,
  seed: 1,
  device: 'auto',
  dtype: 'fp32',
  threads: null,
  overflow: 'drop-shots',
};

/**
 * Runs tasks on models: prompts, requests, scores, metrics, record.
 * @param spec what to run; what it leaves out is taken from DEFAULT_SPEC
 * @returns the record that run.json holds
 * @throws UserError for what the user can mend; the signal's reason when aborted
 */
export async function evaluate(
  spec: Pick<RunSpec, 'models'> & Partial<RunSpec>,
  options: EvaluateOptions = {},
): Promise<RunRecord> {
  const full: RunSpec = { ...DEFAULT_SPEC, ...spec };
  const { signal, onEvent, out } = options;
  const warnings: string[] = [];
  const warn = (message: string): void => {
    if (warnings.includes(message)) return;
    warnings.push(message);
    onEvent?.({ kind: 'warning', message });
  };

  const wanted = selectTasks(full.tasks);
  const loaded = await Promise.all(wanted.map((task) => loadTask(task, full, warn)));
  if (loaded.every((l) => l.missing !== undefined))
    throw new UserError(loaded[0]?.missing ?? 'no task to run');
  for (const { task, missing } of loaded) {
    if (missing !== undefined) warn(`${task.name} is not scored: ${missing}`);
  }
  // A mistake in the last model is told before the first one runs.
  for (const ref of full.models) await inspectModel(ref);
  if (out !== undefined) await startRun(out);

  const identities: ModelIdentity[] = [];
  const results: CellResult[] = [];
  const cost: CellCost[] = [];
  let ort = '';
  let threads = 0;
  const record = (status: RunRecord['status']): RunRecord => ({
    format: 1,
    status,
    spec: { evalgpt: packageVersion(), ...full, models: identities, tasks: loaded.map((l) => l.identity) },
    environment: environmentOf({ ort, threads, warnings }),
    results,
    cost,
  });

  for (const ref of full.models) {
    const began = performance.now();
    const model = await openModel(ref, { threads: full.threads });
    try {
      ort = model.backend.runtime;
      threads = model.threads;
      identities.push(model.identity);
      const { identity, contextLength } = model;
      onEvent?.({ kind: 'model', identity, contextLength, seconds: (performance.now() - began) / 1000 });
      for (const task of loaded) {
        signal?.throwIfAborted();
        const done =
          task.missing === undefined
            ? await runTask(task, model, full, { signal, onEvent, out })
            : absentCells(task, model, full);
        results.push(...done.results);
        if (done.cost) cost.push(done.cost);
        for (const result of done.results) onEvent?.({ kind: 'cell', result });
        if (out !== undefined) await writeRecord(out, record('partial'));
      }
    } finally {
      await model.backend.close();
    }
  }
  const complete = record('complete');
  if (out !== undefined) await writeRecord(out, complete);
  return complete;
}
