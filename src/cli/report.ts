import { extname, join } from 'node:path';
import type { CommandModule } from 'yargs';
import { UserError } from '../errors.ts';
import type { ReadableRun } from '../lm-eval/read.ts';
import { progressOn } from './progress.ts';
import { interruptible } from './signals.ts';

const FORMATS = ['html', 'csv', 'md', 'json', 'svg'] as const;
type Format = (typeof FORMATS)[number];

interface ReportArguments {
  dirs: string[];
  out: string | undefined;
  format: Format | undefined;
  samples: 'few' | 'all';
  json: boolean;
}

export const reportCommand: CommandModule<object, ReportArguments> = {
  command: 'report <dirs..>',
  describe: 'A leaderboard, or a table, of one or many runs',
  builder: (yargs) =>
    yargs
      .positional('dirs', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Run folders, or folders of lm-eval; where two have the same cell the first is shown',
      })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe:
          'File to write; for --format svg a folder, a file a chart. Without it a page goes to leaderboard.html, a table to stdout',
      })
      .option('format', {
        describe: "What to write; by default what the file's name says, else html",
        choices: FORMATS,
      })
      .option('samples', {
        describe:
          'Examples to look into: few, the most interesting ones, in the page; all, in files beside it',
        choices: ['few', 'all'] as const,
        default: 'few' as const,
      })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'Print what is on the page as JSON: as --format json without --out',
      })
      .example('$0 report reports/runs/* --out all.html', 'all runs on one page')
      .example('$0 report reports/runs/a --format csv', 'the numbers of one run'),
  handler: (args) => interruptible((signal) => report(args, signal)),
};

async function report(args: ReportArguments, signal: AbortSignal): Promise<void> {
  const { dirs, out, format, samples, json } = args;
  if (json && (out !== undefined || (format !== undefined && format !== 'json')))
    throw new UserError('--json: prints to stdout: expected neither --out nor another --format beside it');
  const chosen = json ? 'json' : (format ?? formatOf(out));
  if (samples === 'all' && chosen !== 'html')
    throw new UserError(`--samples all: expected --format html, found ${chosen}`);
  const [{ readBoard, readRuns, writeLeaderboard }, { disk }] = await Promise.all([
    import('../report/report.ts'),
    import('../store/disk.ts'),
  ]);
  const { openRun } = await import('../lm-eval/read.ts');
  const runs: ReadableRun[] = [];
  const progress = progressOn(process.stderr);
  const onTask = (name: string, done: number, total: number): void =>
    progress.update(`${name}: read, ${done} of ${total} tasks`);
  try {
    for (const dir of dirs) runs.push(await openRun(String(dir)));
    const merged = await readRuns(
      runs.map(({ folder }) => folder),
      runs.map(({ path }) => path),
    );
    if (chosen === 'html') {
      const path = out ?? 'leaderboard.html';
      const board = await writeLeaderboard(merged, path, { signal, onTask, samples });
      progress.end();
      for (const note of board.notes) progress.note(`note: ${note}`);
      process.stdout.write(`${path}\n`);
      return;
    }
    const board = await readBoard(merged, { signal, onTask });
    progress.end();
    if (chosen === 'svg') {
      const [{ boardCharts }, { standalone }] = await Promise.all([
        import('../report/board-charts.ts'),
        import('../report/charts.ts'),
      ]);
      if (out === undefined) throw new UserError('--format svg: expected --out and a folder for the charts');
      for (const { id, svg } of boardCharts(board)) {
        const path = join(out, `${id}.svg`);
        await disk.replace(path, standalone(svg));
        process.stdout.write(`${path}\n`);
      }
      return;
    }
    const { boardCsv, boardJson, boardMarkdown } = await import('../report/exports.ts');
    const text = { csv: boardCsv, md: boardMarkdown, json: boardJson }[chosen](board);
    if (out === undefined) process.stdout.write(text);
    else await disk.replace(out, text);
  } catch (error) {
    if (out === undefined || !(error instanceof Error && 'code' in error)) throw error;
    throw new UserError(`--out ${out}: cannot be written: ${error.message}`);
  } finally {
    progress.end();
    for (const run of runs) await run.close();
  }
}

function formatOf(out: string | undefined): Format {
  const extension = extname(out ?? '')
    .slice(1)
    .toLowerCase();
  if (out === undefined || extension === 'htm') return 'html';
  const found = FORMATS.find((name) => name === extension);
  if (found === undefined || found === 'svg')
    throw new UserError(
      `--out ${out}: expected a name that ends in .html, .csv, .md or .json, or --format beside it`,
    );
  return found;
}
