import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { messageOf, UserError } from '../errors.ts';
import { factsOf } from '../evaluate/cells.ts';
import type { RunEvent } from '../evaluate/events.ts';
import { type Ports, type Prepared, prepare } from '../evaluate/prepare.ts';
import { openUnitScorer, type UnitScorer } from '../evaluate/score-unit.ts';
import { openModel } from '../models/open.ts';
import { disk } from '../store/disk.ts';
import { firstDifference } from '../store/run-folder.ts';
import { type Allowed, checkAllowed } from './allow.ts';
import { type Board, boardOf, prefixOf, runsOf, UNITS } from './board.ts';
import { connect, loadPackages, parseAddress, type QueuePackages, troubleOnce } from './connect.ts';
import { atMost, orAbort, printable } from './patience.ts';
import { encodeResult, parseRun, parseUnit, unitKey } from './payload.ts';

export interface WorkOptions {
  /** The Redis server's address. */
  readonly queue: string;
  /** Units at a time. One session computes them in turn: more than 1 prepares one while another is computed. */
  readonly concurrency: number;
  readonly allowed: Allowed;
  readonly offline: boolean;
  /** A worker that was not heard of for so long has lost its units to others. */
  readonly lockSeconds: number;
  /** Ends after so long without work; null for never. */
  readonly idleSeconds: number | null;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  /** A line on what this worker does. */
  readonly note: (message: string) => void;
}

const LOOK_MS = 1000;
const CLOSE_MS = 3000;
/** A unit is computed twice where its worker died; so often it kills its worker, and others are spared. */
const MOST_STALLS = 100;

/** A run that this worker has prepared; its model stays loaded. */
interface Session {
  readonly run: string;
  readonly prepared: Prepared;
  readonly scorer: UnitScorer;
}

/**
 * Scores units of the runs in a queue, the oldest run first, until the signal aborts; a unit that is not finished then
 * is given back. Runs that this worker can't or may not score are left to others, and their coordinators told why.
 * @throws UserError where the queue can't be used; the signal's reason when aborted
 */
export async function work(
  options: WorkOptions,
  ports: Ports = { openModel, disk, flushMs: 1000 },
): Promise<void> {
  const { signal, note } = options;
  const address = parseAddress(options.queue);
  const packages = await loadPackages();
  const redis = await connect(packages, address, note);
  const name = `${hostname()}-${process.pid}`;
  const refused = new Set<string>();
  let session: Session | undefined;
  let busy = Date.now();
  try {
    note(`worker ${name} is waiting for work at ${address.shown}`);
    for (;;) {
      signal?.throwIfAborted();
      const run = await orAbort(signal, nextRun(packages, redis, refused, session?.run));
      if (run === undefined) {
        if (options.idleSeconds !== null && Date.now() - busy > 1000 * options.idleSeconds) return;
        await setTimeout(LOOK_MS, undefined, signal ? { signal } : {}).catch(() => {});
        continue;
      }
      const board = boardOf(redis, run);
      try {
        if (session?.run !== run) {
          await session?.scorer.close();
          session = undefined;
          session = await openSession(board, run, options, ports);
          if (!session) continue;
          note(
            `run ${run}: ${session.prepared.spec.models.length} models, ${session.prepared.tasks.length} tasks`,
          );
        }
        await serve(packages, redis, { session, board, name, refused }, { ...options, url: address.url });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        refused.add(run);
        note(`run ${run} is left to others: ${printable(error.message)}`);
        await orAbort(signal, board.say(name, `does not work on this run: ${error.message}`));
      }
      busy = Date.now();
    }
  } finally {
    await session?.scorer.close();
    redis.disconnect();
  }
}

/** The run to work on: the present one as long as it has units, then the oldest with units, then one to watch over. */
async function nextRun(
  { bullmq }: QueuePackages,
  redis: Redis,
  refused: ReadonlySet<string>,
  present: string | undefined,
): Promise<string | undefined> {
  const all = (await runsOf(redis)).filter((run) => /^[0-9a-f]{16}$/.test(run) && !refused.has(run));
  const ordered = all.sort((a, b) => Number(b === present) - Number(a === present));
  let watched: string | undefined;
  for (const run of ordered) {
    const queue = new bullmq.Queue(UNITS, {
      connection: redis,
      prefix: prefixOf(run),
      skipMetasUpdate: true,
    });
    queue.on('error', () => {});
    try {
      const { waiting, delayed, active } = await queue.getJobCounts('waiting', 'delayed', 'active');
      if ((waiting ?? 0) > 0) return run;
      if ((delayed ?? 0) + (active ?? 0) > 0) watched ??= run;
    } finally {
      await queue.close();
    }
  }
  return watched;
}

