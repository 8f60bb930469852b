import { COMPLETION, commands } from './commands.ts';
import { type ArgumentDefinition, definitionOf, nameOf } from './definitions.ts';
import { COMMON_OPTIONS } from './mistakes.ts';

/**
 * What may stand in place of the last word of a command line. Nothing leaves files to the shell. Loads names only, never
 * a runtime: a shell asks on every press of a key.
 * @param words those after `evalgpt`; the last one is what has been typed of the word, perhaps nothing
 */
export async function complete(words: readonly string[]): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  return (await candidates(before, current)).filter((candidate) => candidate.startsWith(current));
}

async function candidates(before: readonly string[], current: string): Promise<string[]> {
  const command = commands.find((known) => nameOf(known) === before[0]);
  if (!command) {
    if (current.startsWith('-')) return COMMON_OPTIONS.map((name) => `--${name}`);
    return before.length === 0 ? [...commands.map(nameOf), COMPLETION.command] : [];
  }
  const { name, options, positionals } = definitionOf(command);
  const named = (text: string | undefined): ArgumentDefinition | undefined =>
    options.find((option) => `--${option.name}` === text && !option.isSwitch);
  // zsh has --name=value as one word, bash as three.
  const [, attached, begun = ''] = /^(--[a-z-]+)=(.*)$/.exec(current) ?? [];
  const joined = named(attached);
  if (joined) return (await values(name, joined, begun)).map((value) => `${attached}=${value}`);
  const option = named(before.at(-1) === '=' ? before.at(-2) : before.at(-1));
  if (option) return values(name, option, current);
  if (current.startsWith('-')) {
    const given = new Set(before.map((word) => word.replace(/=.*$/, '')));
    return [...options.map((known) => known.name), ...COMMON_OPTIONS]
      .map((known) => `--${known}`)
      .filter((known) => !given.has(known));
  }
  // Words that are neither options nor their values, the command aside.
  const plain = before.slice(1).filter((word, i) => !word.startsWith('-') && !named(before[i]));
  const positional = positionals[Math.min(plain.length, positionals.length - 1)];
  return positional ? values(name, positional, current) : [];
}

/** Values of an option or a positional argument; of a list, after what stands before its last comma. */
async function values(command: string, argument: ArgumentDefinition, current: string): Promise<string[]> {
  if (argument.choices.length > 0) return [...argument.choices];
  const known = await namesFor(command, argument.name);
  if (!argument.expected?.includes('separated by commas')) return known;
  const head = current.slice(0, current.lastIndexOf(',') + 1);
  const taken = new Set(head.split(','));
  return known.filter((name) => !taken.has(name)).map((name) => `${head}${name}`);
}

async function namesFor(command: string, argument: string): Promise<string[]> {
  switch (`${command} ${argument}`) {
    case 'run tasks':
    case 'overlap tasks':
    case 'tasks name': {
      const [{ tasks }, { groups }] = await Promise.all([
        import('../../tasks/index.ts'),
        import('../../tasks/groups.ts'),
      ]);
      const groupNames = argument === 'tasks' ? groups.map(({ name }) => name) : [];
      return [...tasks.map(({ name }) => name), ...groupNames];
    }
    case 'data names': {
      const { cardNames } = await import('../data/card.ts');
      return [...cardNames(), 'all'];
    }
    case 'rescore metric': {
      const { MEANING } = await import('../report/format.ts');
      return Object.keys(MEANING);
    }
  }
  if (argument !== 'model' && argument !== 'tokenizer' && argument !== 'ref') return [];
  const { ALIASES, bundledModels } = await import('../models/resolve.ts');
  return [...bundledModels(), ...Object.keys(ALIASES)];
}
