import type { CommandModule } from 'yargs';

interface ExportArguments {
  dir: string;
  format: 'lm-eval';
  out: string;
  json: boolean;
}

export const exportCommand: CommandModule<object, ExportArguments> = {
  command: 'export <dir>',
  describe: "Write a run in lm-eval's format",
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
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print the files as a JSON array' })
      .example('$0 export reports/runs/a --out lm-eval/a', 'results_*.json and samples_*.jsonl')
      .example('$0 export reports/runs/a --out lm-eval/a --json', 'the names of the files as JSON'),
  handler: exportRun,
};

async function exportRun({ dir, out, json }: ExportArguments): Promise<void> {
  const [{ readRecord }, { writeLmEval }] = await Promise.all([
    import('../store/run-folder.ts'),
    import('../lm-eval/write.ts'),
  ]);
  const files = await writeLmEval(dir, await readRecord(dir), out);
  process.stdout.write(
    json ? `${JSON.stringify(files, null, 2)}\n` : files.map((file) => `${file}\n`).join(''),
  );
}
