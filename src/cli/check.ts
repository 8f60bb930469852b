import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { StoredRun } from '../check/items.ts';
import type { Outcome } from '../check/outcome.ts';
import type { Paired } from '../check/pair.ts';
import type { Thresholds } from '../check/verdict.ts';
import { UserError } from '../errors.ts';
import type { RunSpec } from '../record.ts';
import { isOfLmEval } from '../store/spec-file.ts';
import {
  type CacheArguments,
  cacheOption,
  commaList,
  DEVICES,
  requestOptions,
  type ServedArguments,
  type SourceArguments,
  servedOptions,
  servedSpec,
  sourceOptions,
  useCache,
  wholeNumber,
} from './options.ts';
import { progressOn } from './progress.ts';
import { reporter } from './reporter.ts';
import { interruptible } from './signals.ts';

interface CheckArguments extends SourceArguments, CacheArguments, ServedArguments {
  baseline: string;
  model: string | undefined;
  candidate: string | undefined;
  alpha: number;
  'min-effect': Thresholds['minEffect'];
  margin: Thresholds['margin'];
  'max-items': number | undefined;
  'on-inconclusive': 'pass' | 'fail';
  device: RunSpec['device'] | undefined;
  threads: number | undefined;
  task: string[] | undefined;
  out: string | undefined;
  junit: string | undefined;
  markdown: string | undefined;
  json: string | undefined;
  html: string | undefined;
}

export const checkCommand: CommandModule<object, CheckArguments> = {
  command: 'check',
  describe: 'Hold a checkpoint against a baseline: is it worse?',
  builder: (yargs) =>
    servedOptions(cacheOption(sourceOptions(yargs)))
      .option('baseline', {
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe:
          'Run folder, file of `evalgpt baseline save`, or folder of lm-eval; PATH#MODEL names one of several models',
      })
      .option('model', {
        type: 'string',
        requiresArg: true,
        conflicts: 'candidate',
        describe: "Model to run on the baseline's tasks, items and shots",
      })
      .option('candidate', {
        type: 'string',
        requiresArg: true,
        describe: 'Finished run to compare instead, as for --baseline',
      })
      .option('alpha', {
        type: 'string',
        requiresArg: true,
        default: '0.05',
        describe: 'Probability of a false alarm among all tests',
        coerce: share('alpha'),
      })
      .option('min-effect', {
        type: 'string',
        requiresArg: true,
        default: '0.5,0.01',
        describe: 'Smallest loss that is a regression: points, and nats a token',
        coerce: amounts('min-effect', 0.01),
      })
      .option('margin', {
        type: 'string',
        requiresArg: true,
        default: '2,0.02',
        describe: 'Loss that must be ruled out for a pass: points, and nats a token',
        coerce: amounts('margin', 0.02),
      })
      .option('max-items', {
        type: 'string',
        requiresArg: true,
        describe: 'With --model: items a task at most, and stop as soon as the verdict is clear',
        coerce: wholeNumber('max-items', 1),
      })
      .option('on-inconclusive', {
        choices: ['fail', 'pass'] as const,
        default: 'fail' as const,
        describe: 'Exit with 3 or with 0 where too few items were scored to tell',
      })
      .option('device', { describe: 'With --model: where it runs', choices: DEVICES })
      .option('threads', {
        type: 'string',
        requiresArg: true,
        describe: 'With --model: threads for matrix products',
        coerce: wholeNumber('threads', 1),
      })
      .option('task', {
        type: 'string',
        requiresArg: true,
        describe: "With --model: the baseline's own task files, where they are programs",
        coerce: commaList('task'),
      })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: "With --model: the candidate's run folder; by default reports/runs/ and a hash",
      })
      .option('junit', { type: 'string', requiresArg: true, describe: 'Write JUnit XML to this file' })
      .option('markdown', {
        type: 'string',
        requiresArg: true,
        describe: 'Write Markdown for a pull request or job summary',
      })
      .option('json', {
        type: 'string',
        requiresArg: true,
        describe: 'Write every test as JSON; - prints it instead of the table',
      })
      .option('html', { type: 'string', requiresArg: true, describe: 'Write a page with the changed items' })
      .example('$0 check --baseline b.json.gz --model ./new', "on the baseline's own items")
      .example('$0 check --baseline runs/a --candidate runs/b', 'two runs that are there already')
      .example('$0 check --baseline b.json.gz --model ./new --max-items 500', 'no more than is needed')
      .epilogue(
        'Exit code 0: no regression; 1: a regression; 3: too few items to tell. `evalgpt baseline save` makes a baseline.',
      ),
  handler: (args) => interruptible((signal) => check(args, signal)),
};

