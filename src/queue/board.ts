import type { Redis } from 'ioredis';
import { SHA_LENGTH } from './payload.ts';

/**
 * What lies in Redis besides BullMQ's own keys, which have the same prefix: `evalgpt:runs` lists the runs, and of each
 * there are its spec, its results by unit, the list of those not yet collected, and what workers have to say.
 */
export const RUNS = 'evalgpt:runs';

/** The prefix of all of a run's keys. */
export function prefixOf(run: string): string {
  return `evalgpt:${run}`;
}

/** BullMQ's queues below that prefix: the units, and the one job that waits for all of them. */
export const UNITS = 'units';
export const REDUCE = 'reduce';

const key = (run: string, name: string): string => `${prefixOf(run)}:${name}`;

/**
 * Stores a result unless there is one; tells whether that is equal, and keeps in mind where it is not. A run that was
 * cancelled takes none.
 */
const PUT = `
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 'gone' end
local there = redis.call('GETRANGE', KEYS[2], 0, ${SHA_LENGTH - 1})
if there == '' then
  redis.call('SET', KEYS[2], ARGV[3])
  redis.call('RPUSH', KEYS[3], ARGV[2])
  return 'new'
end
if there == string.sub(ARGV[3], 1, ${SHA_LENGTH}) then return 'equal' end
redis.call('HSET', KEYS[4], ARGV[2], ARGV[4])
return 'unequal'`;

/** Takes the coordinator's place where it is free or one's own. */
const LOCK = `
local there = redis.call('GET', KEYS[1])
if there and there ~= ARGV[1] then return there end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`;

const UNLOCK = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1`;

/** A run's part of the server. */
export interface Board {
  /** Adds the run, with its spec unless it has one. @returns the spec that it has, and whether it was there before */
  announce(spec: string): Promise<{ readonly spec: string; readonly before: boolean }>;
  spec(): Promise<string | null>;
  isThere(): Promise<boolean>;
  put(unit: string, result: Buffer, worker: string): Promise<'new' | 'equal' | 'unequal' | 'gone'>;
  /** The first uncollected units. */
  waiting(most: number): Promise<string[]>;
  result(unit: string): Promise<Buffer | null>;
  /** Lengths of the units' results: 0 for none, SHA_LENGTH for one that was collected. */
  lengths(units: readonly string[]): Promise<number[]>;
  /** Forgets results that are on the disk, but for their checksums given here, and the first entries of the list. */
  collected(units: ReadonlyMap<string, string>, entries: number): Promise<void>;
  forget(unit: string): Promise<void>;
  /** Lists a result that is there as uncollected. */
  remind(unit: string): Promise<void>;
  /** A lasting word of a worker, such as why it does not work on the run. */
  say(worker: string, message: string): Promise<void>;
  sayings(): Promise<Record<string, string>>;
  /** Units that were scored twice with different results, and the worker that came second. */
  conflicts(): Promise<Record<string, string>>;
  /** @returns who coordinates the run */
  lock(owner: string, ms: number): Promise<string>;
  unlock(owner: string): Promise<void>;
  /** Removes all keys of the run, BullMQ's too. */
  remove(): Promise<void>;
}

export function boardOf(redis: Redis, run: string): Board {
  const resultKey = (unit: string): string => key(run, `result:${unit}`);
  const done = key(run, 'done');
  return {
    async announce(spec) {
      const before = (await redis.set(key(run, 'spec'), spec, 'NX')) === null;
      await redis.zadd(RUNS, 'NX', Date.now(), run);
      return { spec: (await redis.get(key(run, 'spec'))) ?? spec, before };
    },
    spec: () => redis.get(key(run, 'spec')),
    isThere: async () => (await redis.zscore(RUNS, run)) !== null,
    async put(unit, result, worker) {
      const keys = [RUNS, resultKey(unit), done, key(run, 'conflicts')];
      return String(await redis.eval(PUT, keys.length, ...keys, run, unit, result, worker)) as 'new';
    },
    waiting: (most) => redis.lrange(done, 0, most - 1),
    result: (unit) => redis.getBuffer(resultKey(unit)),
    async lengths(units) {
      const pipeline = redis.pipeline();
      for (const unit of units) pipeline.strlen(resultKey(unit));
      return ((await pipeline.exec()) ?? []).map(([, length]) => Number(length));
    },
    async collected(units, entries) {
      const pipeline = redis.pipeline();
      for (const [unit, sha256] of units) pipeline.set(resultKey(unit), sha256, 'XX');
      await pipeline.ltrim(done, entries, -1).exec();
    },
    forget: async (unit) => void (await redis.del(resultKey(unit))),
    remind: async (unit) => void (await redis.rpush(done, unit)),
    say: async (worker, message) => void (await redis.hset(key(run, 'sayings'), worker, message)),
    sayings: () => redis.hgetall(key(run, 'sayings')),
    conflicts: () => redis.hgetall(key(run, 'conflicts')),
    lock: async (owner, ms) => String(await redis.eval(LOCK, 1, key(run, 'coordinator'), owner, String(ms))),
    unlock: async (owner) => void (await redis.eval(UNLOCK, 1, key(run, 'coordinator'), owner)),
    async remove() {
      await redis.zrem(RUNS, run);
      let cursor = '0';
      do {
        const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefixOf(run)}:*`, 'COUNT', 1000);
        if (keys.length > 0) await redis.unlink(...keys);
        cursor = next;
      } while (cursor !== '0');
    },
  };
}

/** The runs that are in the queue, the oldest first. */
export function runsOf(redis: Redis): Promise<string[]> {
  return redis.zrange(RUNS, '0', '-1');
}
