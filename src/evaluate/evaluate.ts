import { groups } from '../../tasks/groups.ts';
import { coreTasks } from '../../tasks/index.ts';
import { UserError } from '../errors.ts';
import { groupResults } from '../metrics/groups.ts';
import type { Model } from '../models/open.ts';
import { withPublished } from '../published/join.ts';
import { readFigures } from '../published/read.ts';
import type { BackendRecord, CellCost, CellResult, RunRecord, RunSpec } from '../record.ts';
import { disk } from '../store/disk.ts';
import { openRunFolder, promptsPath, tokensPath } from '../store/run-folder.ts';
import { openScoreCache } from '../store/score-cache.ts';
import type { Backend, Example } from '../types.ts';
import { absentCells, cellResults, factsOf } from './cells.ts';
import type { EvaluateOptions } from './events.ts';
import { promptTexts, tokenTexts } from './item-texts.ts';
import { checkAnyModelName, openAnyModel } from './open-model.ts';
import { loadBackend, type Ports, prepare } from './prepare.ts';
import { PROBE_BOUND, type ReadyBackend } from './ready.ts';
import { runTask } from './run-task.ts';
import { cutShards } from './units.ts';
import { workOf } from './work.ts';

export type { Ports } from './prepare.ts';

/** A spec's defaults, for all but the models: the core tasks at 0, 1 and 32 shots, every item, in float32. */
export const DEFAULT_SPEC: Omit<RunSpec, 'models'> = {
  revision: null,
  tasks: coreTasks,
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
  texts: [],
  taskFiles: [],
  stride: null,
  overlap: [],
};

/** A spec with its defaults: where it names files of texts or of tasks, no tasks besides; no model and no text twice. */
export function fillSpec(spec: Pick<RunSpec, 'models'> & Partial<RunSpec>): RunSpec {
  const files = [...(spec.texts ?? []), ...(spec.taskFiles ?? [])];
  const full = { ...DEFAULT_SPEC, ...(files.length > 0 ? { tasks: [] } : {}), ...spec };
  return { ...full, models: [...new Set(full.models)], texts: [...new Set(full.texts)] };
}

/**
 * Runs tasks on models: prompts, requests, scores, metrics, record. With a folder, every finished item is on the
 * disk within two seconds, and the same call again takes up where this one stopped.
 * @param spec what to run; what it leaves out is taken from DEFAULT_SPEC, see fillSpec
 * @returns the record that run.json holds
 * @throws UserError for what the user can mend; the signal's reason when aborted
 */
export function evaluate(
  spec: Pick<RunSpec, 'models'> & Partial<RunSpec>,
  options: EvaluateOptions = {},
): Promise<RunRecord> {
  const ports = { openModel: openAnyModel, checkModelName: checkAnyModelName, disk, flushMs: 1000 };
  return evaluateWith(ports, spec, options);
}

