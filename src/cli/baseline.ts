import { writeFile } from 'node:fs/promises';
import type { CommandModule } from 'yargs';
import { messageOf, UserError } from '../errors.ts';

interface BaselineArguments {
  action: 'save';
  dir: string;
  file: string;
  json: boolean;
}

export const baselineCommand: CommandModule<object, BaselineArguments> = {
  command: 'baseline <action> <dir> <file>',
  describe: 'Save what a check needs of a run in a small file',
  builder: (yargs) =>
    yargs
      .positional('action', { choices: ['save'] as const, demandOption: true, describe: 'What to do' })
      .positional('dir', {
        type: 'string',
        demandOption: true,
        describe: 'Run folder; DIR#MODEL names one of several models',
      })
      .positional('file', { type: 'string', demandOption: true, describe: 'File to write' })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON instead of a sentence' })
      .example('$0 baseline save reports/runs/a baseline.json.gz', 'of a run of one model')
      .example('$0 baseline save reports/runs/a#gpt2 gpt2.json.gz', 'of one model among several'),
  handler: save,
};

async function save({ dir, file, json }: BaselineArguments): Promise<void> {
  const { packBaseline, readStoredRun } = await import('../check/baseline.ts');
  const run = await readStoredRun(dir, 'baseline save');
  const packed = await packBaseline(run);
  await writeFile(file, packed).catch((error: unknown) => {
    throw new UserError(`${file}: cannot be written: ${messageOf(error)}`);
  });
  const items = run.cells.reduce((sum, cell) => sum + cell.items.length, 0);
  const facts = { file, model: run.model, cells: run.cells.length, items, bytes: packed.length };
  process.stdout.write(
    json
      ? `${JSON.stringify(facts, null, 2)}\n`
      : `${file}: ${run.model}, ${facts.cells} cells, ${items} items, ${(packed.length / 1024).toFixed(0)} KiB\n`,
  );
}
