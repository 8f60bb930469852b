import type { Argv, CommandModule, Options } from 'yargs';
import { UserError } from '../errors.ts';

/** An option or a positional argument, as its command declares it. */
export interface ArgumentDefinition {
  readonly name: string;
  readonly describe: string;
  /** Heading that it stands under; undefined where the command has none. */
  readonly group: string | undefined;
  /** A switch takes no value. */
  readonly isSwitch: boolean;
  readonly choices: readonly string[];
  /** What its value must be, in the words of its error message; undefined where any text will do. */
  readonly expected: string | undefined;
  readonly default: unknown;
  readonly required: boolean;
}

/** What a command declares to yargs. */
export interface CommandDefinition {
  readonly name: string;
  /** With its positional arguments: "baseline <action> <dir> <file>". */
  readonly usage: string;
  readonly describe: string;
  readonly positionals: readonly ArgumentDefinition[];
  readonly options: readonly ArgumentDefinition[];
  /** Command lines after `evalgpt `, and what each is for. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  readonly epilogue: string | undefined;
}

/** Heading of the options that a command puts under no other. */
export const OWN_OPTIONS = 'Options:';

/** Reads a command's definition by letting it declare itself to a stand-in for yargs, so that nothing is told twice. */
export function definitionOf(command: CommandModule): CommandDefinition {
  const positionals: ArgumentDefinition[] = [];
  const options: ArgumentDefinition[] = [];
  const examples: [string, string][] = [];
  let epilogue: string | undefined;
  const recorder = {
    positional(name: string, given: Options) {
      positionals.push(argument(name, given));
      return recorder;
    },
    option(name: string, given: Options) {
      options.push(argument(name, given));
      return recorder;
    },
    example(line: string, what: string) {
      examples.push([line.replaceAll('$0 ', ''), what]);
      return recorder;
    },
    epilogue(text: string) {
      epilogue = text;
      return recorder;
    },
  };
  if (typeof command.builder === 'function') command.builder(recorder as unknown as Argv);
  const usage = String(command.command);
  const describe = String(command.describe);
  // What is the command's own stands before what it shares with others.
  const sorted = [...options.filter((o) => o.group === undefined), ...options.filter((o) => o.group)];
  return { name: nameOf(command), usage, describe, positionals, options: sorted, examples, epilogue };
}

/** yargs lists groups of options as it comes to hear of them, those of none at the end: here they come first. */
export function ownOptionsFirst(command: CommandModule): CommandModule {
  const { builder } = command;
  if (typeof builder !== 'function') return command;
  return {
    ...command,
    builder: (yargs: Argv) => {
      const own = definitionOf(command).options.filter(({ group }) => group === undefined);
      return builder(
        yargs.group(
          own.map(({ name }) => name),
          OWN_OPTIONS,
        ),
      ) as Argv;
    },
  };
}

export function nameOf(command: CommandModule): string {
  return String(command.command).split(' ')[0] as string;
}

function argument(name: string, given: Options): ArgumentDefinition {
  return {
    name,
    describe: given.describe ?? '',
    group: given.group,
    isSwitch: given.type === 'boolean',
    choices: (given.choices ?? []).map(String),
    expected: given.coerce && expectedBy(given.coerce),
    default: given.default,
    required: given.demandOption === true,
  };
}

/** What a coercion says that it expects, when it is given nothing of use. */
function expectedBy(coerce: (value: unknown) => unknown): string | undefined {
  try {
    coerce('');
  } catch (error) {
    if (error instanceof UserError) return /expected (.*), found/.exec(error.message)?.[1];
    throw error;
  }
  return undefined;
}
