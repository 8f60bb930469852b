import { openTaskFiles } from '../custom/open.ts';
import type { DownloadEvent } from '../download.ts';
import { UserError } from '../errors.ts';
import { isOffline } from '../models/hub.ts';
import type { Model, ModelOptions } from '../models/open.ts';
import { packageVersion } from '../package.ts';
import type { RunRecord, RunSpec } from '../record.ts';
import type { ServedOptions } from '../remote/client/open.ts';
import type { Disk } from '../store/disk.ts';
import type { Device } from '../types.ts';
import { checkSample } from './check-sample.ts';
import { environmentOf } from './environment.ts';
import type { EvaluateOptions } from './events.ts';
import { fetchData } from './fetch-data.ts';
import { type LoadedTask, loadTask, selectTasks } from './load.ts';
import { readIndexes, withOverlap } from './overlap.ts';
import {
  type CheckSample,
  chooseDevices,
  needsNoCheck,
  type Probes,
  type ReadyBackend,
  readyBackend,
} from './ready.ts';
import { loadTexts } from './texts.ts';

/** What a run needs of the world. */
export interface Ports {
  readonly openModel: (ref: string, options: ModelOptions & ServedOptions) => Promise<Model>;
  /** Refuses what can't be a model's name, before anything is fetched. */
  readonly checkModelName?: (ref: string) => void;
  readonly disk: Disk;
  /** Finished samples wait in memory for this long at most. */
  readonly flushMs: number;
  /** How devices are tried; the machine's own unless told. */
  readonly probes?: Probes;
}

/** A run whose tasks are read and whose models are identified: all that is known before anything is computed. */
export interface Prepared {
  readonly full: RunSpec;
  readonly tasks: readonly LoadedTask[];
  readonly models: readonly Model[];
  /** To be tried in this order; `lazy` where the first needs no check against the CPU. */
  readonly devices: readonly Device[];
  readonly lazy: boolean;
  /** As the record holds it: models and tasks by their hashes. */
  readonly spec: RunRecord['spec'];
  readonly environment: Omit<RunRecord['environment'], 'backends' | 'warnings'>;
}

/** Tokens of a prompt that are computed anew, roughly. */
const TYPICAL_TOKENS = 100;

/**
 * Reads the tasks of a spec and identifies its models, so that a mistake in the last is told before the first runs.
 * @throws UserError for what the user can mend
 */
export async function prepare(
  ports: Ports,
  full: RunSpec,
  options: Pick<EvaluateOptions, 'offline' | 'signal' | 'onEvent' | 'served'>,
  warn: (message: string) => void,
): Promise<Prepared> {
  const { signal, onEvent } = options;
  const wanted = [...selectTasks(full.tasks), ...(await openTaskFiles(full.taskFiles))];
  for (const ref of full.models) ports.checkModelName?.(ref);
  const onDownload = (event: DownloadEvent): void => onEvent?.(event);
  const absent = isOffline(options.offline)
    ? undefined
    : await fetchData(wanted, full, warn, { signal, onDownload });
  const indexes = await readIndexes(full.overlap);
  const tasks = await Promise.all(
    wanted.map(async (task) => withOverlap(await loadTask(task, full, warn, absent), indexes, warn)),
  );
  if (full.texts.length > 0) tasks.push(await loadTexts(full.texts));
  if (tasks.every((l) => l.missing !== undefined)) {
    throw new UserError(tasks[0]?.missing ?? 'no task to run');
  }
  for (const { task, missing } of tasks) {
    if (missing !== undefined) warn(`${task.name} is not scored: ${missing}`);
  }
  const models: Model[] = [];
  const { threads, dtype } = full;
  const source = {
    ...{ threads, dtype, signal, revision: full.revision, offline: options.offline ?? false },
    ...{ onWarning: warn, onDownload },
    ...{ tokenizer: full.tokenizer, contextLength: full.contextLength, ...options.served },
  };
  for (const ref of full.models) models.push(await ports.openModel(ref, source));
  checkServed(models, tasks, warn);
  const devices = models.every(({ served }) => served) ? [] : await chooseDevices(full, warn, ports.probes);
  return {
    ...{ full, tasks, models, devices },
    lazy: needsNoCheck(devices, full.dtype),
    spec: {
      evalgpt: packageVersion(),
      ...full,
      models: models.map((m) => m.identity),
      tasks: tasks.map((l) => l.identity),
    },
    environment: environmentOf({ ort: models[0]?.runtime ?? '', threads: models[0]?.threads ?? 0 }),
  };
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

/** Loads a model of the run and, where the device is not the reference itself, checks it on the run's first items. */
export async function loadBackend(
  { full, tasks, devices }: Prepared,
  model: Model,
  {
    onEvent,
    ...options
  }: Pick<EvaluateOptions, 'signal' | 'onEvent'> & { readonly warn: (message: string) => void },
): Promise<ReadyBackend> {
  const began = performance.now();
  const { identity, contextLength } = model;
  const { device, dtype } = full;
  const prompts = tasks.reduce((sum, l) => sum + l.examples.length * l.shotCounts.length, 0);
  const sample = (): CheckSample => checkSample(tasks, model, full);
  // Of the whole run, also where only a part is scored here: how a model is loaded moves its last digits.
  const asked = { device, devices, dtype, tokensToCompute: prompts * TYPICAL_TOKENS };
  const ready = await readyBackend(model, { ...asked, ...options, sample });
  const seconds = (performance.now() - began) / 1000;
  onEvent?.({ kind: 'model', identity, contextLength, seconds, backend: ready.record });
  return ready;
}
