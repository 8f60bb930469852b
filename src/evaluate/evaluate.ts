import { groups } from '../../tasks/groups.ts';
import { coreTasks } from '../../tasks/index.ts';
import { openTaskFiles } from '../custom/open.ts';
import type { DownloadEvent } from '../download.ts';
import { UserError } from '../errors.ts';
import { groupResults } from '../metrics/groups.ts';
import { isOffline } from '../models/hub.ts';
import type { Model, ModelOptions } from '../models/open.ts';
import { packageVersion } from '../package.ts';
import { withPublished } from '../published/join.ts';
import { readFigures } from '../published/read.ts';
import type { ServedOptions } from '../remote/client/open.ts';
import { type Disk, disk } from '../store/disk.ts';
import { openRunFolder, promptsPath, tokensPath } from '../store/run-folder.ts';
import { openScoreCache } from '../store/score-cache.ts';
import type { Backend, BackendRecord, CellCost, CellResult, Example, RunRecord, RunSpec } from '../types.ts';
import { absentCells } from './cells.ts';
import { checkSample } from './check-sample.ts';
import { environmentOf } from './environment.ts';
import type { EvaluateOptions } from './events.ts';
import { fetchData } from './fetch-data.ts';
import { promptTexts, tokenTexts } from './item-texts.ts';
import { type LoadedTask, loadTask, selectTasks } from './load.ts';
import { openAnyModel } from './open-model.ts';
import { readIndexes, withOverlap } from './overlap.ts';
import {
  type CheckSample,
  chooseDevices,
  needsNoCheck,
  PROBE_BOUND,
  type Probes,
  type ReadyBackend,
  readyBackend,
} from './ready.ts';
import { runTask } from './run-task.ts';
import { loadTexts } from './texts.ts';

/** A spec's defaults, for all but the models. */
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

/** A spec with its defaults: where it names files of texts or of tasks, no tasks besides. */
export function fillSpec(spec: Pick<RunSpec, 'models'> & Partial<RunSpec>): RunSpec {
  const files = [...(spec.texts ?? []), ...(spec.taskFiles ?? [])];
  return { ...DEFAULT_SPEC, ...(files.length > 0 ? { tasks: [] } : {}), ...spec };
}

/** Tokens of a prompt that are computed anew, roughly. */
const TYPICAL_TOKENS = 100;

/** What a run needs of the world. */
export interface Ports {
  readonly openModel: (ref: string, options: ModelOptions & ServedOptions) => Promise<Model>;
  readonly disk: Disk;
  /** Finished samples wait in memory for this long at most. */
  readonly flushMs: number;
  /** How devices are tried; the machine's own unless told. */
  readonly probes?: Probes;
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
  return evaluateWith({ openModel: openAnyModel, disk, flushMs: 1000 }, spec, options);
}

