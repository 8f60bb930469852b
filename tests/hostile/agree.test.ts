import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readStoredRun } from '../../src/check/baseline.ts';
import { readRuns, writeLeaderboard } from '../../src/report/report.ts';
import { samplesPath } from '../../src/store/run-folder.ts';
import { writeRunFolder } from '../helpers/run-folders.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalgpt-agree-'));
  writeRunFolder(folder, {
    seed: 1,
    models: [{ ref: 'a', parameters: 1000 }],
    ...{ tasks: ['one'], shots: [0], items: 20 },
  });
  path = join(folder, samplesPath({ model: 'a', task: 'one', shots: 0, draw: 0 }));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const report = (): Promise<unknown> =>
  readRuns([folder]).then((merged) => writeLeaderboard(merged, join(folder, 'page.html')));
const check = (): Promise<unknown> => readStoredRun(folder, '--baseline');

test('a run folder as it was written is read', async () => {
  await report();
  await check();
});

test.each([
  [
    'an answer changed',
    (text: string) => text.replace('"acc":1', '"acc":0'),
    /mean acc is .* run\.json says/,
  ],
  [
    'lines cut off',
    (text: string) => `${text.split('\n').slice(0, 15).join('\n')}\n`,
    /expected 20 scored items of 20.* found 15/,
  ],
  [
    'a line twice',
    (text: string) => text + text.slice(0, text.indexOf('\n') + 1),
    /"one-0" stands in it twice/,
  ],
])('%s: refused by report and check', async (_, change, message) => {
  writeFileSync(path, change(readFileSync(path, 'utf8')));
  await expect(report()).rejects.toThrow(message);
  await expect(check()).rejects.toThrow(message);
});
