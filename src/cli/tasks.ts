import type { CommandModule } from 'yargs';
import { wholeNumber } from './options.ts';

interface TasksArguments {
  name: string | undefined;
  shots: number | undefined;
  model: string | undefined;
  protocol: 'lm-eval' | 'gpt1' | 'gpt2' | 'gpt3' | undefined;
  json: boolean;
}

export const tasksCommand: CommandModule<object, TasksArguments> = {
  command: 'tasks [name]',
  describe: 'List the tasks; or show one: wording, an assembled prompt, its tokens',
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
        choices: ['lm-eval', 'gpt1', 'gpt2', 'gpt3'] as const,
        describe: 'Wording to show',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
      .example('$0 tasks anli-r1 --shots 2', '')
      .example('$0 tasks capitals.csv --shots 2 --model gpt2', ''),
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
