import type { CommandModule } from 'yargs';
import type { TieRule } from '../metrics/rescore.ts';
import { highlight } from './colour.ts';

interface RescoreArguments {
  dir: string;
  metric: string | undefined;
  ties: TieRule;
  out: string | undefined;
  json: boolean;
}

export const rescoreCommand: CommandModule<object, RescoreArguments> = {
  command: 'rescore <dir>',
  describe: 'Judge a run by another metric, without the model',
  builder: (yargs) =>
    yargs
      .positional('dir', { type: 'string', demandOption: true, describe: 'Run folder' })
      .option('metric', {
        type: 'string',
        requiresArg: true,
        describe:
          'Primary metric; normalisations are metrics: acc, acc_norm (characters), acc_token, acc_byte, acc_uncond',
      })
      .option('ties', {
        choices: ['share', 'first'] as const,
        default: 'share' as const,
        describe: "Equal choices share a point, or the first one takes it (lm-eval's rule)",
      })
      .option('out', { type: 'string', requiresArg: true, describe: 'Write the run as judged anew here' })
      .option('json', { type: 'boolean', default: false, describe: 'Print run.json instead of a table' })
      .example('$0 rescore reports/runs/a --metric acc_byte', 'answers by log-likelihood per byte')
      .example('$0 rescore reports/runs/a --ties first', "lm-eval's rule for equal choices"),
  handler: rescore,
};

async function rescore({ dir, metric, ties, out, json }: RescoreArguments): Promise<void> {
  const [{ openRun }, { rescoreRun }, { resultTable }] = await Promise.all([
    import('../lm-eval/read.ts'),
    import('../check/rescore.ts'),
    import('../report/table.ts'),
  ]);
  const run = await openRun(dir);
  try {
    const record = await rescoreRun(run.folder, run.record, { metric, ties, out });
    const news = record.environment.warnings.slice(run.record.environment.warnings.length);
    for (const warning of news) process.stderr.write(`${highlight(`warning: ${warning}`, process.stderr)}\n`);
    process.stdout.write(json ? `${JSON.stringify(record, null, 2)}\n` : `${resultTable(record)}\n`);
  } finally {
    await run.close();
  }
}
