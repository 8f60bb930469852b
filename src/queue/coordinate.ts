import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { FlowJob, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { UserError } from '../errors.ts';
import { fillSpec } from '../evaluate/evaluate.ts';
import type { EvaluateOptions } from '../evaluate/events.ts';
import { type Ports, prepare } from '../evaluate/prepare.ts';
import { cutUnits, type Unit } from '../evaluate/units.ts';
import { workOf } from '../evaluate/work.ts';
import { openModel } from '../models/open.ts';
import type { RunRecord, RunSpec } from '../record.ts';
import { disk } from '../store/disk.ts';
import { openRunFolder } from '../store/run-folder.ts';
import { type Board, boardOf, prefixOf, REDUCE, UNITS } from './board.ts';
import { connect, loadPackages, parseAddress, type QueuePackages } from './connect.ts';
import { type Gatherer, openGatherer } from './gather.ts';
import { atMost, orAbort, printable } from './patience.ts';
import { parseRun, runKey, SHA_LENGTH, unitKey } from './payload.ts';

export interface QueueOptions extends Omit<EvaluateOptions, 'shard' | 'reuse'> {
  /** The Redis server's address. */
  readonly queue: string;
  /** Estimated tokens of a unit. */
  readonly unit: number;
  /** Take the run out of the queue in place of running it. */
  readonly cancel?: boolean;
  readonly onQueue?: (state: QueueState) => void;
}

export interface QueueState {
  /** Units whose samples are here, and all. */
  readonly done: number;
  readonly units: number;
  readonly active: number;
  readonly workers: number;
}

/** Unit tokens unless told: a minute or so of a small model on two cores. */
export const UNIT_TOKENS = 200_000;
const POLL_MS = 300;
const LOOK_MS = 3000;
const LOCK_MS = 10_000;
const SAVE_MS = 10_000;
/** Jobs that are added, and results that are collected, in one go. */
const BATCH = 500;
const COLLECT = 32;
/** How long the flow's parent may lag behind the results that are all here. */
const PARENT_MS = 5000;

/**
 * Runs tasks on models as `evaluate` does, but has the units scored by the workers of a queue. Samples come back
 * through Redis and go into the run folder as they come; the record is that of a run on one machine. Stopped, the
 * queue and the folder keep what is done, and the same call goes on.
 * @returns the record; undefined where the run was cancelled
 * @throws UserError for what the user can mend; the signal's reason when aborted
 */
export async function evaluateOnQueue(
  spec: Pick<RunSpec, 'models'> & Partial<RunSpec>,
  options: QueueOptions,
  ports: Ports = { openModel, disk, flushMs: 1000 },
): Promise<RunRecord | undefined> {
  const { signal, onEvent, unit } = options;
  const address = parseAddress(options.queue);
  const packages = await loadPackages();
  const list: string[] = [];
  const warn = (message: string): void => {
    if (list.includes(message)) return;
    list.push(message);
    onEvent?.({ kind: 'warning', message });
  };
  const full = fillSpec(spec);
  const prepared = await prepare(ports, full, options, warn);
  const run = runKey(prepared.spec);
  const units = new Map(
    cutUnits(workOf(prepared.tasks, prepared.models), unit).map((one) => [unitKey(run, one), one]),
  );
  const trouble = (message: string): void => onEvent?.({ kind: 'warning', message });
  const redis = await connect(packages, address, trouble);
  try {
    const board = boardOf(redis, run);
    if (options.cancel) {
      await orAbort(signal, board.remove());
      return undefined;
    }
    const out = typeof options.out === 'function' ? options.out(prepared.spec) : options.out;
    if (out === undefined) throw new UserError('a run by a queue needs a folder');
    const { environment } = prepared;
    const begun: RunRecord = {
      ...{ format: 1, status: 'partial', spec: prepared.spec },
      environment: { ...environment, backends: [], warnings: list },
      ...{ results: [], groups: [], cost: [] },
    };
    const folder = await openRunFolder(out, begun, ports);
    onEvent?.({ kind: 'folder', path: out, resumed: folder.former !== undefined });
    try {
      const gatherer = await openGatherer(prepared, units, folder, { list, warn });
      if (gatherer.todo.size > 0) {
        const payload = JSON.stringify({ spec: full, resolved: prepared.spec, unit });
        const state = { run, payload, units, board, gatherer, flush: () => folder.flush() };
        try {
          await throughQueue(
            packages,
            redis,
            { ...state, save: () => folder.writeRecord(gatherer.record('partial')) },
            options,
          );
        } finally {
          await folder.writeRecord(gatherer.record('partial'));
        }
      }
      const complete = await gatherer.reduce();
      await atMost(LOCK_MS, board.remove());
      return complete;
    } finally {
      await folder.close();
    }
  } finally {
    redis.disconnect();
  }
}

interface RunState {
  readonly run: string;
  readonly payload: string;
  readonly units: ReadonlyMap<string, Unit>;
  readonly board: Board;
  readonly gatherer: Gatherer;
  readonly flush: () => Promise<void>;
  readonly save: () => Promise<void>;
}

/** Puts the missing units into the queue and collects their results until none is missing. */
async function throughQueue(
  { bullmq }: QueuePackages,
  redis: Redis,
  state: RunState,
  options: QueueOptions,
): Promise<void> {
  const { run, board } = state;
  const { signal } = options;
  const owner = `${hostname()}, process ${process.pid} (${randomUUID().slice(0, 8)})`;
  await orAbort(signal, waitForLock(board, owner, options));
  const own = { connection: redis, prefix: prefixOf(run) };
  const queue = new bullmq.Queue(UNITS, own);
  const parents = new bullmq.Queue(REDUCE, own);
  const flow = new bullmq.FlowProducer(own);
  const ignore = (): void => {};
  // The connection's own listener tells of trouble.
  queue.on('error', ignore);
  parents.on('error', ignore);
  flow.on('error', ignore);
  // The flow's last job: it may run when all others are through.
  let through = ignore;
  const reached = new Promise<void>((resolve) => {
    through = resolve;
  });
  const parent = new bullmq.Worker(REDUCE, async () => through(), { ...own, autorun: false });
  parent.on('error', ignore);
  try {
    await orAbort(signal, submit(state, { queue, parents, flow }, options.unit));
    parent.run().catch(ignore);
    const again = (): Promise<void> => submit(state, { queue, parents, flow }, options.unit);
    await collect(state, queue, { owner, again }, options);
    await orAbort(signal, atMost(PARENT_MS, reached));
  } finally {
    await atMost(1000, board.unlock(owner));
    await atMost(2000, Promise.allSettled([parent.close(), queue.close(), parents.close(), flow.close()]));
  }
}

async function waitForLock(board: Board, owner: string, { onEvent }: QueueOptions): Promise<void> {
  const began = Date.now();
  for (let told = false; ; told = true) {
    const holder = await board.lock(owner, LOCK_MS);
    if (holder === owner) return;
    if (Date.now() - began > 1.5 * LOCK_MS)
      throw new UserError(`${printable(holder)} is coordinating this run: wait for it, or stop it`);
    // A coordinator that was killed holds its place for some seconds.
    if (!told) onEvent?.({ kind: 'warning', message: `waiting for ${printable(holder)} to leave this run` });
    await setTimeout(1000);
  }
}

/** What BullMQ should do with a unit. A Redis that goes away uses up a job's stall count, see the workers' setting. */
const UNIT_OPTIONS = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: false,
  removeOnFail: false,
  stackTraceLimit: 1,
} as const;

