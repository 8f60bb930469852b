import type { Task } from '../src/task.ts';
import anli from './anli.ts';
import arithmetic from './arithmetic.ts';
import lambada from './lambada.ts';

/** Every benchmark, by hand: what is not listed here does not exist. */
export const tasks: readonly Task[] = [...lambada, ...anli, ...arithmetic];

/** Tasks of a run that names none of its own models: they need no download. */
export const demoTasks: readonly string[] = [
  'demo-lambada',
  'arithmetic-gen-2d-add',
  'arithmetic-gen-1d-three-ops',
];
