import { readFileSync } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { hasCode, UserError } from '../errors.ts';

/** Who holds a folder: a process of a machine, told apart from a later one with the same number by its start. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly started: string;
}

/**
 * Takes a lock for this process by creating a file; a lock whose process is dead is taken over.
 * @returns what gives it back, or undefined where a living process holds it; `onHeld` is told which
 */
export async function tryLock(
  path: string,
  onHeld?: (holder: { readonly pid: number; readonly host: string }) => void,
): Promise<(() => Promise<void>) | undefined> {
  const own: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) ?? '' };
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(JSON.stringify(own));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    const holder = await readHolder(path);
    if (holder && isAlive(holder)) {
      onHeld?.(holder);
      return undefined;
    }
    await rm(path, { force: true });
  }
  return undefined;
}

/**
 * Takes a run folder for this process.
 * @returns what gives the folder back
 * @throws UserError where another process holds it
 */
export async function lockFolder(path: string): Promise<() => Promise<void>> {
  let by = 'another process';
  const release = await tryLock(path, ({ pid, host }) => {
    by = `process ${pid} on ${host}`;
  });
  if (release) return release;
  throw new UserError(`${path}: ${by} is using this run folder; wait for it, or name another with --out`);
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    // Gone, or cut short by the death of the process that wrote it.
    return undefined;
  }
}

/** A holder on another machine can't be asked: it counts as alive. */
function isAlive({ pid, host, started }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!hasCode(error, 'EPERM')) return false;
  }
  return started === '' || startOf(pid) === started;
}

/** When a process started, in the kernel's clock ticks; undefined where the system does not say. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; the start is the 22nd field, the 20th behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
