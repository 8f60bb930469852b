import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as timer } from 'node:timers/promises';
import { messageOf, UserError } from '../errors.ts';
import { tryLock } from '../store/lock.ts';

/** What a file must be, as far as its card knows. */
export interface Expected {
  readonly sha256?: string | null | undefined;
  readonly bytes?: number | null | undefined;
}

/** A file of unknown size may be this long: more than any that cards name, less than a disk. */
export const MOST_BYTES: number = 2 ** 30;

/**
 * A file that is being written beside its place, under a name that the next attempt overwrites. Synchronous, so
 * that every reader can feed it from where it stands.
 */
export interface Sink {
  /** @returns false once there is more than the file may have: nothing more is written */
  write(chunk: Uint8Array): boolean;
  /** What is wrong with what was written, or undefined where it is what it must be. Call once. */
  check(): string | undefined;
  place(): void;
  /** Deletes what was written, unless it is in place. */
  discard(): void;
}

/** @throws UserError where the place can't be written */
export function openSink(target: string, expected: Expected, mostBytes: number = MOST_BYTES): Sink {
  const path = `${target}.unpacking`;
  const limit = expected.bytes ?? mostBytes;
  const hash = createHash('sha256');
  let bytes = 0;
  let open = true;
  const file = onDisk(target, () => {
    mkdirSync(dirname(target), { recursive: true });
    return openSync(path, 'w');
  });
  const close = (): void => {
    if (open) closeSync(file);
    open = false;
  };
  return {
    write(chunk) {
      bytes += chunk.length;
      if (bytes > limit) return false;
      hash.update(chunk);
      onDisk(target, () => {
        for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
      });
      return true;
    },
    check() {
      close();
      if (bytes > limit)
        return `expected ${expected.bytes == null ? 'at most ' : ''}${limit} bytes, found more`;
      if (expected.bytes != null && bytes !== expected.bytes) {
        return `expected ${expected.bytes} bytes, found ${bytes}`;
      }
      const found = hash.digest('hex');
      return expected.sha256 && expected.sha256 !== found
        ? `expected sha256 ${expected.sha256}, found ${found}`
        : undefined;
    },
    place: () => onDisk(target, () => renameSync(path, target)),
    discard() {
      close();
      rmSync(path, { force: true });
    },
  };
}

function onDisk<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new UserError(`${path}: cannot be written: ${messageOf(error)}`);
  }
}

/** Does some work while no other process does it; one that died holds nobody up. @throws the signal's reason */
export async function inTurn<T>(
  lock: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (!existsSync(dirname(lock))) onDisk(dirname(lock), () => mkdirSync(dirname(lock), { recursive: true }));
  for (;;) {
    signal?.throwIfAborted();
    const release = await tryLock(lock).catch((error: unknown) => {
      throw new UserError(`${lock}: cannot be written: ${messageOf(error)}`);
    });
    if (release) {
      try {
        return await work();
      } finally {
        await release();
      }
    }
    await timer(200, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}
