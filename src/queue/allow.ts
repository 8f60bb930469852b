import { realpath } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { isTaskModule } from '../custom/open.ts';
import { UserError } from '../errors.ts';
import { isRepoId } from '../models/hub.ts';
import { ALIASES } from '../models/resolve.ts';
import { packageFolder } from '../package.ts';
import type { RunSpec } from '../record.ts';

/** What a worker was started with: what a run from the queue may have it read. */
export interface Allowed {
  /** Folders below which models, texts, tables of tasks and overlap indexes may lie. */
  readonly folders: readonly string[];
  /** Files of tasks that are run as programs. */
  readonly modules: readonly string[];
}

/**
 * Checks that a run names nothing but models by name and files where this worker may read. It is asked before anything
 * of the run is opened; links are followed to where they lead.
 * @throws UserError naming the first that is not allowed
 */
export async function checkAllowed(
  spec: Pick<RunSpec, 'models' | 'texts' | 'taskFiles' | 'overlap'>,
  allowed: Allowed,
): Promise<void> {
  const own = await Promise.all(
    [...allowed.folders, join(packageFolder(), 'datasets')].map((folder) => resolved(folder)),
  );
  const modules = await Promise.all(allowed.modules.map((path) => resolved(path)));
  const isInside = async (path: string): Promise<boolean> => {
    const real = await resolved(path);
    return real !== undefined && own.some((folder) => folder !== undefined && contains(folder, real));
  };
  for (const ref of spec.models) {
    const there = await resolved(ref);
    // A name is looked up as a path first, so a path of that name is one.
    const isName = there === undefined && (Object.hasOwn(ALIASES, ref) || isBundled(ref) || isRepoId(ref));
    if (!isName && !(await isInside(ref)))
      throw new UserError(
        `the model ${quoted(ref)} may not be read here: start the worker with --allow FOLDER`,
      );
  }
  for (const path of spec.taskFiles) {
    if (!isTaskModule(path)) continue;
    const real = await resolved(path);
    if (real === undefined || !modules.includes(real))
      throw new UserError(
        `the task file ${quoted(path)} is a program, which is not run here: start the worker with --task ${path}`,
      );
  }
  for (const path of [
    ...spec.texts,
    ...spec.overlap,
    ...spec.taskFiles.filter((file) => !isTaskModule(file)),
  ]) {
    if (!(await isInside(path)))
      throw new UserError(
        `the file ${quoted(path)} may not be read here: start the worker with --allow FOLDER`,
      );
  }
}

function isBundled(ref: string): boolean {
  return /^demo-[a-z0-9-]+$/.test(ref);
}

async function resolved(path: string): Promise<string | undefined> {
  return realpath(path).catch(() => undefined);
}

function contains(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (!isAbsolute(way) && way.split(/[\\/]/)[0] !== '..');
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
