import { writeFile } from 'node:fs/promises';
import type { CommandModule } from 'yargs';
import { messageOf, UserError } from '../errors.ts';

interface BaselineArguments {
  action: 'save';
  dir: string;
  file: string;
}

export const baselineCommand: CommandModule<object, BaselineArguments> = {
  command: 'baseline <action> <dir> <file>',
  describe: 'Save what a check needs of a run in one small file to commit',
  builder: (yargs) =>
    yargs
      .positional('action', { choices: ['save'] as const, demandOption: true })
      .positional('dir', {
        type: 'string',
        demandOption: true,
        describe: 'Run folder; DIR#MODEL names one of several models',
      })
      .positional('file', { type: 'string', demandOption: true, describe: 'File to write' })
      .example('$0 baseline save reports/runs/0a1b2c3d4e5f baseline.json.gz', ''),
  handler: save,
};

async function save({ dir, file }: BaselineArguments): Promise<void> {
  const { packBaseline, readStoredRun } = await import('../check/baseline.ts');
  const run = await readStoredRun(dir, 'baseline save');
  const packed = await packBaseline(run);
  await writeFile(file, packed).catch((error: unknown) => {
    throw new UserError(`${file}: cannot be written: ${messageOf(error)}`);
  });
  const items = run.cells.reduce((sum, cell) => sum + cell.items.length, 0);
  process.stdout.write(
    `${file}: ${run.model}, ${run.cells.length} cells, ${items} items, ${(packed.length / 1024).toFixed(0)} KiB\n`,
  );
}
