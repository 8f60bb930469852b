import type { CommandModule } from 'yargs';
import type { ProtocolName } from '../types.ts';
import { PROTOCOLS, wholeNumber } from './options.ts';

interface TasksArguments {
  name: string | undefined;
  shots: number | undefined;
  model: string | undefined;
  protocol: ProtocolName | undefined;
  json: boolean;
}

export const tasksCommand: CommandModule<object, TasksArguments> = {
  command: 'tasks [name]',
  describe: 'List the tasks, or show one: wording, prompt, tokens',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', describe: 'Task to show, or a file of tasks of your own' })
      .option('shots', {
        type: 'string',
        requiresArg: true,
        describe: 'Solved examples in the prompt shown',
        coerce: wholeNumber('shots', 0),
      })
      .option('model', {
        type: 'string',
        requiresArg: true,
        describe: 'Model whose tokenizer counts the tokens',
      })
      .option('protocol', {
        choices: PROTOCOLS,
        describe: 'Wording to show',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
      .example('$0 tasks', 'every task, and whether its data is here')
      .example('$0 tasks anli-r1 --shots 2', 'the prompt of its first item')
      .example('$0 tasks capitals.csv --model gpt2', 'a task of your own, in tokens'),
  handler: async (args) => {
    const { listTasks, showTask } = await import('./show-task.ts');
    const { name, shots, model, protocol, json } = args;
    const text =
      name === undefined
        ? listTasks(json)
        : await showTask(name, { shots: shots ?? 0, model, protocol, json });
    process.stdout.write(`${text}\n`);
  },
};
