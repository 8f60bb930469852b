import type { CommandModule } from 'yargs';

interface ExportArguments {
  dir: string;
  format: 'lm-eval';
  out: string;
}

export const exportCommand: CommandModule<object, ExportArguments> = {
  command: 'export <dir>',
  describe: "A run in lm-eval's format, for what reads that",
  builder: (yargs) =>
    yargs
      .positional('dir', { type: 'string', demandOption: true, describe: 'Run folder' })
      .option('format', {
        choices: ['lm-eval'] as const,
        default: 'lm-eval' as const,
        describe: 'results_*.json and samples_*.jsonl',
      })
      .option('out', {
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe: 'Folder to write to',
      }),
  handler: exportRun,
};

async function exportRun({ dir, out }: ExportArguments): Promise<void> {
  const [{ readRecord }, { writeLmEval }] = await Promise.all([
    import('../store/run-folder.ts'),
    import('../lm-eval/write.ts'),
  ]);
  for (const file of await writeLmEval(dir, await readRecord(dir), out)) process.stdout.write(`${file}\n`);
}