/** Adds the run and those of its missing units that are not in the queue. */
async function submit(
  { run, payload, board, gatherer }: RunState,
  { queue, parents, flow }: { queue: Queue; parents: Queue; flow: { add(job: FlowJob): Promise<unknown> } },
  unit: number,
): Promise<void> {
  const { spec, before } = await board.announce(payload);
  const keys = [...gatherer.todo.keys()];
  if (before) {
    const { unit: there } = parseRun(spec, run);
    if (there !== unit)
      throw new UserError(
        `--unit ${unit}: this run is in the queue with --unit ${there}: give that, or take it out with --cancel`,
      );
    const lengths = await board.lengths(keys);
    for (const [i, key] of keys.entries()) {
      if ((lengths[i] ?? 0) > SHA_LENGTH) {
        await board.remind(key);
        continue;
      }
      // Its samples went to another folder, it failed, or the server lost them: once more.
      const job = await queue.getJob(key);
      if (job && ((await job.isCompleted()) || (await job.isFailed())))
        await job.remove({ removeChildren: false });
      if (lengths[i] === SHA_LENGTH) await board.forget(key);
    }
    const parent = await parents.getJob(run);
    if (parent && ((await parent.isCompleted()) || (await parent.isFailed())))
      await parent.remove({ removeChildren: false });
  }
  const jobs = keys.map((jobId) => ({
    name: 'unit',
    data: gatherer.todo.get(jobId),
    opts: { ...UNIT_OPTIONS, jobId },
  }));
  const first = jobs.slice(0, BATCH).map((job) => ({ ...job, queueName: UNITS }));
  await flow.add({ name: 'reduce', queueName: REDUCE, data: {}, opts: { jobId: run }, children: first });
  const parent = { id: run, queue: `${prefixOf(run)}:${REDUCE}` };
  for (let from = BATCH; from < jobs.length; from += BATCH) {
    const batch = jobs.slice(from, from + BATCH);
    await queue.addBulk(batch.map((job) => ({ ...job, opts: { ...job.opts, parent } })));
  }
}

