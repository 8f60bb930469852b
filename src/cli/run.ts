import { createHash } from 'node:crypto';
import { isAbsolute, join, relative } from 'node:path';
import type { CommandModule } from 'yargs';
import { demoTasks } from '../../tasks/index.ts';
import { UserError } from '../errors.ts';
import type { EvaluateOptions, RunEvent } from '../evaluate/events.ts';
import { expandModel } from '../models/resolve.ts';
import { cacheFolder, packageFolder } from '../package.ts';
import type { RunRecord, RunSpec } from '../record.ts';
import { queueAddress, requestOptions, servedSpec, useCache } from './options.ts';
import { formatSeconds, type Progress, progressOn } from './progress.ts';
import { reporter } from './reporter.ts';
import { type RunArguments, runOptions } from './run-options.ts';
import { interruptible } from './signals.ts';

export const runCommand: CommandModule<object, RunArguments> = {
  command: 'run',
  describe: 'Run tasks on models; alone, the bundled demo',
  builder: runOptions,
  handler: (args) => interruptible((signal) => run(args, signal)),
};

/** The bundled checkpoints, smallest first. */
const DEMO_MODELS: readonly string[] = ['demo-tiny', 'demo-small', 'demo-medium'];
/** What of the demo's test sets stands in its models' training text. */
function demoOverlap(): string {
  const path = join(packageFolder(), 'datasets', 'demo', 'overlap.jsonl');
  // A run's record should not tell where on the disk the repository lies.
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}
/** Shots of the demo: as many as its models' window holds. */
const DEMO_SHOTS: readonly number[] = [0, 1, 8];

