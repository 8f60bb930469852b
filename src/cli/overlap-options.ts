import type { Argv } from 'yargs';
import { UserError } from '../errors.ts';
import type { OverlapMethod } from '../overlap/test-set.ts';
import { type CacheArguments, cacheOption, commaList, shardOption, wholeNumber } from './options.ts';

export interface OverlapArguments extends CacheArguments {
  model: string | undefined;
  permutations: number | undefined;
  run: number | undefined;
  limit: number | undefined;
  seed: number | undefined;
  corpus: string[] | undefined;
  tasks: string[] | undefined;
  texts: string | undefined;
  method: OverlapMethod;
  ngram: number | undefined;
  index: string | undefined;
  merge: string[] | undefined;
  shard: { readonly i: number; readonly n: number } | undefined;
  field: string;
  'ignore-common': boolean;
  'keep-going': boolean;
  threads: number | undefined;
  offline: boolean;
  json: boolean;
}

/** The options of `evalgpt overlap`. */
export function overlapOptions(yargs: Argv): Argv<OverlapArguments> {
  return cacheOption(yargs)
    .option('corpus', {
      type: 'string',
      array: true,
      describe:
        'Files, folders or globs of .txt, .jsonl and .parquet, also .gz, .zst and .bz2; - is standard input',
    })
    .option('tasks', {
      type: 'string',
      requiresArg: true,
      describe: 'Task names or globs separated by commas',
      coerce: commaList('tasks'),
    })
    .option('texts', {
      type: 'string',
      requiresArg: true,
      describe: 'Texts of your own in place of tasks: a file of {"id", "text"}, one a line',
    })
    .option('method', {
      choices: ['gpt3', 'gpt2'] as const,
      default: 'gpt3' as const,
      describe:
        'gpt3: an item is dirty where any of its N-grams is found; gpt2: the share of 8-grams found, exact in place of Bloom filters',
    })
    .option('ngram', {
      type: 'string',
      requiresArg: true,
      describe: 'Words of an n-gram; by default as the method has it for each task',
      coerce: ngram,
    })
    .option('index', {
      type: 'string',
      requiresArg: true,
      describe:
        'File that keeps the flags for `run --overlap`; the same command takes a stopped scan up again',
    })
    .option('merge', {
      type: 'string',
      requiresArg: true,
      describe: 'Indexes of other shards, separated by commas, that are taken in',
      coerce: commaList('merge'),
    })
    .option('shard', shardOption('corpus files'))
    .option('field', {
      type: 'string',
      requiresArg: true,
      default: 'text',
      describe: 'Where the text stands in .jsonl and .parquet',
    })
    .option('ignore-common', {
      type: 'boolean',
      default: false,
      describe: 'Leave out n-grams of more than 10 training documents',
    })
    .option('keep-going', {
      type: 'boolean',
      default: false,
      describe: 'Report and skip a file that is broken',
    })
    .option('model', {
      type: 'string',
      requiresArg: true,
      describe:
        'In place of a corpus: is the order in which a data set was published more probable to this model than others?',
    })
    .option('permutations', {
      type: 'string',
      requiresArg: true,
      describe: 'With --model: random orders that the own one is held against, 99 unless told',
      coerce: wholeNumber('permutations', 1),
    })
    .option('run', {
      type: 'string',
      requiresArg: true,
      describe: 'With --model: neighbours that change places with each other at most, 16 unless told',
      coerce: wholeNumber('run', 2),
    })
    .option('limit', {
      type: 'string',
      requiresArg: true,
      describe: 'With --model: the first so many items of a data set',
      coerce: wholeNumber('limit', 2),
    })
    .option('seed', {
      type: 'string',
      requiresArg: true,
      describe: 'With --model: of the random orders',
      coerce: wholeNumber('seed', 0),
    })
    .option('threads', {
      type: 'string',
      requiresArg: true,
      describe:
        'Threads that read, or that the model computes on; by default as many as the machine has processors',
      coerce: wholeNumber('threads', 1),
    })
    .option('offline', {
      type: 'boolean',
      default: false,
      describe: 'Make no request (also EVALGPT_OFFLINE=1)',
    })
    .option('json', { type: 'boolean', default: false, describe: 'Print JSON instead of a table' })
    .example('$0 overlap --corpus corpus/ --tasks lambada', 'a folder of files')
    .example('$0 overlap --corpus c/ --tasks rte --index out.jsonl', 'kept for `run --overlap`')
    .example('$0 overlap --model ./gpt2 --tasks race-h', 'without the corpus: the order of the examples')
    .example('zcat dump.gz | $0 overlap --corpus - --texts mine.jsonl', 'texts of your own')
    .epilogue('The contamination checks of the GPT-2 and GPT-3 papers, exact in place of Bloom filters.');
}

function ngram(value: unknown): number | undefined {
  const number = wholeNumber('ngram', 1)(value);
  if (number !== undefined && number > 100)
    throw new UserError(`--ngram: expected at most 100 words, found ${number}`);
  return number;
}