/** Takes results as they come until none is missing. */
async function collect(
  state: RunState,
  queue: Queue,
  { owner, again }: { readonly owner: string; readonly again: () => Promise<void> },
  options: QueueOptions,
): Promise<void> {
  const { board, gatherer, units } = state;
  const { signal } = options;
  let [looked, saved] = [0, Date.now()];
  const said = new Set<string>();
  while (gatherer.todo.size > 0) {
    signal?.throwIfAborted();
    const holder = await orAbort(signal, board.lock(owner, LOCK_MS));
    if (holder !== owner) throw new UserError(`${printable(holder)} has taken over this run`);
    const entries = await orAbort(signal, board.waiting(COLLECT));
    const taken = new Map<string, string>();
    for (const key of new Set(entries)) {
      if (!units.has(key)) continue;
      const result = await orAbort(signal, board.result(key));
      if (!result) continue;
      await gatherer.take(key, result);
      taken.set(key, result.toString('latin1', 0, SHA_LENGTH));
    }
    if (entries.length > 0) {
      // On the disk first: what Redis forgets must be somewhere.
      await state.flush();
      await orAbort(signal, board.collected(taken, entries.length));
    }
    if (Date.now() - looked > LOOK_MS || gatherer.todo.size === 0) {
      looked = Date.now();
      const open = await orAbort(signal, look(state, queue, said, options));
      // A server that was killed has lost its last second, jobs that were just added among it.
      if (open === 0 && gatherer.todo.size > 0 && (await orAbort(signal, board.waiting(1))).length === 0)
        await orAbort(signal, again());
    }
    if (Date.now() - saved > SAVE_MS) {
      saved = Date.now();
      await state.save();
    }
    if (entries.length === 0) await setTimeout(POLL_MS, undefined, signal ? { signal } : {}).catch(() => {});
  }
}

/** Tells how far the run is, and stops it where it can't be finished. @returns how many jobs are not finished */
async function look(
  { board, gatherer, units }: RunState,
  queue: Queue,
  said: Set<string>,
  { onEvent, onQueue }: QueueOptions,
): Promise<number> {
  const [conflict] = Object.entries(await board.conflicts());
  if (conflict) {
    const [unit, worker] = conflict.map(printable);
    throw new UserError(
      `job ${unit} was scored twice with different results, the second time by ${worker}: are the workers' machines alike?`,
    );
  }
  if (!(await board.isThere())) throw new UserError('the run was taken out of the queue');
  for (const [worker, message] of Object.entries(await board.sayings())) {
    const text = printable(`${worker}: ${message}`);
    if (!said.has(text)) onEvent?.({ kind: 'warning', message: text });
    said.add(text);
  }
  const counts = await queue.getJobCounts('active', 'failed', 'waiting', 'delayed');
  if ((counts.failed ?? 0) > 0) {
    const [job] = await queue.getFailed(0, 0);
    throw new UserError(
      `${counts.failed} of the run's ${units.size} jobs failed, such as ${job?.id}: ${printable(job?.failedReason ?? 'unknown')}; the same command again tries them once more`,
    );
  }
  const workers = await queue.getWorkersCount();
  onQueue?.({
    done: units.size - gatherer.todo.size,
    units: units.size,
    active: counts.active ?? 0,
    workers,
  });
  return (counts.active ?? 0) + (counts.waiting ?? 0) + (counts.delayed ?? 0);
}