/** Most changed items that a page shows of each cell. */
const MOST_FLIPS = 200;

async function check(args: CheckArguments, signal: AbortSignal): Promise<void> {
  useCache(args);
  if ((args.model === undefined) === (args.candidate === undefined))
    throw new UserError('check: expected --model REF or --candidate DIR');
  if (args['max-items'] !== undefined && args.model === undefined)
    throw new UserError('--max-items: needs --model: a finished run has all its items');
  const [
    { readStoredRun },
    { pairRuns },
    { checkRuns, exitCode },
    { readFlips },
    { outcomeTable, outcomeJson },
    { outcomeMarkdown },
    { outcomeJunit },
    { outcomePage },
    { disk },
  ] = await Promise.all([
    import('../check/baseline.ts'),
    import('../check/pair.ts'),
    import('../check/verdict.ts'),
    import('../check/flips.ts'),
    import('../check/outcome.ts'),
    import('../check/markdown.ts'),
    import('../check/junit.ts'),
    import('../check/page.ts'),
    import('../store/disk.ts'),
  ]);
  const { alpha, 'min-effect': minEffect, margin } = args;
  const thresholds: Thresholds = { alpha, minEffect, margin };
  const baseline = await readStoredRun(args.baseline, '--baseline');
  const temporary = await mkdtemp(join(tmpdir(), 'evalgpt-check-'));
  try {
    let outcome: Outcome;
    let paired: Paired;
    if (args['max-items'] !== undefined) {
      ({ outcome, paired } = await sequentially(
        args,
        args['max-items'],
        baseline,
        thresholds,
        temporary,
        signal,
      ));
    } else {
      const candidate =
        args.candidate === undefined
          ? await runModel(args, specLike(args, baseline), args.out ?? byHash, signal)
          : await readStoredRun(args.candidate, '--candidate');
      paired = pairRuns(baseline, candidate);
      outcome = { baseline, candidate, result: checkRuns(paired, thresholds) };
    }
    const code = exitCode(outcome.result, args['on-inconclusive']);
    const flips = await readFlips(paired.cells, outcome.candidate.folder ?? baseline.folder, MOST_FLIPS);
    const files: [string | undefined, () => string][] = [
      [args.junit, () => outcomeJunit(outcome, args['on-inconclusive'])],
      [args.markdown, () => outcomeMarkdown(outcome, flips)],
      [args.json, () => outcomeJson(outcome, code)],
      [args.html, () => outcomePage(outcome, flips)],
    ];
    // The verdict first: a report that can't be written must not lose it.
    process.stdout.write(args.json === '-' ? outcomeJson(outcome, code) : `${outcomeTable(outcome)}\n`);
    process.exitCode = code;
    for (const [path, text] of files)
      if (path !== undefined && (path !== '-' || path !== args.json)) await disk.replace(path, text());
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The baseline's spec for another model. */
function specLike(args: CheckArguments, baseline: StoredRun): object {
  const { spec } = baseline;
  if (isOfLmEval(spec))
    throw new UserError(
      `--baseline ${baseline.path}: was made by lm-eval, whose tasks evalgpt does not run; expected --candidate with another run of lm-eval`,
    );
  return {
    ...spec,
    models: [args.model],
    device: args.device ?? spec.device,
    threads: args.threads ?? spec.threads,
  };
}

/** The folder of a run by what is run, as `evalgpt run` names it. */
function byHash(resolved: unknown): string {
  return join(
    'reports',
    'runs',
    createHash('sha256').update(JSON.stringify(resolved)).digest('hex').slice(0, 12),
  );
}

/** Runs the model and reads its run folder. */
async function runModel(
  args: CheckArguments,
  like: object,
  out: string | typeof byHash,
  signal: AbortSignal,
  reuse?: string,
): Promise<StoredRun> {
  const [{ evaluate }, { specOf }, { readStoredRun }, { isTaskModule }] = await Promise.all([
    import('../evaluate/evaluate.ts'),
    import('../store/spec-file.ts'),
    import('../check/baseline.ts'),
    import('../custom/open.ts'),
  ]);
  const { spec } = specOf(like, `--baseline ${args.baseline}`);
  // A baseline may come from anyone: the programs that it names run where the user names them, too.
  const module = args.task === undefined ? spec.taskFiles?.find(isTaskModule) : undefined;
  if (module !== undefined) {
    throw new UserError(
      `--baseline ${args.baseline}: its task file ${module} is a program, which a baseline alone does not run: add --task ${spec.taskFiles?.join(',')}`,
    );
  }
  let folder = '';
  const progress = progressOn(process.stderr);
  const report = reporter(progress);
  await evaluate(
    {
      ...spec,
      models: [args.model as string],
      revision: args.revision ?? null,
      ...(args.task ? { taskFiles: args.task } : {}),
      ...servedSpec(args, spec),
    },
    {
      served: requestOptions(args),
      signal,
      out,
      offline: args.offline,
      reuse,
      onEvent(event) {
        if (event.kind === 'folder') folder = event.path;
        report(event);
      },
    },
  ).finally(() => progress.end());
  return readStoredRun(folder, '--model');
}

/** Runs the model on more and more items of every task, and stops where the verdict is clear. */
async function sequentially(
  args: CheckArguments,
  most: number,
  baseline: StoredRun,
  thresholds: Thresholds,
  temporary: string,
  signal: AbortSignal,
): Promise<{ outcome: Outcome; paired: Paired }> {
  const [{ looks, sequentialCheck }, { pairRuns }] = await Promise.all([
    import('../check/sequential.ts'),
    import('../check/pair.ts'),
  ]);
  const like = specLike(args, baseline);
  const largest = Math.max(0, ...baseline.cells.map(({ items }) => items.length));
  const looking = sequentialCheck(thresholds);
  for (const limit of looks(Math.min(most, largest))) {
    const out = join(temporary, `${limit}`);
    // What one look has scored the next one takes over.
    const run = await runModel(args, { ...like, limit }, out, signal, temporary);
    const candidate = { ...run, path: args.out ?? 'a temporary folder' };
    const paired = pairRuns(baseline, candidate, { part: true });
    const { result, settled } = looking.look(paired, limit === Math.min(most, largest));
    process.stderr.write(`${limit} items a task: ${result.verdict}\n`);
    if (!settled) continue;
    if (args.out !== undefined) await cp(out, args.out, { recursive: true });
    return { outcome: { baseline, candidate, result }, paired };
  }
  throw new UserError(`--baseline ${baseline.path}: holds no items`);
}

/** A number between 0 and 1. */
function share(option: string): (value: unknown) => number {
  return (value) => {
    const number = Number(value);
    if (!(number > 0 && number < 1))
      throw new UserError(`--${option}: expected a number between 0 and 1, found "${String(value)}"`);
    return number;
  };
}

/** "0.5" points, or "0.5,0.01": points, and nats a token. */
function amounts(option: string, nats: number): (value: unknown) => Thresholds['margin'] {
  return (value) => {
    const parts = String(value)
      .split(',')
      .map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
    if (parts.length > 2 || !parts.every((part) => part >= 0))
      throw new UserError(
        `--${option}: expected points, or points and nats a token as in 0.5,0.01, found "${String(value)}"`,
      );
    return { points: parts[0] as number, nats: parts[1] ?? nats };
  };
}
