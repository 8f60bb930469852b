/**
 * How long a large leaderboard takes to make, how big it is, and how soon it answers in Chromium:
 * `npx tsx tests/bench/report.ts [EXAMPLES] [FOLDER]`. It makes run folders of 5 models, 60 tasks and 3 numbers of
 * shots with so many examples each (5,000 unless told) in FOLDER, about 2 GB, and leaves them there for the next time.
 */
import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { chromiumPath } from '../helpers/chromium.ts';
import { writeRunFolder } from '../helpers/run-folders.ts';

const [first = '5000', second = join(tmpdir(), 'evalgpt-bench-report')] = process.argv.slice(2);
const items = Number(first);
const root = resolve(second);
const tasks = Array.from({ length: 60 }, (_, i) => `task-${String(i).padStart(2, '0')}`);
const sizes = [1, 4, 16, 64, 256].map((m) => ({ ref: `model-${m}m`, parameters: m * 1e6 }));

/** Runs in the page: milliseconds to its first frame behind the script, of a sort, and of a task's examples. */
const MEASURE = `(async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  await frame();
  const ready = performance.now();
  document.querySelector('#grid th[data-sort="4.2"] button').click();
  await frame();
  const sorted = performance.now();
  document.querySelector('#task-30').open = true;
  while (!document.querySelector('#task-30 .examples li')) await frame();
  return [ready, sorted - ready, performance.now() - sorted];
})()`;

const folders: string[] = [];
for (const model of sizes) {
  const folder = join(root, String(items), model.ref);
  if (!existsSync(join(folder, 'run.json'))) {
    const began = performance.now();
    writeRunFolder(folder, { seed: 1, models: [model], tasks, shots: [0, 1, 8], items, dirty: 10 });
    console.log(`made ${folder} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
  folders.push(folder);
}

const out = join(root, String(items), 'leaderboard.html');
// A process of its own, whose largest resident set is that of the report alone.
const report = fileURLToPath(new URL('../../src/report/report.ts', import.meta.url));
const program = `
  const { readRuns, writeLeaderboard } = await import(${JSON.stringify(pathToFileURL(report).href)});
  const began = performance.now();
  await writeLeaderboard(await readRuns(${JSON.stringify(folders)}), ${JSON.stringify(out)});
  const seconds = (performance.now() - began) / 1000;
  console.log(JSON.stringify({ seconds, peak: process.resourceUsage().maxRSS / 1024 }));
`;
const arguments_ = ['--import', 'tsx', '--input-type=module', '-e', program];
const { stdout } = await promisify(execFile)(process.execPath, arguments_);
const { seconds, peak } = JSON.parse(stdout) as { seconds: number; peak: number };
console.log(`${items} examples a cell: built in ${seconds.toFixed(1)} s, peak ${peak.toFixed(0)} MB`);
console.log(`page: ${(statSync(out).size / 1e6).toFixed(2)} MB`);

if (chromiumPath === undefined) console.log('no Chromium here: the page is not opened');
else {
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
  const times: number[][] = [];
  for (let run = 0; run < 5; run++) {
    const page = await browser.newPage();
    // The renderer's main thread by its own clock: what other processes of the machine do is not in it.
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    await page.goto(pathToFileURL(out).href);
    await page.waitForSelector('html[data-ready]', { state: 'attached' });
    const { metrics } = await devtools.send('Performance.getMetrics');
    const busy = 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0);
    times.push([...(await page.evaluate<number[]>(MEASURE)), busy]);
    await page.close();
  }
  await browser.close();
  const median = (at: number): string =>
    (times.map((t) => t[at] as number).sort((a, b) => a - b)[2] ?? 0).toFixed(0);
  console.log(
    `in Chromium, medians of 5: first frame after the script ${median(0)} ms (main thread busy for ${median(3)} ms), a sort ${median(1)} ms, a task's examples unpacked and listed ${median(2)} ms`,
  );
}
