import type { CommandModule } from 'yargs';
import { didYouMean } from '../closest.ts';
import { COMPLETION } from './commands.ts';
import { definitionOf, nameOf } from './definitions.ts';

/** Options of every command. */
export const COMMON_OPTIONS: readonly string[] = ['help', 'version'];

/**
 * One sentence from what yargs says of a command line that it refuses, with the name that may have been meant. yargs
 * lists unknown arguments without their dashes, a dashed one also in camel case, and spreads choices over lines.
 */
export function explainMistake(
  message: string,
  args: readonly string[],
  commands: readonly CommandModule[],
): string {
  const text = message.replaceAll(/\s*\n\s*/g, ' ').trim();
  const command = commands.find((known) => nameOf(known) === args[0]);
  const unknown = /^Unknown arguments?: (.*)$/.exec(text)?.[1]?.split(', ');
  if (unknown && !command) {
    const first = args.find((arg) => !arg.startsWith('-'));
    if (first !== undefined)
      return `no command "${first}"${didYouMean(first, [...commands.map(nameOf), COMPLETION.command])}`;
  }
  const options = command ? definitionOf(command).options : [];
  const place = command ? `${nameOf(command)}: ` : '';
  if (unknown) {
    const typed = args
      .filter((arg) => arg.startsWith('-'))
      .map((arg) => arg.replace(/=.*$/, ''))
      .find((arg) => unknown.includes(arg.replace(/^-+(?:no-)?/, '')));
    if (typed === undefined) return `${place}expected no more arguments, found "${unknown[0]}"`;
    const names = [...options.map(({ name }) => name), ...COMMON_OPTIONS];
    return `${place}no option ${typed}${didYouMean(
      typed,
      names.map((name) => `--${name}`),
    )}`;
  }
  const choice = /Argument: (\S+), Given: "(.*?)", Choices: (.*?)(?: Argument:|$)/.exec(text);
  if (choice) {
    const [, name = '', given = '', listed = ''] = choice;
    const known = listed.split(', ').map((part) => part.replaceAll('"', ''));
    const shown = options.some((option) => option.name === name) ? `--${name}` : `${place}${name}`;
    return `${shown}: expected one of ${known.join(', ')}, found "${given}"${didYouMean(given, known)}`;
  }
  return text;
}
