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
const WORK: Readonly<Record<string, () => Pair[]>> = {
  lambada: () => lambada(200),
  cbt: () => cbt(20),
  arithmetic: () => arithmetic(200),
  anli: () => anli(20),
};

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
  const pairs = WORK[name]!();
  const input = join(folder, `${name}.jsonl`);
  writeFileSync(input, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
  const ours = await scoreHere(pairs);
  const theirs = scoreThere(input);
  const whole = wholeProcess(input);
  const differences = ours.scores.map((s, i) => Math.abs(s.logprob - theirs.scores[i]!.logprob));
  const greedy = ours.scores.filter((s, i) => s.greedy !== theirs.scores[i]!.greedy).length;
  console.log(
    `\n${name}: ${pairs.length} requests, ${ours.plan.tokensRequested} tokens, ${ours.plan.tokensDistinct} distinct, ${ours.plan.tokensComputed} computed`,
  );
  console.log(
    `  scoring alone  ours ${ours.seconds.toFixed(2)} s, lm-eval ${theirs.seconds.toFixed(2)} s: ${(theirs.seconds / ours.seconds).toFixed(1)} x`,
  );
  console.log(
    `  whole process  ours ${whole.toFixed(2)} s, lm-eval ${theirs.whole.toFixed(2)} s: ${(theirs.whole / whole).toFixed(1)} x`,
  );
  console.log(
    `  largest difference ${Math.max(...differences).toExponential(1)} nats, greedy flags different: ${greedy}`,
  );
  console.log(
    `  useful ${(ours.flops / ours.seconds / 1e9).toFixed(0)} GFLOP/s; peak RSS of the process ${peakRss()} MB`,
  );
  if (name === 'lambada') {
    const peak = await matmulPeak(availableParallelism());
    const share = (of: number): string => `${((100 * ours.flops) / ours.seconds / of).toFixed(0)} %`;
    console.log(
      `  matrix products alone: one layer's four ${(peak.layer / 1e9).toFixed(0)} GFLOP/s (we reach ${share(peak.layer)}), the fastest shape ${(peak.best / 1e9).toFixed(0)} (${share(peak.best)})`,
    );
  }
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
    onLoad: (seconds) => {
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

function peakRss(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}
