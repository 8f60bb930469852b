import { basename, extname } from 'node:path';
import { tasks as builtIn } from '../../tasks/index.ts';
import { UserError } from '../errors.ts';
import type { Task } from '../task.ts';
import { moduleTasks } from './module.ts';
import { tableTask } from './table.ts';

const TABLES: readonly string[] = ['.csv', '.tsv', '.jsonl'];
const MODULES: readonly string[] = ['.js', '.mjs', '.ts'];

/** True for what can only be the path of a file: names of tasks hold neither dots nor slashes. */
export function isTaskFile(name: string): boolean {
  return /[./\\]/.test(name);
}

/** True for a file that is run as a program when its tasks are opened. */
export function isTaskModule(path: string): boolean {
  return MODULES.includes(extname(path).toLowerCase());
}

/**
 * Opens the tasks of the user's files, in the order given: a table's one, a module's one or several.
 * @throws UserError where a file is none, or a task's name is taken
 */
export async function openTaskFiles(paths: readonly string[]): Promise<Task[]> {
  const tasks: Task[] = [];
  for (const path of new Set(paths)) {
    const opened = TABLES.includes(extname(path).toLowerCase())
      ? [await tableTask(path)]
      : isTaskModule(path)
        ? await moduleTasks(path)
        : undefined;
    if (!opened) {
      const endings = [...TABLES, ...MODULES].join(', ');
      throw new UserError(`${basename(path)}: expected a file of tasks that ends in ${endings}`);
    }
    for (const task of opened) {
      const { name } = task;
      // The files of --text are a task of that name.
      if (name === 'text' || builtIn.some((known) => known.name === name))
        throw new UserError(`${path}: "${name}" is the name of a task that evalgpt has: choose another`);
      const other = tasks.find((known) => known.name === name);
      if (other) {
        throw new UserError(`${path}: "${name}" is also the name of a task of ${other.file?.path}`);
      }
      tasks.push(task);
    }
  }
  return tasks;
}
