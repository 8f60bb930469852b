import { resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { UserError } from '../errors.ts';
import { type CacheArguments, cacheOption, commaList, useCache, wholeNumber } from './options.ts';
import { progressOn } from './progress.ts';
import { interruptible } from './signals.ts';

interface VerifyArguments extends CacheArguments {
  dir: string;
  sample: number;
  seed: number;
  task: string[] | undefined;
  offline: boolean;
  json: boolean;
}

export const verifyCommand: CommandModule<object, VerifyArguments> = {
  command: 'verify <dir>',
  describe: 'Score items of a run again, one by one, and attest it',
  builder: (yargs) =>
    cacheOption(yargs)
      .positional('dir', { type: 'string', demandOption: true, describe: 'Run folder' })
      .option('sample', {
        type: 'string',
        requiresArg: true,
        default: '50',
        describe: 'Items to score again, over all tasks and models',
        coerce: wholeNumber('sample', 1) as (value: unknown) => number,
      })
      .option('seed', {
        type: 'string',
        requiresArg: true,
        default: '1',
        describe: 'Seed of the choice of items',
        coerce: wholeNumber('seed', 0) as (value: unknown) => number,
      })
      .option('task', {
        type: 'string',
        requiresArg: true,
        describe: "The run's own task files, where they are programs",
        coerce: commaList('task'),
      })
      .option('offline', {
        type: 'boolean',
        default: false,
        describe: 'Make no request (also EVALGPT_OFFLINE=1)',
      })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'Print verified.json instead of a sentence',
      })
      .example('$0 verify reports/runs/a', '50 items, on the CPU')
      .example('$0 verify reports/runs/a --sample 500 --seed 2', 'more, and others')
      .epilogue(
        'Exit code 1 where the scores are others than those stored. A folder that holds is attested by verified.json.',
      ),
  handler: (args) => interruptible((signal) => verify(args, signal)),
};

async function verify(args: VerifyArguments, signal: AbortSignal): Promise<void> {
  useCache(args);
  const [{ verifyRun }, { isTaskModule }, { readRecord }, { wouldGetKey }] = await Promise.all([
    import('../evaluate/verify.ts'),
    import('../custom/open.ts'),
    import('../store/run-folder.ts'),
    import('../remote/client/address.ts'),
  ]);
  const { spec } = await readRecord(args.dir);
  const module = args.task === undefined ? spec.taskFiles.find(isTaskModule) : undefined;
  if (module !== undefined) {
    throw new UserError(
      `${args.dir}: its task file ${module} is a program, which a run folder alone does not run: add --task ${spec.taskFiles.join(',')}`,
    );
  }
  const stranger = wouldGetKey(spec.models.map(({ ref }) => ref));
  if (stranger !== undefined) {
    throw new UserError(
      `${args.dir}: a run folder alone sends no key to the server that it names, ${stranger}: unset EVALGPT_API_KEY`,
    );
  }
  const progress = progressOn(process.stderr);
  const found = await verifyRun(args.dir, {
    sample: args.sample,
    seed: args.seed,
    taskFiles: args.task,
    offline: args.offline,
    signal,
    onProgress: (done, total) => progress.update(`${done} of ${total} items`),
  }).finally(() => progress.end());
  if (args.json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
  else {
    const { items, tokens, max, mean, bound, answers, problems } = found;
    const lines = [
      `${items} items (${tokens} tokens) scored again one by one: ${mean.toPrecision(2)} nats a token apart on average, ${max.toPrecision(2)} at most (${bound} allowed), ${answers.length} answered differently`,
      ...problems,
      ...answers.map((answer) => `answered differently: ${answer}`),
      found.verified
        ? `Verified: ${resolve(args.dir)}/verified.json names ${Object.keys(found.files).length} files by their hashes.`
        : 'Not verified.',
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  if (!found.verified) process.exitCode = 1;
}
