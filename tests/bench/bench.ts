import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openScorer, type PairScore } from '../../src/evaluate/scorer.ts';
import { openModel } from '../../src/models/open.ts';
import { pairEncoder } from '../../src/prompts/join.ts';
import { type Plan, planLimits, planScoring } from '../../src/scoring/plan.ts';
import type { Pair } from '../../src/types.ts';
import { missing, python, shared } from '../helpers/shared.ts';
import { matmulPeak } from './peak.ts';
import { anli, arithmetic, cbt, lambada } from './requests.ts';

/**
 * Ours against lm-eval on the same requests, one after the other in this run: see README.md beside this file.
 * usage: npx tsx tests/bench/bench.ts [WORK…]
 */
const WORK: Readonly<Record<string, { pairs: () => Pair[]; rounds: number }>> = {
  lambada: { pairs: () => lambada(200), rounds: 3 },
  cbt: { pairs: () => cbt(20), rounds: 1 },
  arithmetic: { pairs: () => arithmetic(200), rounds: 1 },
  anli: { pairs: () => anli(20), rounds: 1 },
};
/** Ours is run this often a round: it costs little, and the machine's speed drifts. */
const OURS = 3;

const reason = missing(python, join(shared, 'peers'), join(shared, 'data'));
if (reason) {
  console.log(`bench ${reason}`);
  process.exit(0);
}
const folder = join(tmpdir(), 'evalgpt-bench');
mkdirSync(folder, { recursive: true });
const model = join(folder, 'gpt2');
if (!existsSync(model)) execFileSync(python, [join(shared, 'peers/make_checkpoint.py'), 'gpt2', model]);

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(WORK);
for (const name of names) {
  const { pairs: make, rounds } = WORK[name]!;
  const pairs = make();
  const input = join(folder, `${name}.jsonl`);
  writeFileSync(input, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
  const ours: Awaited<ReturnType<typeof scoreHere>>[] = [];
  const theirs: ReturnType<typeof scoreThere>[] = [];
  const whole: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < OURS; i++) ours.push(await scoreHere(pairs));
    theirs.push(scoreThere(input));
    whole.push(wholeProcess(input));
  }
  const { scores, plan, flops } = ours[0]!;
  const differences = scores.map((s, i) => Math.abs(s.logprob - theirs[0]!.scores[i]!.logprob));
  const greedy = scores.filter((s, i) => s.greedy !== theirs[0]!.scores[i]!.greedy).length;
  const compare = (a: readonly number[], b: readonly number[]): string =>
    `ours ${shown(a)} s, lm-eval ${shown(b)} s: ${(median(b) / median(a)).toFixed(1)} x`;
  const alone = ours.map((o) => o.seconds);
  console.log(
    `\n${name}: ${pairs.length} requests, ${plan.tokensRequested} tokens, ${plan.tokensDistinct} distinct, ${plan.tokensComputed} computed`,
  );
  console.log(
    `  scoring alone  ${compare(
      alone,
      theirs.map((t) => t.seconds),
    )}`,
  );
  console.log(
    `  whole process  ${compare(
      whole,
      theirs.map((t) => t.whole),
    )}`,
  );
  console.log(
    `  largest difference ${Math.max(...differences).toExponential(1)} nats, greedy flags different: ${greedy}`,
  );
  const rate = flops / median(alone);
  const fastest = flops / Math.min(...alone);
  console.log(`  useful GFLOP/s: median ${giga(rate)}, best ${giga(fastest)}`);
  if (name === 'lambada') {
    const peak = await matmulPeak(availableParallelism());
    const share = (of: number): string => `${percent(rate, of)} of it, at best ${percent(fastest, of)}`;
    console.log(
      `  products alone: one layer's four ${giga(peak.layer)} GFLOP/s, we reach ${share(peak.layer)}`,
    );
    console.log(
      `  products alone: the fastest shape ${giga(peak.best)} GFLOP/s, we reach ${share(peak.best)}`,
    );
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** The median, and the range where there is one. */
function shown(values: readonly number[]): string {
  const range =
    values.length > 1 ? ` (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})` : '';
  return median(values).toFixed(2) + range;
}

function giga(rate: number): string {
  return (rate / 1e9).toFixed(0);
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(0)} %`;
}

async function scoreHere(
  pairs: readonly Pair[],
): Promise<{ scores: PairScore[]; seconds: number; plan: Plan; flops: number }> {
  const opened = await openModel(model);
  const encode = pairEncoder(opened.tokenizer, { contextLength: opened.contextLength, join: 'lm-eval' });
  const plan = planScoring(pairs.map(encode), planLimits(opened.architecture));
  let load = 0;
  const scorer = await openScorer(model, {
    join: 'lm-eval',
    onReady: (_, seconds) => {
      load = seconds;
    },
  });
  const began = performance.now();
  const scores = (await scorer.score(pairs)) as PairScore[];
  const seconds = (performance.now() - began) / 1000 - load;
  await scorer.close();
  return { scores, seconds, plan, flops: usefulFlops(plan) };
}

/** Products, attention and head that the distinct tokens need: nothing masked, nothing computed twice. */
function usefulFlops(plan: Plan): number {
  const [layers, width, vocabulary] = [12, 768, 50257];
  let flops = 0;
  for (const step of plan.steps) {
    for (const position of step.positions)
      flops += layers * (24 * width * width + 4 * width * (position + 1));
    flops += 2 * step.rows.length * width * vocabulary;
  }
  return flops;
}

function scoreThere(input: string): {
  scores: { logprob: number; greedy: boolean }[];
  seconds: number;
  whole: number;
} {
  const output = `${input}.lm-eval`;
  const began = performance.now();
  const printed = execFileSync(python, [join(shared, 'peers/lm_eval_score.py'), model, input, output], {
    stdio: 'pipe',
  }).toString();
  const whole = (performance.now() - began) / 1000;
  const { seconds } = JSON.parse(printed.trim().split('\n').at(-1)!) as { seconds: number };
  return {
    scores: readFileSync(output, 'utf8')
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l)),
    seconds,
    whole,
  };
}

function wholeProcess(input: string): number {
  const began = performance.now();
  const { status } = spawnSync(process.execPath, [
    'dist/src/cli/main.js',
    'score',
    '--model',
    model,
    '--input',
    input,
    '--output',
    `${input}.ours`,
  ]);
  if (status !== 0) throw new Error(`evalgpt score exited with ${status}: is the build there?`);
  return (performance.now() - began) / 1000;
}
