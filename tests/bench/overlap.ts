/**
 * How fast `evalgpt overlap` is: see README.md here. After `npm run build`:
 * node --import tsx tests/bench/overlap.ts
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missing, python, shared } from '../helpers/shared.ts';

const novels = join(shared, 'corpus/100_english_novels');
const race = join(shared, 'corpus/race_train/RACE-train.tar.gz');
const root = fileURLToPath(new URL('../..', import.meta.url));
const absent = missing(novels, race, join(root, 'dist/src/cli/main.js'), python);
if (absent !== undefined) {
  console.log(absent);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'evalgpt-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** A scan in a process of its own: index and scan apart, in seconds. */
interface Measured {
  readonly items: number;
  readonly grams: number;
  readonly index: number;
  readonly wall: number;
  /** Of the user's, all threads together. */
  readonly cpu: number;
  /** Peak resident set in MB: with the index alone, and after the scan. */
  readonly before: number;
  readonly peak: number;
  readonly dirty: number;
}

const CHILD = `
const at = (path) => import(${JSON.stringify(join(root, 'dist/'))} + path);
const { tests, corpus, threads } = JSON.parse(process.argv[2]);
const { tasks } = await at('tasks/index.js');
const { scoredSplit } = await at('src/evaluate/load.js');
const { testTask, indexTestSet } = await at('src/overlap/test-set.js');
const { readTexts } = await at('src/overlap/texts-file.js');
const { corpusFiles } = await at('src/overlap/corpus.js');
const { createTally } = await at('src/overlap/result.js');
const { scanFiles } = await at('src/overlap/scan.js');
const began = performance.now();
let found = [];
if (tests !== 'all') found = [{ ...(await readTexts(tests)), ngram: 13 }];
else for (const task of tasks) {
  const split = await scoredSplit(task, () => {});
  if (!('missing' in split)) found.push(testTask(task, split, { method: 'gpt3' }));
}
const testSet = indexTestSet(found);
const items = found.reduce((sum, task) => sum + task.items.length, 0);
found = [];
const index = (performance.now() - began) / 1000;
const tally = createTally(testSet);
const before = process.resourceUsage().maxRSS / 1000;
const cpu = process.cpuUsage();
const start = performance.now();
await scanFiles(corpusFiles([corpus]), {
  index: testSet.index, field: 'text', threads, signal: new AbortController().signal,
  onBytes() {}, onFile: (scanned) => tally.add(scanned), onBroken(_, error) { throw error; },
});
const wall = (performance.now() - start) / 1000;
const used = process.cpuUsage(cpu).user / 1e6;
const peak = process.resourceUsage().maxRSS / 1000;
const dirty = tally.result('gpt3', false).items.filter((item) => item.dirty).length;
console.log(JSON.stringify({ items, grams: testSet.index.size, index, wall, cpu: used, before, peak, dirty }));
`;

function measure(options: { tests: string; corpus: string; threads: number }): Measured {
  const env = { ...process.env, EVALGPT_OFFLINE: '1', EVALGPT_DATA: join(shared, 'data') };
  const child = join(folder, 'child.mjs');
  writeFileSync(child, CHILD);
  const text = execFileSync(process.execPath, [child, JSON.stringify(options)], { env, encoding: 'utf8' });
  return JSON.parse(text) as Measured;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] as number;
const bytesIn = (path: string): number =>
  readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
const megabytes = bytesIn(novels) / 1e6;
const rate = (seconds: number, size = megabytes): string => `${(size / seconds).toFixed(1)} MB/s`;
const tell = (name: string, m: Measured, size = megabytes): void =>
  console.log(
    `${name}: ${m.items} items, ${m.grams} grams, indexed in ${m.index.toFixed(1)} s; ${size.toFixed(0)} MB in ${m.wall.toFixed(2)} s (${rate(m.wall, size)}), CPU ${m.cpu.toFixed(2)} s (${rate(m.cpu, size)}); peak ${m.before.toFixed(0)} MB before, ${m.peak.toFixed(0)} MB after; ${m.dirty} dirty`,
  );

