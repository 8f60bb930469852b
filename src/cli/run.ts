import { createHash } from 'node:crypto';
import { isAbsolute, join, relative } from 'node:path';
import type { CommandModule } from 'yargs';
import { demoTasks } from '../../tasks/index.ts';
import { UserError } from '../errors.ts';
import type { EvaluateOptions, RunEvent } from '../evaluate/events.ts';
import { cacheFolder, packageFolder } from '../package.ts';
import { describeBackend } from '../report/format.ts';
import type { RunRecord, RunSpec } from '../types.ts';
import {
  type CacheArguments,
  cacheOption,
  commaList,
  DEVICES,
  DTYPES,
  queueAddress,
  requestOptions,
  type ServedArguments,
  type SourceArguments,
  servedOptions,
  servedSpec,
  shardOption,
  shotList,
  sourceOptions,
  useCache,
  wholeNumber,
} from './options.ts';
import { downloadReporter, formatSeconds, progressOn } from './progress.ts';
import { interruptible } from './signals.ts';

interface RunArguments extends SourceArguments, CacheArguments, ServedArguments {
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

export const runCommand: CommandModule<object, RunArguments> = {
  command: 'run',
  describe: 'Run tasks on models; without options, the bundled demo models on the bundled demo tasks',
  builder: (yargs) =>
    servedOptions(cacheOption(sourceOptions(yargs)))
      .option('model', {
        type: 'string',
        requiresArg: true,
        describe:
          'Folder (checkpoint or ONNX export), alias (gpt2-medium), OWNER/NAME on the hub or http(s)://host/v1#name; several separated by commas',
        coerce: commaList('model'),
      })
      .option('tasks', {
        type: 'string',
        requiresArg: true,
        describe: 'Tasks by name, group or glob, separated by commas; by default the core ones',
        coerce: commaList('tasks'),
      })
      .option('task', {
        type: 'string',
        requiresArg: true,
        describe:
          'Tasks of your own from files separated by commas: .csv, .tsv, .jsonl, or a module .js, .mjs, .ts, which is run',
        coerce: commaList('task'),
      })
      .option('shots', {
        type: 'string',
        requiresArg: true,
        describe: 'Numbers of solved examples in the prompt: 0,1,32 or max',
        coerce: shotList,
      })
      .option('protocol', {
        describe: 'Wording, draw and normalisation; by default each task has its own',
        choices: ['lm-eval', 'gpt1', 'gpt2', 'gpt3'] as const,
      })
      .option('draw', {
        describe: 'One order of shots for all items, or one an item',
        choices: ['fixed', 'per-example', 'first'] as const,
      })
      .option('draws', {
        type: 'string',
        requiresArg: true,
        describe: 'Repeat k > 0 with this many draws of shots',
        coerce: wholeNumber('draws', 1),
      })
      .option('limit', {
        type: 'string',
        requiresArg: true,
        describe: 'A seeded random subset of this many items a task',
        coerce: wholeNumber('limit', 1),
      })
      .option('seed', {
        type: 'string',
        requiresArg: true,
        describe: 'Seed of draws and subsets',
        coerce: wholeNumber('seed', 0),
      })
      .option('device', {
        describe: "Where the model runs; auto takes the fastest device that gives the CPU's numbers",
        choices: DEVICES,
      })
      .option('dtype', {
        describe: 'Precision of the matrix products: fp16 on accelerators, int8 on the CPU',
        choices: DTYPES,
      })
      .option('threads', {
        type: 'string',
        requiresArg: true,
        describe: 'Threads for matrix products',
        coerce: wholeNumber('threads', 1),
      })
      .option('overflow', {
        describe: 'What to do with prompts that are longer than the window',
        choices: ['drop-shots', 'truncate', 'skip', 'error'] as const,
      })
      .option('text', {
        type: 'string',
        requiresArg: true,
        describe: 'Perplexity of UTF-8 files, separated by commas, each a document',
        coerce: commaList('text'),
      })
      .option('stride', {
        type: 'string',
        requiresArg: true,
        describe: "Tokens that each window of a text scores behind the first; by default the window's length",
        coerce: wholeNumber('stride', 1),
      })
      .option('overlap', {
        type: 'string',
        requiresArg: true,
        describe: 'Indexes of `evalgpt overlap`, separated by commas: clean and dirty items are scored apart',
        coerce: commaList('overlap'),
      })
      .option(
        'shard',
        shardOption('items of all models and tasks; `evalgpt merge` makes one run of all parts'),
      )
      .option('queue', {
        type: 'string',
        requiresArg: true,
        describe:
          'redis://host: have `evalgpt worker` on other machines score the run; "env" reads the address from EVALGPT_QUEUE',
      })
      .option('unit', {
        type: 'string',
        requiresArg: true,
        describe: "Estimated tokens of one of a queue's jobs; by default 200000",
        coerce: wholeNumber('unit', 1),
      })
      .option('cancel', {
        type: 'boolean',
        default: false,
        describe: 'Take this run out of the queue; what is in the run folder stays',
      })
      .option('spec', {
        type: 'string',
        requiresArg: true,
        describe: 'Run what a run.json, or a file of its spec, says; other options win',
      })
      .option('reuse', {
        type: 'boolean',
        default: false,
        describe:
          'Take scores of the same model and tokens from former runs; last digits may differ from a fresh run',
      })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: 'Run folder; by default reports/runs/ and a hash of what is run',
      })
      .option('dry-run', {
        type: 'boolean',
        default: false,
        describe: 'Of served models: tell how many requests and tokens the run would be',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print run.json instead of a table' })
      .example('$0 run', 'the bundled demo, offline')
      .example(
        '$0 run --model ./gpt2 --tasks lambada,anli-* --shots 0,1,32 --limit 100',
        'a checkpoint of your own',
      )
      .example('$0 run --model gpt2 --task capitals.csv --shots 0,2', 'a task of your own')
      .example('$0 run --model gpt2,gpt2-medium --shots 0,1,32', 'the core tasks on models of the hub'),
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
    models: args.model ?? base.models,
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
  if (args.model === undefined)
    progress.note(
      "The bundled models are small and know the demo's words only: see datasets/demo/README.md.",
    );
  progress.note(`Run folder: ${folder}\nLeaderboard: ${page}`);
}

async function runOnQueue(
  { queue, unit, cancel }: RunArguments & { readonly queue: string },
  spec: RunSpec,
  options: EvaluateOptions,
  progress: ReturnType<typeof progressOn>,
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

/** Tells a run's events on a progress. */
export function reporter(progress: ReturnType<typeof progressOn>): (event: RunEvent) => void {
  const download = downloadReporter(progress);
  let task = '';
  let began = 0;
  return (event) => {
    switch (event.kind) {
      case 'folder':
        return event.resumed ? progress.note(`resuming ${event.path}`) : undefined;
      case 'download':
        return download(event);
      case 'warning':
        return progress.note(`warning: ${event.message}`);
      case 'model': {
        const { ref, architecture, parameters } = event.identity;
        // An API need not tell the size.
        const size =
          parameters === 0
            ? 'parameters unknown'
            : `${(parameters / 1e6).toFixed(parameters < 1e7 ? 2 : 0)} M parameters`;
        return progress.note(
          `${ref}: ${architecture}, ${size}, window ${event.contextLength}, loaded in ${event.seconds.toFixed(1)} s on ${describeBackend(event.backend)}`,
        );
      }
      case 'progress': {
        const name = `${event.model} ${event.task}`;
        if (name !== task) {
          task = name;
          began = performance.now();
        }
        const seconds = (performance.now() - began) / 1000;
        const speed = event.done / Math.max(seconds, 1e-3);
        const left = formatSeconds((event.total - event.done) / speed);
        const share = `${((100 * event.done) / event.total).toFixed(0)} %`;
        const reused = `${(100 * event.reused).toFixed(0)} % of tokens reused`;
        return progress.update(
          `${event.task}: ${share} of ${event.total} tokens, ${speed.toFixed(0)}/s, ${reused}, ${left} left`,
        );
      }
      case 'cell':
        return;
    }
  };
}