/** `evaluate` on a world of the caller's making. */
export async function evaluateWith(
  ports: Ports,
  spec: Pick<RunSpec, 'models'> & Partial<RunSpec>,
  options: EvaluateOptions = {},
): Promise<RunRecord> {
  const full = fillSpec(spec);
  const { signal, onEvent, shard } = options;
  const warnings: string[] = [];
  const warn = (message: string): void => {
    if (warnings.includes(message)) return;
    warnings.push(message);
    onEvent?.({ kind: 'warning', message });
  };
  const prepared = await prepare(ports, full, options, warn);
  const { tasks: loaded, models, environment } = prepared;
  const slices = shard && (cutShards(workOf(loaded, models), shard.n)[shard.i - 1] ?? []);

  const results: CellResult[] = [];
  const cost: CellCost[] = [];
  const backends: BackendRecord[] = [];
  const record = (status: RunRecord['status']): RunRecord => ({
    format: 1,
    // Nobody should take a part's numbers for the run's.
    status: slices ? 'partial' : status,
    spec: prepared.spec,
    environment: { ...environment, backends, warnings },
    results,
    groups: groupResults(groups, results),
    cost,
    ...(shard && slices
      ? {
          shard: {
            ...{ index: shard.i, of: shard.n, done: status === 'complete', slices },
            tasks: loaded.map(factsOf),
            windows: models.map(({ contextLength }) => contextLength),
          },
        }
      : {}),
  });
  const begun = record('partial');
  const figures = { figures: readFigures(), tasks: loaded.map((l) => l.task), spec: begun.spec };
  const out = typeof options.out === 'function' ? options.out(begun.spec) : options.out;
  const folder = out === undefined ? undefined : await openRunFolder(out, begun, ports);
  if (out !== undefined) onEvent?.({ kind: 'folder', path: out, resumed: folder?.former !== undefined });
  try {
    for (const key of ['ort', 'platform', 'threads', 'node'] as const) {
      const [then, now] = [folder?.former?.environment[key], environment[key]];
      if (then !== undefined && then !== now) {
        warn(`resumed with ${key} ${now} instead of ${then}: scores may differ in their last digits`);
      }
    }
    const shown = new Map(loaded.map((task) => [task, new Set<Example>()]));
    for (const model of models) {
      const { ref } = model.identity;
      if (slices && !slices.some((slice) => slice.model === ref)) continue;
      const load = async (): Promise<ReadyBackend> => {
        const ready = await loadBackend(prepared, model, { warn, signal, onEvent });
        backends.push(ready.record);
        return ready;
      };
      let ready: Promise<ReadyBackend> | undefined;
      const open = (): Promise<ReadyBackend> => {
        ready ??= load();
        return ready;
      };
      // What a score depends on must be known before any is looked up; for the CPU it is without loading.
      const lazy = prepared.lazy && !model.served;
      const on = lazy ? { device: 'cpu' as const, dtype: full.dtype } : (await open()).record;
      const then = folder?.former?.environment.backends?.find((backend) => backend.model === ref);
      if (then && then.device !== on.device) {
        warn(
          `${ref}: resumed on ${on.device} instead of ${then.device}: scores may differ in their last digits`,
        );
      }
      const moved = probeMoved(then, model);
      if (moved !== undefined) {
        await (await open()).backend.close();
        throw new UserError(
          `${ref}: another model is served than when the run was begun: its log-probabilities of the probe moved by up to ${moved.toPrecision(2)} nats; name another --out`,
        );
      }
      const cache =
        options.reuse === undefined
          ? undefined
          : await openScoreCache(options.reuse, model.scoreIdentity(on));
      // Of a server's own tokenizer the vocabulary is not known.
      if (model.tokenizer.vocabularySize > 0)
        await folder?.writeText(tokensPath(ref), tokenTexts(model.tokenizer));
      try {
        for (const task of loaded) {
          signal?.throwIfAborted();
          const facts = factsOf(task);
          if (task.missing !== undefined) {
            if (!slices) results.push(...absentCells({ task: facts, model: ref, spec: full }));
            continue;
          }
          const slice = slices?.find((s) => s.model === ref && s.task === facts.name);
          if (slices && !slice) continue;
          const backend = async (): Promise<Backend> => (await open()).backend;
          const options = { signal, onEvent, folder, cache, backend, shown: shown.get(task) };
          const done = await runTask(task, model, full, { ...options, part: slice });
          await folder?.writeText(promptsPath(facts.name), promptTexts(task, shown.get(task)));
          const before = folder?.former?.cost.find((c) => c.model === ref && c.task === facts.name);
          cost.push(before ? addCost(before, done.cost) : done.cost);
          if (!slices) {
            const ids = task.examples.map(({ id }) => id);
            const { contextLength } = model;
            const found = cellResults(
              { task: facts, ids, model: ref, contextLength, spec: full },
              done.cells,
            );
            const joined = found.map((result) => withPublished(result, figures));
            results.push(...joined);
            for (const result of joined) onEvent?.({ kind: 'cell', result });
          }
          await folder?.writeRecord(record('partial'));
        }
      } finally {
        await cache?.close();
        if (!ready && then) backends.push(then);
        await (await ready?.catch(() => undefined))?.backend.close();
      }
    }
    const complete = record('complete');
    await folder?.writeRecord(complete);
    return complete;
  } finally {
    await folder?.close();
  }
}

/** How far a served model's probe is from that of the run's beginning, where that is too far. */
function probeMoved(then: BackendRecord | undefined, { served }: Model): number | undefined {
  if (!then?.probe || !served) return undefined;
  const differences = served.probe.map((l, i) => Math.abs(l - (then.probe?.[i] ?? Infinity)));
  const most = Math.max(0, ...differences);
  return most > PROBE_BOUND ? most : undefined;
}

/** The cost of a task that was finished in several runs. */
export function addCost(before: CellCost, now: CellCost): CellCost {
  return {
    ...now,
    seconds: Number((before.seconds + now.seconds).toFixed(3)),
    tokens_scored: before.tokens_scored + now.tokens_scored,
    tokens_computed: before.tokens_computed + now.tokens_computed,
  };
}
