import type { Task } from '../src/task.ts';
import anli from './anli.ts';
import arithmetic, { paperSets } from './arithmetic.ts';
import cbt from './cbt.ts';
import coqa from './coqa.ts';
import demo from './demo.ts';
import drop from './drop.ts';
import lambada from './lambada.ts';
import multirc from './multirc.ts';
import nli from './nli.ts';
import quac from './quac.ts';
import race from './race.ts';
import scramble from './scramble.ts';
import squadv2 from './squad.ts';
import superglue from './superglue.ts';
import translation from './translation.ts';
import wnli from './wnli.ts';

/** Every benchmark, by hand: what is not listed here does not exist. */
export const tasks: readonly Task[] = [
  ...lambada,
  ...cbt,
  ...anli,
  ...superglue,
  wnli,
  ...nli,
  ...race,
  multirc,
  coqa,
  quac,
  drop,
  squadv2,
  ...translation,
  ...arithmetic,
  ...scramble,
  ...demo,
];

/** Tasks of a run that names none. */
export const coreTasks: readonly string[] = [
  'lambada',
  'cbt-cn',
  'cbt-ne',
  'anli-r1',
  'anli-r2',
  'anli-r3',
  'rte',
  'race-h',
  'coqa',
  'wmt14-fr-en',
  'wmt14-en-fr',
  ...paperSets.map((task) => task.name),
];

/** Tasks of a run that names neither models nor tasks: they need no download. */
export const demoTasks: readonly string[] = demo.map((task) => task.name);
