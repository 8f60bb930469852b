import type { Task } from '../src/task.ts';
import anli from './anli.ts';
import arithmetic from './arithmetic.ts';
import lambada from './lambada.ts';
import scramble from './scramble.ts';
import superglue from './superglue.ts';
import wnli from './wnli.ts';

/** Every benchmark, by hand: what is not listed here does not exist. */
export const tasks: readonly Task[] = [...lambada, ...anli, ...superglue, wnli, ...arithmetic, ...scramble];

/** Tasks of a run that names none. */
export const coreTasks: readonly string[] = [
  'lambada',
  'anli-r1',
  'anli-r2',
  'anli-r3',
  'rte',
  ...arithmetic.map((task) => task.name).filter((name) => !name.startsWith('arithmetic-gen-')),
];

/** Tasks of a run that names neither models nor tasks: they need no download. */
export const demoTasks: readonly string[] = [
  'demo-lambada',
  'arithmetic-gen-2d-add',
  'arithmetic-gen-1d-three-ops',
];
