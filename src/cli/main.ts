#!/usr/bin/env node
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { UserError } from '../errors.ts';
import { packageVersion } from '../package.ts';
import { highlight } from './colour.ts';
import { COMPLETION, commands } from './commands.ts';
import { OWN_OPTIONS, ownOptionsFirst } from './definitions.ts';
import { explainMistake } from './mistakes.ts';
import { Interrupted } from './signals.ts';

/** Columns of the help: wider lines are hard to read, and a pipe has no width. */
const WIDTH = 100;

/** Exit codes: 0 done, 1 and 3 a check's verdict, 2 the user can mend it, 70 a bug, 130 and 143 after a signal. */
async function main(args: readonly string[]): Promise<number> {
  try {
    // What the shell's script asks, see yargs' completion templates: the words from the program's own name on.
    if (args[0] === '--get-yargs-completions') {
      const { complete } = await import('./complete.ts');
      process.stdout.write((await complete(args.slice(2))).map((word) => `${word}\n`).join(''));
      return 0;
    }
    const parser = yargs(args)
      .scriptName('evalgpt')
      .usage('$0 COMMAND: zero-, one- and few-shot benchmarks for GPT-style language models')
      // Our own messages are English, and yargs' are read to mend them.
      .locale('en');
    for (const command of commands) parser.command(ownOptionsFirst(command));
    await parser
      .completion(COMPLETION.command, COMPLETION.describe)
      .version(packageVersion())
      .help()
      .alias('help', 'h')
      .updateStrings({ [OWN_OPTIONS]: 'Other options:' })
      .wrap(Math.min(WIDTH, process.stdout.columns || WIDTH))
      .example('$0 run', 'the bundled demo, offline')
      .example('$0 tasks lambada --shots 1', 'what a model is asked')
      .example('$0 run --model gpt2 --tasks lambada', 'a model of the hub')
      .example('$0 run --help', 'the options of a command')
      .epilogue('`source <(evalgpt completion)` lets bash and zsh complete commands, options and names.')
      .strict()
      .demandCommand(1, 'expected a command, such as run, check, compare or tasks')
      .exitProcess(false)
      .fail((message, error) => {
        throw (
          error ??
          new UserError(
            `${explainMistake(message, args, commands)}; \`evalgpt ${helpOf(args)}\` lists what there is`,
          )
        );
      })
      .parseAsync();
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof Interrupted) {
      tell(error.message);
      return error.exitCode;
    }
    // yargs wraps what a coercion throws in an error class that it does not export.
    if (error instanceof UserError || (error instanceof Error && error.name === 'YError')) {
      tell(error.message);
      return 2;
    }
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return 70;
  }
}

function tell(message: string): void {
  process.stderr.write(`${highlight(`evalgpt: ${message}`, process.stderr)}\n`);
}

/** The help that says more of a command line that is refused. */
function helpOf(args: readonly string[]): string {
  const known = commands.some((command) => String(command.command).split(' ')[0] === args[0]);
  return known ? `${args[0]} --help` : '--help';
}

/** A dash behind an option is its value, standard input; yargs takes it for an unknown option where there may be several. */
function withDashes(args: readonly string[]): string[] {
  return args.flatMap((arg, i) => {
    if (arg === '-' && args[i - 1] === '--corpus') return [];
    return arg === '--corpus' && args[i + 1] === '-' ? ['--corpus=-'] : [arg];
  });
}

process.exitCode = await main(withDashes(hideBin(process.argv)));
