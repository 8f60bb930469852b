import type { CommandModule } from 'yargs';
import { baselineCommand } from './baseline.ts';
import { checkCommand } from './check.ts';
import { compareCommand } from './compare.ts';
import { dataCommand } from './data.ts';
import { doctorCommand } from './doctor.ts';
import { exportCommand } from './export.ts';
import { mergeCommand } from './merge.ts';
import { modelsCommand } from './models.ts';
import { overlapCommand } from './overlap.ts';
import { reportCommand } from './report.ts';
import { rescoreCommand } from './rescore.ts';
import { runCommand } from './run.ts';
import { scoreCommand } from './score.ts';
import { serveCommand } from './serve.ts';
import { tasksCommand } from './tasks.ts';
import { verifyCommand } from './verify.ts';
import { workerCommand } from './worker.ts';

/** Every command, in the order in which people come to need them; each knows its own arguments only. */
export const commands = [
  runCommand,
  tasksCommand,
  modelsCommand,
  dataCommand,
  reportCommand,
  compareCommand,
  checkCommand,
  baselineCommand,
  overlapCommand,
  rescoreCommand,
  verifyCommand,
  exportCommand,
  scoreCommand,
  doctorCommand,
  mergeCommand,
  workerCommand,
  serveCommand,
] as unknown as readonly CommandModule[];

export const COMPLETION = {
  command: 'completion',
  describe: 'Print the script that completes names in bash or zsh',
} as const;
