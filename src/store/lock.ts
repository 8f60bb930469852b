import { readFileSync } from 'node:fs';
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { hasCode, UserError } from '../errors.ts';

/** Who holds a folder: a process of a machine, told apart from a later one with the same number by its start. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly started: string;
}

/** A lock without content is being written, or its writer died: after this long, the latter. */
const STALE_MS = 5000;

/**
 * Takes a lock for this process by creating a file; a lock whose process is dead is taken over.
 * @returns what gives it back, or undefined where a living process holds it, of which `onHeld` is told, or takes it
 */
export async function tryLock(
  path: string,
  onHeld?: (holder: { readonly pid: number; readonly host: string }) => void,
): Promise<(() => Promise<void>) | undefined> {
  const release = (): Promise<void> => rm(path, { force: true });
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await create(path)) return release;
    const state = await look(path, onHeld);
    if (state === 'held') return undefined;
    if (state === 'dead' && !(await removeDead(path))) return undefined;
  }
  return undefined;
}

/** Removes a dead process's lock, under a guard of which one has hold: another would remove the next one's. */
async function removeDead(path: string): Promise<boolean> {
  const guard = `${path}.guard.tmp`;
  if (!(await create(guard))) {
    if ((await look(guard)) === 'held') return false;
    await rm(guard, { force: true });
    return true;
  }
  try {
    if ((await look(path)) === 'dead') await rm(path, { force: true });
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

/**
 * Creates a lock file that has its content from the first moment, so that no reader takes it for one that a death cut
 * short.
 * @returns false where there is one
 */
async function create(path: string): Promise<boolean> {
  const own: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) ?? '' };
  const written = `${path}.${process.pid}-${++created}.tmp`;
  try {
    await writeFile(written, JSON.stringify(own));
    await link(written, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    if (!NO_LINKS.some((code) => hasCode(error, code))) throw error;
  } finally {
    await rm(written, { force: true });
  }
  // A file system without links: the content comes a moment later, see STALE_MS.
  try {
    await writeFile(path, JSON.stringify(own), { flag: 'wx' });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

let created = 0;
const NO_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** Whether a lock is there, and the process that made it alive. */
async function look(
  path: string,
  onHeld?: (holder: { readonly pid: number; readonly host: string }) => void,
): Promise<'held' | 'dead' | 'gone'> {
  const holder = await readHolder(path);
  if (holder && isAlive(holder)) {
    onHeld?.(holder);
    return 'held';
  }
  if (holder) return 'dead';
  const written = await stat(path).catch(() => undefined);
  if (written === undefined) return 'gone';
  return Date.now() - written.mtimeMs > STALE_MS ? 'dead' : 'held';
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
