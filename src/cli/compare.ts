import type { CommandModule } from 'yargs';
import { THRESHOLDS } from '../check/verdict.ts';
import { UserError } from '../errors.ts';

interface CompareArguments {
  runs: string[];
  json: boolean;
  markdown: boolean;
}

export const compareCommand: CommandModule<object, CompareArguments> = {
  command: 'compare <runs..>',
  describe: 'Two runs item by item, or the checkpoints of a training',
  builder: (yargs) =>
    yargs
      .positional('runs', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Run folders, baseline files or folders of lm-eval; PATH#MODEL names one of several models',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON instead of a table' })
      .option('markdown', { type: 'boolean', default: false, describe: 'Print Markdown instead of a table' })
      .example('$0 compare reports/runs/a reports/runs/b', 'two runs')
      .example('$0 compare reports/runs/a#gpt2 b.json.gz', 'a model of a run, a baseline')
      .example('$0 compare reports/runs/steps', 'models such as out/step1000, out/step2000'),
  handler: compare,
};

async function compare({ runs, json, markdown }: CompareArguments): Promise<void> {
  const { readStoredRun } = await import('../check/baseline.ts');
  if (runs.length !== 2) return trajectory(runs, json);
  const [{ pairRuns }, { checkRuns }, { readFlips }, { outcomeTable, outcomeJson }, { outcomeMarkdown }] =
    await Promise.all([
      import('../check/pair.ts'),
      import('../check/verdict.ts'),
      import('../check/flips.ts'),
      import('../check/outcome.ts'),
      import('../check/markdown.ts'),
    ]);
  const [a, b] = runs as [string, string];
  const baseline = await readStoredRun(a, 'compare');
  const candidate = await readStoredRun(b, 'compare');
  const paired = pairRuns(baseline, candidate);
  const outcome = { baseline, candidate, result: checkRuns(paired, THRESHOLDS) };
  if (json) process.stdout.write(outcomeJson(outcome, 0));
  else if (markdown) {
    const flips = await readFlips(paired.cells, candidate.folder ?? baseline.folder, 10);
    process.stdout.write(outcomeMarkdown(outcome, flips));
  } else process.stdout.write(`${outcomeTable(outcome)}\n`);
}

/** Several checkpoints: what each scores, and from which step on that is more than guessing. */
async function trajectory(runs: readonly string[], json: boolean): Promise<void> {
  const [{ openRun }, { trajectories, trajectoryTable }] = await Promise.all([
    import('../lm-eval/read.ts'),
    import('../report/trajectory.ts'),
  ]);
  const opened = await Promise.all(runs.map((path) => openRun(path)));
  try {
    const found = trajectories(opened.map(({ record }) => record));
    if (found.length === 0) {
      throw new UserError(
        'compare: expected two runs, or models whose names end in step1000, checkpoint-1000 or the like',
      );
    }
    process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : `${trajectoryTable(found)}\n`);
  } finally {
    for (const run of opened) await run.close();
  }
}