/** lm-eval's own, with LAMBADA's passages registered, on the first novels; and the words that `wc -w` counts. */
function janitor(): { readonly megabytes: number; readonly cpu: number; readonly wall: number } {
  const code = `
import glob, json, resource, time
from lm_eval.decontamination.janitor import Janitor
j = Janitor()
for line in open(${JSON.stringify(join(shared, 'data/lambada/lambada_test.jsonl'))}, encoding='utf8'):
    j.register_contaminant(json.loads(line)['text'])
texts = [open(p, encoding='utf8').read() for p in sorted(glob.glob(${JSON.stringify(`${novels}/*.txt`)}))[:6]]
cpu, wall = time.process_time(), time.time()
for text in texts: j.clean(text)
print(json.dumps(dict(cpu=time.process_time() - cpu, wall=time.time() - wall, megabytes=sum(len(t.encode()) for t in texts) / 1e6)))
`;
  const lines = execFileSync(python, ['-c', code], { encoding: 'utf8' }).trimEnd().split('\n');
  return JSON.parse(lines.at(-1) as string);
}

function wc(): { readonly wall: number; readonly cpu: number } {
  const files = readdirSync(novels).map((name) => join(novels, name));
  const began = performance.now();
  const { stderr } = spawnSync('bash', ['-c', 'time wc -w "$@" > /dev/null', 'wc', ...files], {
    encoding: 'utf8',
  });
  const [, minutes, seconds] = /user\s+(\d+)m([\d.]+)s/.exec(stderr) ?? [];
  return { wall: (performance.now() - began) / 1000, cpu: Number(minutes) * 60 + Number(seconds) };
}

const wanted = process.argv.slice(2);
const wants = (part: string): boolean => wanted.length === 0 || wanted.includes(part);
if (wants('rate')) {
  const rounds = Array.from({ length: 3 }, () => ({
    two: measure({ tests: 'all', corpus: novels, threads: 2 }),
    one: measure({ tests: 'all', corpus: novels, threads: 1 }),
    janitor: janitor(),
    words: Array.from({ length: 5 }, wc),
  }));
  for (const { two, one } of rounds) {
    tell('two threads', two);
    tell('one thread', one);
  }
  const of = (pick: (round: (typeof rounds)[number]) => number): number => median(rounds.map(pick));
  const theirs = of(({ janitor: j }) => j.megabytes / j.wall);
  const theirCpu = of(({ janitor: j }) => j.megabytes / j.cpu);
  const two = of((r) => megabytes / r.two.wall);
  const cpu = of((r) => megabytes / r.one.cpu);
  console.log(`Janitor: ${theirs.toFixed(2)} MB/s, by CPU time ${theirCpu.toFixed(2)} MB/s`);
  console.log(
    `two threads: ${(two / theirs).toFixed(0)} x Janitor; by CPU time of one core ${(cpu / theirCpu).toFixed(0)} x`,
  );
  const words = of((r) => megabytes / median(r.words.map((w) => w.wall)));
  console.log(
    `wc -w: ${words.toFixed(0)} MB/s, by CPU time ${of((r) => megabytes / median(r.words.map((w) => w.cpu))).toFixed(0)}`,
  );
}
if (wants('growth')) {
  for (const times of [1, 4, 16]) {
    const corpus = join(folder, `x${times}`);
    mkdirSync(corpus);
    for (let i = 0; i < times; i++)
      for (const name of readdirSync(novels)) symlinkSync(join(novels, name), join(corpus, `${i}-${name}`));
    tell(`${times} x the bytes`, measure({ tests: 'all', corpus, threads: 2 }), times * megabytes);
  }
}
if (wants('items')) {
  const { decodeFile } = (await import(
    join(root, 'dist/src/data/decode.js')
  )) as typeof import('../../src/data/decode.ts');
  const records = await decodeFile(race, readFileSync(race), { format: 'tar', members: 'RACE/train/' });
  const lines = records.map((r, i) => `${JSON.stringify({ id: String(i), text: r.string('article') })}\n`);
  for (const n of [2500, 25_000]) {
    const tests = join(folder, `${n}.jsonl`);
    writeFileSync(tests, lines.slice(0, n).join(''));
    tell(`${n} passages of RACE`, measure({ tests, corpus: novels, threads: 2 }));
  }
}