async function run(args: RunArguments, signal: AbortSignal): Promise<void> {
  useCache(args);
  checkTogether(args);
  const [
    { evaluate, fillSpec },
    { mergeRuns },
    { writeLeaderboard },
    { resultTable },
    specFile,
    { isTaskModule },
    { wouldGetKey },
  ] = await Promise.all([
    import('../evaluate/evaluate.ts'),
    import('../report/merge.ts'),
    import('../report/report.ts'),
    import('../report/table.ts'),
    import('../store/spec-file.ts'),
    import('../custom/open.ts'),
    import('../remote/client/address.ts'),
  ]);
  const file = args.spec === undefined ? undefined : await specFile.readSpecFile(args.spec);
  const base = fillSpec({ models: DEMO_MODELS, ...file?.spec });
  // A spec may come from anyone: the programs that it names run where the user names them, too.
  const module = args.task === undefined ? base.taskFiles.find(isTaskModule) : undefined;
  if (module !== undefined) {
    throw new UserError(
      `--spec ${args.spec}: its task file ${module} is a program, which a spec alone does not run: add --task ${base.taskFiles.join(',')}`,
    );
  }
  const stranger = args.model === undefined ? wouldGetKey(base.models) : undefined;
  if (stranger !== undefined) {
    throw new UserError(
      `--spec ${args.spec}: a spec alone sends no key to the server that it names: add --model ${stranger}, or unset EVALGPT_API_KEY`,
    );
  }
  // Without a word on what to run, the demo; with files alone, no tasks besides.
  const demo = file === undefined && args.model === undefined;
  const files = args.text ?? args.task;
  const plain = demo && (args.tasks ?? files) === undefined;
  const tasks = files !== undefined && file === undefined ? [] : demo ? demoTasks : base.tasks;
  const spec: RunSpec = {
    models: (args.model ?? base.models).flatMap(expandModel),
    revision: args.revision ?? base.revision,
    tasks: args.tasks ?? tasks,
    shots: args.shots ?? (plain ? DEMO_SHOTS : base.shots),
    protocol: args.protocol ?? base.protocol,
    draw: args.draw ?? base.draw,
    draws: args.draws ?? base.draws,
    limit: args.limit ?? base.limit,
    seed: args.seed ?? base.seed,
    device: args.device ?? base.device,
    dtype: args.dtype ?? base.dtype,
    threads: args.threads ?? base.threads,
    overflow: args.overflow ?? base.overflow,
    texts: args.text ?? base.texts,
    taskFiles: args.task ?? base.taskFiles,
    stride: args.stride ?? base.stride,
    overlap: args.overlap ?? (plain ? [demoOverlap()] : base.overlap),
    ...servedSpec(args, base),
  };
  let folder = '';
  const { shard } = args;
  // The resolved spec holds the weights' hash: the same command on a newer checkpoint is another run.
  const byHash = (resolved: unknown): string => {
    const hash = createHash('sha256').update(JSON.stringify(resolved)).digest('hex').slice(0, 12);
    return join('reports', 'runs', shard ? `${hash}-shard-${shard.i}-of-${shard.n}` : hash);
  };
  const progress = progressOn(process.stderr);
  const report = reporter(progress);
  const requests = requestOptions(args);
  if (args['dry-run']) {
    const { countRequests } = await import('../evaluate/dry-run.ts');
    const onEvent = (event: RunEvent): void => (event.kind === 'warning' ? report(event) : undefined);
    const counted = await countRequests(spec, { signal, offline: args.offline, served: requests, onEvent });
    const lines = [...counted].map(
      ([ref, count]) =>
        `${ref}: ${count.requests} requests, ${count.promptTokens} tokens of prompts, at most ${count.generatedTokens} generated\n`,
    );
    process.stdout.write(
      args.json ? `${JSON.stringify(Object.fromEntries(counted), null, 2)}\n` : lines.join(''),
    );
    return;
  }
  const options = {
    ...{ signal, out: args.out ?? byHash, offline: args.offline, served: requests },
    onEvent(event: RunEvent): void {
      if (event.kind === 'folder') folder = event.path;
      report(event);
    },
  };
  const reuse = args.reuse ? cacheFolder() : undefined;
  const running =
    args.queue === undefined
      ? evaluate(spec, { ...options, shard, reuse })
      : runOnQueue(args as RunArguments & { queue: string }, spec, options, progress);
  const record = await running.finally(() => progress.end());
  if (!record) {
    if (args.json) process.stdout.write(`${JSON.stringify({ cancelled: true })}\n`);
    progress.note('The run is out of the queue.');
    return;
  }
  for (const difference of file ? specFile.specDifferences(record, file) : [])
    progress.note(`warning: ${difference}`);
  if (record.shard) {
    const items = record.shard.slices.reduce((sum, { from, to }) => sum + to - from, 0);
    if (args.json) process.stdout.write(`${JSON.stringify(record, null, 2)}\n`);
    progress.note(
      `Shard ${shard?.i}/${shard?.n}: ${items} items in ${folder}; \`evalgpt merge\` makes one run of all parts.`,
    );
    return;
  }
  const page = join(folder, 'leaderboard.html');
  await writeLeaderboard(mergeRuns([{ name: folder, folder, record }]), page, { signal });
  process.stdout.write(args.json ? `${JSON.stringify(record, null, 2)}\n` : `${resultTable(record)}\n`);
  if (demo)
    progress.note(
      "The bundled models are small and know the demo's words only: see datasets/demo/README.md.",
    );
  progress.note(`Run folder: ${folder}\nLeaderboard: ${page}`);
}

async function runOnQueue(
  { queue, unit, cancel }: RunArguments & { readonly queue: string },
  spec: RunSpec,
  options: EvaluateOptions,
  progress: Progress,
): Promise<RunRecord | undefined> {
  const { evaluateOnQueue, UNIT_TOKENS } = await import('../queue/coordinate.ts');
  const began = performance.now();
  let first: number | undefined;
  return evaluateOnQueue(spec, {
    ...options,
    ...{ queue: queueAddress(queue), unit: unit ?? UNIT_TOKENS, cancel },
    onQueue({ done, units, active, workers }) {
      first ??= done;
      const speed = (done - first) / (performance.now() - began);
      const left = speed > 0 ? `, ${formatSeconds((units - done) / speed / 1000)} left` : '';
      progress.update(`${done} of ${units} jobs, ${active} at work, ${workers} workers${left}`);
    },
  });
}

/** Options that go together, before anything is read. */
function checkTogether({ queue, shard, reuse, unit, cancel }: RunArguments): void {
  if (queue === undefined && (unit !== undefined || cancel))
    throw new UserError(`--${cancel ? 'cancel' : 'unit'}: expected --queue beside it`);
  if (queue !== undefined && shard)
    throw new UserError('--queue: expected without --shard: a queue divides the run by itself');
  if (queue !== undefined && reuse)
    throw new UserError("--reuse: expected without --queue: former runs' scores lie on one machine");
}
