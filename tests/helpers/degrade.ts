import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sample } from '../../src/types.ts';

/** Changes every stored sample of a run folder: a model of random weights has no skill that it could lose. */
export function changeSamples(folder: string, change: (sample: Sample, number: number) => Sample): void {
  for (const model of readdirSync(join(folder, 'samples'))) {
    for (const name of readdirSync(join(folder, 'samples', model))) {
      const path = join(folder, 'samples', model, name);
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      const samples = lines.map((line, i) => change(JSON.parse(line) as Sample, i));
      writeFileSync(path, samples.map((sample) => `${JSON.stringify(sample)}\n`).join(''));
    }
  }
}
