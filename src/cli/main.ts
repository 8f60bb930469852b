#!/usr/bin/env node
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { UserError } from '../errors.ts';
import { packageVersion } from '../package.ts';
import { highlight } from './colour.ts';
import { COMPLETION, commands } from './commands.ts';
import { definitionOf, nameOf, OWN_OPTIONS, ownOptionsFirst } from './definitions.ts';
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
    refuseRepeated(args);
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
    const sentence = ofFileSystem(error);
    if (sentence !== undefined) {
      tell(sentence);
      return 2;
    }
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

/** What a file system refuses, the user can mend: the file, and what was wrong with it. */
function ofFileSystem(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('path' in error)) return undefined;
  return `${String(error.path)}: ${error.message.replace(/,? ?'[^']*'(?: -> '[^']*')?$/, '')}`;
}

/** Of an option that is given twice yargs makes a list, which only those can be that take several values. */
function refuseRepeated(args: readonly string[]): void {
  const end = args.indexOf('--');
  const given = (end < 0 ? args : args.slice(0, end)).filter((arg) => arg.startsWith('--'));
  const names = given.map((arg) => arg.replace(/=.*$/s, ''));
  if (new Set(names).size === names.length) return;
  const command = commands.find((known) => nameOf(known) === args[0]);
  const lists = (command ? definitionOf(command).options : [])
    .filter(({ name, expected }) => name === 'corpus' || expected?.includes('separated by commas'))
    .map(({ name }) => `--${name}`);
  const twice = names.find((name, i) => names.indexOf(name) !== i && !lists.includes(name));
  if (twice === undefined) return;
  const times = names.filter((name) => name === twice).length;
  throw new UserError(`${twice}: expected once, found ${times} times`);
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

/** Who reads may have read enough (`| head`): the work goes on, and its exit code is its own. */
let unwritable = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || unwritable) return;
    unwritable = true;
    if (stream === process.stdout) tell(`standard output: cannot be written: ${error.message}`);
    process.exitCode = 2;
  });
}
process.on('uncaughtException', (error) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(70);
});

const code = await main(withDashes(hideBin(process.argv)));
process.exitCode = unwritable ? 2 : code;
