import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { progressOn } from './progress.ts';
import { interruptible } from './signals.ts';

interface MergeArguments {
  dirs: string[];
  out: string;
  json: boolean;
}

export const mergeCommand: CommandModule<object, MergeArguments> = {
  command: 'merge <dirs..>',
  describe: 'One run from all the parts of `run --shard i/n`',
  builder: (yargs) =>
    yargs
      .positional('dirs', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Run folders of all n parts, in any order',
      })
      .option('out', {
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe: 'Folder for the run that they make',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print run.json instead of a table' })
      .example('$0 merge parts/* --out reports/runs/whole', 'all parts of a Slurm array')
      .example('$0 merge one two --out whole --json', 'run.json to stdout')
      .epilogue('Needs neither models nor data; the run is the one that a single machine would have made.'),
  handler: (args) => interruptible((signal) => merge(args, signal)),
};

async function merge({ dirs, out, json }: MergeArguments, signal: AbortSignal): Promise<void> {
  const [{ mergeShards }, { mergeRuns }, { writeLeaderboard }, { resultTable }] = await Promise.all([
    import('../evaluate/merge-shards.ts'),
    import('../report/merge.ts'),
    import('../report/report.ts'),
    import('../report/table.ts'),
  ]);
  const record = await mergeShards(dirs.map(String), out);
  const progress = progressOn(process.stderr);
  for (const warning of record.environment.warnings) progress.note(`warning: ${warning}`);
  const page = join(out, 'leaderboard.html');
  await writeLeaderboard(mergeRuns([{ folder: out, name: out, record }]), page, { signal });
  process.stdout.write(json ? `${JSON.stringify(record, null, 2)}\n` : `${resultTable(record)}\n`);
  progress.note(`Run folder: ${out}\nLeaderboard: ${page}`);
}
