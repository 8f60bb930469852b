import { describe, expect, test } from 'vitest';
import yargs from 'yargs';
import { commands } from '../../src/cli/commands.ts';
import { definitionOf } from '../../src/cli/definitions.ts';
import { explainMistake } from '../../src/cli/mistakes.ts';
import { selectTasks } from '../../src/evaluate/load.ts';
import { evalgpt } from '../helpers/cli.ts';

const definitions = commands.map(definitionOf);
const lines = (text: string): string[] => text.trimEnd().split('\n');

describe('help', () => {
  test('lists the commands in the order of need, a line of at most 100 columns each', async () => {
    const { stdout, code } = await evalgpt(['--help']);
    expect(code).toBe(0);
    const listed = lines(stdout).filter((line) => line.startsWith('  evalgpt ') && / {2}[A-Z]/.test(line));
    expect(listed.map((line) => line.trim().split(' ')[1])).toEqual([
      ...definitions.map(({ name }) => name),
      'completion',
    ]);
    expect(definitions.slice(0, 2).map(({ name }) => name)).toEqual(['run', 'tasks']);
    const begin = lines(stdout).indexOf('Commands:');
    expect(lines(stdout)[begin + listed.length + 1]).toBe('');
    expect(Math.max(...lines(stdout).map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test("run's options stand in groups, what is run first, within 100 columns; only values of an option run on", async () => {
    const { stdout } = await evalgpt(['run', '--help'], {
      env: { LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8' },
    });
    expect(lines(stdout).filter((line) => /^\S.*:$/.test(line))).toEqual([
      'What is run:',
      'How it is asked:',
      'Device:',
      'Output:',
      'Several machines:',
      'Where from:',
      'Served models:',
      'Other options:',
      'Examples:',
    ]);
    expect(Math.max(...lines(stdout).map((line) => line.length))).toBeLessThanOrEqual(100);
    for (const { name } of definitionOf(commands[0]!).options) expect(stdout).toContain(`--${name} `);
    const examples = lines(stdout.slice(stdout.indexOf('Examples:'))).slice(1, 5);
    for (const line of examples) expect(line).toMatch(/^ {2}evalgpt run.* {2,}\S/);
  });

  test.each(definitions.filter(({ name }) => name !== 'run'))(
    '$name: its own options come first, and what every command has last',
    async ({ name, options }) => {
      const { stdout } = await evalgpt([name, '--help']);
      const [sections = ''] = stdout.split('Examples:');
      const listed = [...sections.matchAll(/^ +(?:-h, )?--([a-z-]+) /gm)].map(([, option]) => option);
      const shared = options.filter(({ group }) => group !== undefined).map((option) => option.name);
      const own = options.filter(({ group }) => group === undefined).map((option) => option.name);
      expect(listed.slice(0, own.length).sort()).toEqual(own.sort());
      expect(listed.slice(own.length, -2).sort()).toEqual(shared.sort());
      expect(listed.slice(-2).sort()).toEqual(['help', 'version']);
    },
  );

  test.each(definitions)('$name: described in a line, with two to four examples', (own) => {
    expect(own.describe).toMatch(/^[A-Z][^.]{10,57}$/);
    expect(own.examples.length).toBeGreaterThanOrEqual(2);
    expect(own.examples.length).toBeLessThanOrEqual(4);
    for (const argument of [...own.options, ...own.positionals])
      expect(argument.describe, argument.name).not.toBe('');
    for (const [line, what] of own.examples) {
      expect(what, line).not.toBe('');
      const used = line.replace(/^.*\| /, '').split(' ');
      expect(used[0]).toBe(own.name);
      for (const word of used.filter((part) => part.startsWith('--')))
        expect(own.options.map(({ name }) => `--${name}`).concat('--help'), line).toContain(word);
      const tasks = /--tasks (\S+)/.exec(line)?.[1];
      if (tasks) expect(selectTasks(tasks.split(',')).length).toBeGreaterThan(0);
    }
  });
});

describe('a definition', () => {
  test.each(commands.map((command) => [definitionOf(command).name, command] as const))(
    '%s: is what yargs itself reads',
    (_, command) => {
      const parser = yargs([]);
      (command.builder as (y: typeof parser) => unknown)(parser);
      const { key, boolean } = (
        parser as unknown as { getOptions(): { key: object; boolean: string[] } }
      ).getOptions();
      const own = definitionOf(command);
      const names = [...own.options, ...own.positionals].map(({ name }) => name);
      expect(names.sort()).toEqual(
        Object.keys(key)
          .filter((name) => !['help', 'version'].includes(name))
          .sort(),
      );
      for (const option of own.options) expect(boolean.includes(option.name)).toBe(option.isSwitch);
    },
  );

  test('tells what a value must be', () => {
    const expected = Object.fromEntries(definitionOf(commands[0]!).options.map((o) => [o.name, o.expected]));
    expect(expected).toMatchObject({
      limit: 'a whole number of at least 1',
      tasks: 'names separated by commas',
      shots: 'whole numbers or max separated by commas',
      shard: 'i/n with i from 1 to n, as in 2/8',
      spec: undefined,
    });
  });
});

describe('a mistake is one sentence with what may have been meant', () => {
  test.each<[string, string[], RegExp]>([
    ['a command', ['chekc'], /^evalgpt: no command "chekc" \(did you mean check\?\); `evalgpt --help` lists/],
    ['a command that nothing is like', ['florble'], /no command "florble"; /],
    [
      'an option',
      ['run', '--shot', '1'],
      /run: no option --shot \(did you mean --shots\?\); `evalgpt run --help`/,
    ],
    [
      'an option of two words',
      ['check', '--max-itmes=3', '--baseline', 'x'],
      /--max-itmes \(did you mean --max-items\?\)/,
    ],
    ['a switch turned off', ['run', '--no-jsn'], /no option --no-jsn/],
    [
      'a protocol',
      ['run', '--protocol', 'gtp3'],
      /--protocol: expected one of .* found "gtp3" \(did you mean gpt3\?\)/,
    ],
    [
      'an action',
      ['data', 'pul'],
      /data: action: expected one of list, .* found "pul" \(did you mean pull\?\)/,
    ],
    ['one word too many', ['tasks', 'rte', 'cb'], /tasks: expected no more arguments, found "cb"/],
    [
      'a group of tasks',
      ['run', '--tasks', 'supergleu'],
      /no task "supergleu".*\(did you mean superglue\?\)/,
    ],
    ['a task to show', ['tasks', 'hellaswga'], /no task "hellaswga".*\(did you mean hellaswag\?\)/],
    ['a data set', ['data', 'list', 'lambda'], /no data set "lambda".*\(did you mean lambada/],
    ['a bundled model', ['models', 'inspect', 'demo-tyni'], /demo-tyni: .*\(did you mean demo-tiny\?\)/],
    ['a model of the hub', ['models', 'inspect', 'gtp2-xl'], /\(did you mean gpt2-xl/],
  ])('%s', async (_, args, message) => {
    const { code, stderr, stdout } = await evalgpt(args);
    expect(stderr).toMatch(message);
    expect(lines(stderr)).toHaveLength(1);
    expect([code, stdout]).toEqual([2, '']);
  });

  test('what is not known to be a mistake of names stays as yargs says it', () => {
    expect(explainMistake('Missing required\n  argument: model', ['score'], commands)).toBe(
      'Missing required argument: model',
    );
  });
});
