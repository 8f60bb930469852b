#!/usr/bin/env node
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { UserError } from '../errors.ts';
import { packageVersion } from '../package.ts';
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
import { Interrupted } from './signals.ts';
import { tasksCommand } from './tasks.ts';
import { verifyCommand } from './verify.ts';
import { workerCommand } from './worker.ts';

/** Exit codes: 0 done, 1 and 3 a check's verdict, 2 the user can mend it, 70 a bug, 130 and 143 after a signal. */
async function main(args: readonly string[]): Promise<number> {
  try {
    await yargs(args)
      .scriptName('evalgpt')
      .usage('$0 COMMAND: zero-, one- and few-shot benchmarks for GPT-style language models')
      .command(runCommand)
      .command(scoreCommand)
      .command(tasksCommand)
      .command(dataCommand)
      .command(modelsCommand)
      .command(overlapCommand)
      .command(mergeCommand)
      .command(reportCommand)
      .command(checkCommand)
      .command(compareCommand)
      .command(baselineCommand)
      .command(rescoreCommand)
      .command(verifyCommand)
      .command(exportCommand)
      .command(workerCommand)
      .command(serveCommand)
      .command(doctorCommand)
      .version(packageVersion())
      .help()
      .alias('help', 'h')
      .strict()
      .recommendCommands()
      .demandCommand(1, 'expected a command, such as run, check, compare or tasks')
      .exitProcess(false)
      .fail((message, error) => {
        throw error ?? new UserError(`${sentence(message)}; \`evalgpt --help\` lists what there is`);
      })
      .parseAsync();
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof Interrupted) {
      process.stderr.write(`evalgpt: ${error.message}\n`);
      return error.exitCode;
    }
    // yargs wraps what a coercion throws in an error class that it does not export.
    if (error instanceof UserError || (error instanceof Error && error.name === 'YError')) {
      process.stderr.write(`evalgpt: ${error.message}\n`);
      return 2;
    }
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return 70;
  }
}

/** yargs spreads some messages over indented lines. */
function sentence(message: string): string {
  return message
    .split(/\s*\n\s*/)
    .join(' ')
    .trim();
}

/** A dash behind an option is its value, standard input; yargs takes it for an unknown option where there may be several. */
function withDashes(args: readonly string[]): string[] {
  return args.flatMap((arg, i) => {
    if (arg === '-' && args[i - 1] === '--corpus') return [];
    return arg === '--corpus' && args[i + 1] === '-' ? ['--corpus=-'] : [arg];
  });
}

process.exitCode = await main(withDashes(hideBin(process.argv)));
