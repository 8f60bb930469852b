import type { CommandModule } from 'yargs';
import {
  type CacheArguments,
  cacheOption,
  commaList,
  queueAddress,
  useCache,
  wholeNumber,
} from './options.ts';
import { progressOn } from './progress.ts';
import { reporter } from './reporter.ts';
import { interruptible } from './signals.ts';

interface WorkerArguments extends CacheArguments {
  queue: string;
  concurrency: number | undefined;
  allow: string[] | undefined;
  task: string[] | undefined;
  lock: number | undefined;
  idle: number | undefined;
  offline: boolean;
}

export const workerCommand: CommandModule<object, WorkerArguments> = {
  command: 'worker',
  describe: 'Score what `run --queue` puts into a queue',
  builder: (yargs) =>
    cacheOption(yargs)
      .option('queue', {
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe: 'redis://[user:password@]host[:port]; "env" reads the address from EVALGPT_QUEUE',
      })
      .option('concurrency', {
        type: 'string',
        requiresArg: true,
        describe: 'Jobs at a time, 1 by default: a model computes one after the other anyway',
        coerce: wholeNumber('concurrency', 1),
      })
      .option('allow', {
        type: 'string',
        requiresArg: true,
        describe:
          'Folders, separated by commas, in which runs may name models and files; models by name are always allowed',
        coerce: commaList('allow'),
      })
      .option('task', {
        type: 'string',
        requiresArg: true,
        describe: 'Modules of tasks, separated by commas, that runs may name; they are run as programs',
        coerce: commaList('task'),
      })
      .option('lock', {
        type: 'string',
        requiresArg: true,
        describe:
          'Seconds without a sign of life after which a job is given to another worker, 30 by default',
        coerce: wholeNumber('lock', 2),
      })
      .option('idle', {
        type: 'string',
        requiresArg: true,
        describe: 'End after this many seconds without work; by default never',
        coerce: wholeNumber('idle', 0),
      })
      .option('offline', {
        type: 'boolean',
        default: false,
        describe: 'Make no request but to the queue: use what is in the caches (also EVALGPT_OFFLINE=1)',
      })
      .example('$0 worker --queue redis://node1 --allow /models', 'may read models in /models')
      .example('$0 worker --queue env --idle 600', 'ends after ten minutes without work'),
  handler: (args) => interruptible((signal) => startWorker(args, signal)),
};

async function startWorker(args: WorkerArguments, signal: AbortSignal): Promise<void> {
  useCache(args);
  const { work } = await import('../queue/work.ts');
  const progress = progressOn(process.stderr);
  const report = reporter(progress);
  await work({
    queue: queueAddress(args.queue),
    concurrency: args.concurrency ?? 1,
    allowed: { folders: args.allow ?? [], modules: args.task ?? [] },
    offline: args.offline,
    lockSeconds: args.lock ?? 30,
    idleSeconds: args.idle ?? null,
    signal,
    onEvent: report,
    note: (message) => progress.note(message),
  }).finally(() => progress.end());
}