/** Reads and checks what a run is; undefined where it is gone. @throws UserError where it is not for this worker */
async function openSession(
  board: Board,
  run: string,
  { allowed, offline, signal, onEvent, note }: WorkOptions,
  ports: Ports,
): Promise<Session | undefined> {
  const text = await orAbort(signal, board.spec());
  if (text === null) return undefined;
  const { spec, resolved } = parseRun(text, run);
  await checkAllowed(spec, allowed);
  const warn = (message: string): void => note(`warning: ${message}`);
  const prepared = await prepare(ports, spec, { offline, signal, onEvent }, warn);
  const difference = firstDifference(resolved, prepared.spec, 'spec');
  if (difference !== undefined)
    throw new UserError(
      `models, data or version are not the coordinator's (${difference.replace(/now$/, 'here')})`,
    );
  return { run, prepared, scorer: openUnitScorer(prepared, warn) };
}

interface Place {
  readonly session: Session;
  readonly board: Board;
  readonly name: string;
  readonly refused: ReadonlySet<string>;
}

/** Works on one run until it has no units left or another has, it is gone, or the signal aborts. */
async function serve(
  packages: QueuePackages,
  redis: Redis,
  { session, board, name, refused }: Place,
  options: WorkOptions & { readonly url: string },
): Promise<void> {
  const { bullmq } = packages;
  const { run } = session;
  const { signal, note, concurrency, lockSeconds } = options;
  const gone = new AbortController();
  const stop = signal ? AbortSignal.any([signal, gone.signal]) : gone.signal;
  let active = 0;
  const handle = async (job: Job<unknown>, token: string | undefined): Promise<void> => {
    active++;
    try {
      await scoreJob(job);
    } catch (error) {
      if (error instanceof bullmq.UnrecoverableError) throw error;
      if (gone.signal.aborted || !stop.aborted) throw error;
      // What is not finished goes to another worker at once.
      await job.moveToWait(token);
      throw new bullmq.WaitingError();
    } finally {
      active--;
    }
  };
  const scoreJob = async (job: Job<unknown>): Promise<void> => {
    const { prepared, scorer } = session;
    const id = String(job.id);
    const known = {
      models: prepared.models.map(({ identity }) => identity.ref),
      tasks: prepared.tasks.map(factsOf),
    };
    const unit = unlessMalformed(packages, () => {
      const found = parseUnit(job.data, run, known);
      if (unitKey(run, found) !== id)
        throw new UserError(`a job of run ${run}: its name is not that of its items`);
      return found;
    });
    const began = performance.now();
    const { samples, cost, backend } = await scorer.score(unit, { signal: stop, onEvent: options.onEvent });
    const { node, ort, platform, threads } = prepared.environment;
    const meta = { worker: name, environment: { node, ort, platform, threads }, backend, cost };
    const { bytes } = await encodeResult(samples, meta);
    const outcome = await orAbort(stop, board.put(id, bytes, name));
    if (outcome === 'unequal')
      throw new bullmq.UnrecoverableError(`scored twice with different results, the second time by ${name}`);
    const items = unit.slices.reduce((sum, { from, to }) => sum + to - from, 0);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    note(
      `${id}: ${items} items on ${unit.model}, ${seconds} s, ${bytes.length} bytes${outcome === 'equal' ? ', known already' : ''}`,
    );
  };
  const worker: Worker<unknown> = new bullmq.Worker<unknown>(UNITS, handle, {
    connection: redis,
    prefix: prefixOf(run),
    name,
    concurrency,
    lockDuration: 1000 * lockSeconds,
    stalledInterval: 1000 * lockSeconds,
    maxStalledCount: MOST_STALLS,
  });
  const { trouble } = troubleOnce((message) => note(`queue: ${printable(message)}`), options.url);
  worker.on('error', trouble);
  worker.on('failed', (job, error) => note(`${job?.id ?? 'a job'} failed: ${printable(messageOf(error))}`));
  const queue = new bullmq.Queue(UNITS, { connection: redis, prefix: prefixOf(run), skipMetasUpdate: true });
  queue.on('error', () => {});
  try {
    for (;;) {
      await orAbort(signal, setTimeout(LOOK_MS));
      if (!(await orAbort(signal, board.isThere()))) {
        gone.abort(new Error('the run is over'));
        return;
      }
      if (active > 0) continue;
      const next = await orAbort(signal, nextRun(packages, redis, refused, run));
      if (next !== run && active === 0) return;
    }
  } finally {
    await atMost(CLOSE_MS, Promise.allSettled([worker.close(), queue.close()]));
  }
}

/** What is wrong with a job is wrong for every worker: it is not tried again. */
function unlessMalformed<T>({ bullmq }: QueuePackages, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new bullmq.UnrecoverableError(printable(error.message));
  }
}
