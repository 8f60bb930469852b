import { dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, UserError } from '../errors.ts';
import type { Task } from '../task.ts';
import { checkTask } from './check.ts';
import { readOwn, readOwnRecords } from './file.ts';
import { guardTask } from './guard.ts';

/**
 * The tasks of a module: its default export, a task or a list of them. The module is run: only call this for a file
 * that the user named.
 * @throws UserError where it can't be run here, or what it exports is no task
 */
export async function moduleTasks(path: string): Promise<Task[]> {
  const stripsTypes = Boolean((process.features as { typescript?: unknown }).typescript);
  if (extname(path).toLowerCase() === '.ts' && !stripsTypes) {
    throw new UserError(
      `${path}: a task in TypeScript needs Node 22.18 or later, found ${process.versions.node}: name a .js or .mjs file`,
    );
  }
  const { sha256 } = await readOwn(path);
  // The hash makes a file that was changed another module: Node keeps what it has run.
  const url = `${pathToFileURL(resolve(path)).href}?sha256=${sha256}`;
  const module = (await import(url).catch((error: unknown) => {
    const [message] = messageOf(error).split('\n');
    throw new UserError(`${path}: cannot be loaded: ${message}`);
  })) as { default?: unknown };
  const exported = module.default;
  if (exported === undefined) throw new UserError(`${path}: expected a default export, a task; found none`);
  const list: readonly unknown[] = Array.isArray(exported) ? exported : [exported];
  if (list.length === 0) throw new UserError(`${path}: expected a task, found an empty list`);

  const tasks: Task[] = [];
  for (const [i, value] of list.entries()) {
    const { task, data, shotData } = checkTask(path, value, Array.isArray(exported) ? i : undefined);
    const read = (file: string): ReturnType<typeof readOwnRecords> =>
      readOwnRecords(isAbsolute(file) ? file : join(dirname(path), file));
    const records =
      data === undefined
        ? {}
        : { data: { scored: await read(data), ...(shotData ? { shots: await read(shotData) } : {}) } };
    const dataset = data === undefined ? {} : { dataset: join(dirname(path), data) };
    tasks.push({ ...guardTask(path, task), ...dataset, file: { path, sha256, ...records } });
  }
  return tasks;
}