/** `evaluate` on a world of the caller's making. */
export async function evaluateWith(
  ports: Ports,
  spec: Pick<RunSpec, 'models'> & Partial<RunSpec>,
  options: EvaluateOptions = {},
): Promise<RunRecord> {
  const full = fillSpec(spec);
  const { signal, onEvent } = options;
  const warnings: string[] = [];
  const warn = (message: string): void => {
    if (warnings.includes(message)) return;
    warnings.push(message);
    onEvent?.({ kind: 'warning', message });
  };

  const wanted = [...selectTasks(full.tasks), ...(await openTaskFiles(full.taskFiles))];
  const onDownload = (event: DownloadEvent): void => onEvent?.(event);
  const absent = isOffline(options.offline)
    ? undefined
    : await fetchData(wanted, full, warn, { signal, onDownload });
  const indexes = await readIndexes(full.overlap);
  const loaded = await Promise.all(
    wanted.map(async (task) => withOverlap(await loadTask(task, full, warn, absent), indexes, warn)),
  );
  if (full.texts.length > 0) loaded.push(await loadTexts(full.texts));
  if (loaded.every((l) => l.missing !== undefined)) {
    throw new UserError(loaded[0]?.missing ?? 'no task to run');
  }
  for (const { task, missing } of loaded) {
    if (missing !== undefined) warn(`${task.name} is not scored: ${missing}`);
  }
  // Every model is checked and identified first: a mistake in the last is told before the first runs.
  const models: Model[] = [];
  const { threads, dtype } = full;
  const source = {
    ...{ threads, dtype, signal, revision: full.revision, offline: options.offline ?? false },
    ...{ onWarning: warn, onDownload },
    ...{ tokenizer: full.tokenizer, contextLength: full.contextLength, ...options.served },
  };
  for (const ref of full.models) models.push(await ports.openModel(ref, source));

  checkServed(models, loaded, warn);
  const devices = models.every(({ served }) => served) ? [] : await chooseDevices(full, warn, ports.probes);

  const prompts = loaded.reduce((sum, l) => sum + l.examples.length * l.shotCounts.length, 0);
  const expectedTokens = prompts * TYPICAL_TOKENS;
  const results: CellResult[] = [];
  const cost: CellCost[] = [];
  const backends: BackendRecord[] = [];
  const environment = environmentOf({ ort: models[0]?.runtime ?? '', threads: models[0]?.threads ?? 0 });
  const record = (status: RunRecord['status']): RunRecord => ({
    format: 1,
    status,
    spec: {
      evalgpt: packageVersion(),
      ...full,
      models: models.map((m) => m.identity),
      tasks: loaded.map((l) => l.identity),
    },
    environment: { ...environment, backends, warnings },
    results,
    groups: groupResults(groups, results),
    cost,
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
      const { identity, contextLength } = model;
      const { ref } = identity;
      const load = async (): Promise<ReadyBackend> => {
        const began = performance.now();
        const { device, dtype } = full;
        const sample = (): CheckSample => checkSample(loaded, model, full);
        const asked = { device, devices, dtype, tokensToCompute: expectedTokens };
        const ready = await readyBackend(model, { ...asked, sample, warn, signal });
        const seconds = (performance.now() - began) / 1000;
        onEvent?.({ kind: 'model', identity, contextLength, seconds, backend: ready.record });
        backends.push(ready.record);
        return ready;
      };
      let ready: Promise<ReadyBackend> | undefined;
      const open = (): Promise<ReadyBackend> => {
        ready ??= load();
        return ready;
      };
      // What a score depends on must be known before any is looked up; for the CPU it is without loading.
      const lazy = !model.served && needsNoCheck(devices, full.dtype);
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
          if (task.missing !== undefined) {
            results.push(...absentCells(task, ref, full));
            continue;
          }
          const backend = async (): Promise<Backend> => (await open()).backend;
          const options = { signal, onEvent, folder, cache, backend, shown: shown.get(task) };
          const done = await runTask(task, model, full, options);
          await folder?.writeText(promptsPath(task.task.name), promptTexts(task, shown.get(task)));
          const before = folder?.former?.cost.find((c) => c.model === ref && c.task === task.task.name);
          cost.push(before ? addCost(before, done.cost) : done.cost);
          const joined = done.results.map((result) => withPublished(result, figures));
          results.push(...joined);
          for (const result of joined) onEvent?.({ kind: 'cell', result });
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

/** What APIs do not give: told before anything is asked. @throws UserError */
function checkServed(
  models: readonly Model[],
  loaded: readonly LoadedTask[],
  warn: (message: string) => void,
): void {
  for (const { identity, served } of models) {
    if (!served) continue;
    for (const { task, protocol } of loaded) {
      if (protocol.kind === 'generate' && protocol.beams)
        throw new UserError(
          `${identity.ref}: task "${task.name}" is written with beams under this protocol, and a served model writes greedily only: leave it out, or add --protocol lm-eval`,
        );
      if (protocol.kind === 'span' && protocol.neverAnswers && !served.tellsIds)
        warn(`${task.name}: acc_filtered is left out: ${identity.ref} does not tell tokens by their ids`);
    }
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
function addCost(before: CellCost, now: CellCost): CellCost {
  return {
    ...now,
    seconds: Number((before.seconds + now.seconds).toFixed(3)),
    tokens_scored: before.tokens_scored + now.tokens_scored,
    tokens_computed: before.tokens_computed + now.tokens_computed,
  };
}
