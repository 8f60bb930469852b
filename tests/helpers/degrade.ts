import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CellResult, RunRecord } from '../../src/record.ts';
import { samplesPath } from '../../src/store/run-folder.ts';
import type { Sample } from '../../src/types.ts';

/**
 * Changes every stored sample of a run folder, and the results with them: a model of random weights has no skill that
 * it could lose.
 */
export function changeSamples(folder: string, change: (sample: Sample, number: number) => Sample): void {
  const recordPath = join(folder, 'run.json');
  const record = JSON.parse(readFileSync(recordPath, 'utf8')) as RunRecord;
  const results = record.results.map((result): CellResult => {
    const path = join(folder, samplesPath({ ...result, draw: result.draw ?? 0 }));
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    const samples = lines.map((line, i) => change(JSON.parse(line) as Sample, i));
    writeFileSync(path, samples.map((sample) => `${JSON.stringify(sample)}\n`).join(''));
    const { primary, metrics } = result;
    const values = samples.flatMap((sample) => sample.values?.[primary] ?? []);
    const value = values.reduce((sum, one) => sum + one, 0) / values.length;
    return { ...result, metrics: { ...metrics, [primary]: { ...metrics[primary]!, value } } };
  });
  writeFileSync(recordPath, JSON.stringify({ ...record, results }, null, 2));
}
