import type { Argv } from 'yargs';
import type { RunSpec } from '../record.ts';
import {
  type CacheArguments,
  cacheOption,
  commaList,
  DEVICES,
  DTYPES,
  PROTOCOLS,
  type ServedArguments,
  type SourceArguments,
  servedOptions,
  shardOption,
  shotList,
  sourceOptions,
  wholeNumber,
} from './options.ts';

export interface RunArguments extends SourceArguments, CacheArguments, ServedArguments {
  model: string[] | undefined;
  tasks: string[] | undefined;
  shots: (number | 'max')[] | undefined;
  protocol: RunSpec['protocol'] | undefined;
  draw: RunSpec['draw'] | undefined;
  draws: number | undefined;
  limit: number | undefined;
  seed: number | undefined;
  device: RunSpec['device'] | undefined;
  dtype: RunSpec['dtype'] | undefined;
  threads: number | undefined;
  overflow: RunSpec['overflow'] | undefined;
  task: string[] | undefined;
  text: string[] | undefined;
  stride: number | undefined;
  overlap: string[] | undefined;
  shard: { readonly i: number; readonly n: number } | undefined;
  queue: string | undefined;
  unit: number | undefined;
  cancel: boolean;
  reuse: boolean;
  spec: string | undefined;
  out: string | undefined;
  'dry-run': boolean;
  json: boolean;
}

const WHAT = 'What is run:';
const ASKED = 'How it is asked:';
const DEVICE = 'Device:';
const MACHINES = 'Several machines:';
const OUTPUT = 'Output:';

/** The options of `evalgpt run`, in the groups and the order of its help. */
export function runOptions(yargs: Argv): Argv<RunArguments> {
  const what = yargs
    .option('model', {
      type: 'string',
      requiresArg: true,
      group: WHAT,
      describe:
        "Folder (checkpoint or ONNX export), glob of folders ('out/step*'), alias (gpt2-medium), OWNER/NAME on the hub or http(s)://host/v1#name; several separated by commas",
      coerce: commaList('model'),
    })
    .option('tasks', {
      type: 'string',
      requiresArg: true,
      group: WHAT,
      describe: 'Tasks by name, group or glob, separated by commas; by default the core ones',
      coerce: commaList('tasks'),
    })
    .option('task', {
      type: 'string',
      requiresArg: true,
      group: WHAT,
      describe:
        'Tasks of your own from files separated by commas: .csv, .tsv, .jsonl, or a module .js, .mjs, .ts, which is run',
      coerce: commaList('task'),
    })
    .option('text', {
      type: 'string',
      requiresArg: true,
      group: WHAT,
      describe: 'Perplexity of UTF-8 files, separated by commas, each a document',
      coerce: commaList('text'),
    })
    .option('limit', {
      type: 'string',
      requiresArg: true,
      group: WHAT,
      describe: 'A seeded random subset of this many items a task',
      coerce: wholeNumber('limit', 1),
    })
    .option('spec', {
      type: 'string',
      requiresArg: true,
      group: WHAT,
      describe: 'Run what a run.json, or a file of its spec, says; other options win',
    });
  const asked = what
    .option('shots', {
      type: 'string',
      requiresArg: true,
      group: ASKED,
      describe: 'Numbers of solved examples in the prompt: 0,1,32 or max',
      coerce: shotList,
    })
    .option('protocol', {
      group: ASKED,
      describe: 'Wording, draw and normalisation; by default each task has its own',
      choices: PROTOCOLS,
    })
    .option('draw', {
      group: ASKED,
      describe: 'One order of shots for all items, or one an item',
      choices: ['fixed', 'per-example', 'first'] as const,
    })
    .option('draws', {
      type: 'string',
      requiresArg: true,
      group: ASKED,
      describe: 'Repeat k > 0 with this many draws of shots',
      coerce: wholeNumber('draws', 1),
    })
    .option('seed', {
      type: 'string',
      requiresArg: true,
      group: ASKED,
      describe: 'Seed of draws and subsets',
      coerce: wholeNumber('seed', 0),
    })
    .option('overflow', {
      group: ASKED,
      describe: 'What to do with prompts that are longer than the window',
      choices: ['drop-shots', 'truncate', 'skip', 'error'] as const,
    })
    .option('stride', {
      type: 'string',
      requiresArg: true,
      group: ASKED,
      describe: "Tokens that each window of a text scores behind the first; by default the window's length",
      coerce: wholeNumber('stride', 1),
    })
    .option('overlap', {
      type: 'string',
      requiresArg: true,
      group: ASKED,
      describe: 'Indexes of `evalgpt overlap`, separated by commas: clean and dirty items are scored apart',
      coerce: commaList('overlap'),
    });
  const device = asked
    .option('device', {
      group: DEVICE,
      describe: "Where the model runs; auto takes the fastest device that gives the CPU's numbers",
      choices: DEVICES,
    })
    .option('dtype', {
      group: DEVICE,
      describe: 'Precision of the matrix products: fp16 on accelerators, int8 on the CPU',
      choices: DTYPES,
    })
    .option('threads', {
      type: 'string',
      requiresArg: true,
      group: DEVICE,
      describe: 'Threads for matrix products',
      coerce: wholeNumber('threads', 1),
    });
  const output = device
    .option('out', {
      type: 'string',
      requiresArg: true,
      group: OUTPUT,
      describe: 'Run folder; by default reports/runs/ and a hash of what is run',
    })
    .option('json', {
      type: 'boolean',
      default: false,
      group: OUTPUT,
      describe: 'Print run.json instead of a table',
    })
    .option('reuse', {
      type: 'boolean',
      default: false,
      group: OUTPUT,
      describe:
        'Take scores of the same model and tokens from former runs; last digits may differ from a fresh run',
    })
    .option('dry-run', {
      type: 'boolean',
      default: false,
      group: OUTPUT,
      describe: 'Of served models: tell how many requests and tokens the run would be',
    });
  return servedOptions(cacheOption(sourceOptions(machineOptions(output))))
    .example('$0 run', 'the bundled demo, offline')
    .example('$0 run --model gpt2,gpt2-xl --shots 0,32', 'the core tasks on models of the hub')
    .example('$0 run --model ./gpt2 --tasks lambada,rte', 'a checkpoint of your own')
    .example('$0 run --model gpt2 --task capitals.csv', 'a task of your own')
    .epilogue(
      'The same command again takes up a run that was stopped. `evalgpt tasks` and `evalgpt models list` tell the names.',
    );
}

interface MachineArguments {
  shard: RunArguments['shard'];
  queue: string | undefined;
  unit: number | undefined;
  cancel: boolean;
}

function machineOptions<T>(yargs: Argv<T>): Argv<T & MachineArguments> {
  return yargs
    .option('shard', {
      group: MACHINES,
      ...shardOption('items of all models and tasks; `evalgpt merge` makes one run of all parts'),
    })
    .option('queue', {
      type: 'string',
      requiresArg: true,
      group: MACHINES,
      describe:
        'redis://host: have `evalgpt worker` on other machines score the run; "env" reads the address from EVALGPT_QUEUE',
    })
    .option('unit', {
      type: 'string',
      requiresArg: true,
      group: MACHINES,
      describe: "Estimated tokens of one of a queue's jobs; by default 200000",
      coerce: wholeNumber('unit', 1),
    })
    .option('cancel', {
      type: 'boolean',
      default: false,
      group: MACHINES,
      describe: 'Take this run out of the queue; what is in the run folder stays',
    });
}
