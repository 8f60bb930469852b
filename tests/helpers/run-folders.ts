import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CellResult, RunRecord } from '../../src/record.ts';
import { difference } from '../../src/stats/disjoint.ts';
import { type Estimate, wilson } from '../../src/stats/interval.ts';
import { type Random, random } from '../../src/stats/random.ts';
import { promptsPath, samplesPath, tokensPath } from '../../src/store/run-folder.ts';
import type { Sample } from '../../src/types.ts';
import { record } from './record.ts';

/** A run folder to make up: answers are drawn at random, the better the larger the model and the more shots. */
export interface Sketch {
  readonly seed: number;
  readonly models: readonly { readonly ref: string; readonly parameters: number }[];
  readonly tasks: readonly string[];
  readonly shots: readonly number[];
  readonly items: number;
  /** Every so many-th item stands in the training data; none where absent. */
  readonly dirty?: number;
  readonly draws?: number;
  /** Puts other text in the place of the made-up one. */
  readonly text?: (made: string) => string;
  /** What a cell's result says besides. */
  readonly result?: (made: CellResult) => Partial<CellResult>;
  readonly spec?: Partial<RunRecord['spec']>;
  readonly warnings?: readonly string[];
}

const CHOICES = 4;
const WORDS = 'river lamp stone letter harbour winter bread copper garden signal'.split(' ');

/** Writes the folder as a run would have left it. */
export function writeRunFolder(folder: string, sketch: Sketch): RunRecord {
  const { seed, models, tasks, shots, items, draws = 1, text = (made) => made } = sketch;
  const results: CellResult[] = [];
  for (const task of tasks) {
    const lines = Array.from({ length: items }, (_, i) => itemLine(task, i, text));
    writeFile(
      join(folder, promptsPath(task)),
      `${JSON.stringify({ kind: 'choice', separator: '\n\n', descriptions: ['', text('Answer.')] })}\n${lines.join('')}`,
    );
    for (const [m, { ref }] of models.entries()) {
      for (const k of shots) {
        const made = Array.from({ length: k === 0 ? 1 : draws }, (_, draw) => {
          const right = writeSamples(folder, {
            sketch,
            task,
            model: ref,
            k,
            draw,
            skill: skillOf(m, k, task),
          });
          return resultOf(sketch, { task, model: ref, k, right });
        });
        const several = made.length > 1;
        results.push(...made.map((one, draw) => (several ? { ...one, draw } : one)));
        if (several) results.push({ ...(made[0] as CellResult), draws: made.length });
      }
    }
  }
  for (const { ref } of models)
    writeFile(join(folder, tokensPath(ref)), `${JSON.stringify(WORDS.map((word) => text(` ${word}`)))}\n`);
  const base = record(results, { ...(sketch.warnings ? { warnings: sketch.warnings } : {}) });
  const made: RunRecord = {
    ...base,
    spec: {
      ...base.spec,
      seed,
      draws,
      limit: null,
      ...sketch.spec,
      models: models.map(({ ref, parameters }, i) => ({
        ...{ ref, parameters, architecture: 'gpt2', sha256: `${i}`.repeat(64) },
        ...{ config_sha256: 'c'.repeat(64), tokenizer_sha256: 'b'.repeat(64) },
      })),
    },
    results: results.map((one) => ({ ...one, ...sketch.result?.(one) })),
  };
  writeFile(join(folder, 'run.json'), `${JSON.stringify(made)}\n`);
  return made;
}

function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function itemLine(task: string, i: number, text: (made: string) => string): string {
  const word = (at: number): string => WORDS[(i + at) % WORDS.length] as string;
  return `${JSON.stringify({
    id: `${task}-${i}`,
    context: text(`The ${word(0)} stood by the ${word(3)}.\nQuestion: what of ${task} ${i}?\nAnswer:`),
    delimiter: ' ',
    choices: Array.from({ length: CHOICES }, (_, c) => text(word(c))),
    shot: text(`Question: what of ${i}?\nAnswer: ${word(1)}`),
  })}\n`;
}

/** A probability of being right: a task's own, and more for size and shots. */
function skillOf(model: number, k: number, task: string): number {
  const ease = random('ease', task).next() - 0.5;
  return 1 / (1 + Math.exp(-(ease + 0.45 * model + 0.3 * Math.log2(1 + k) - 1)));
}

/** A cell's samples; returns whether each item is right. */
function writeSamples(
  folder: string,
  cell: {
    readonly sketch: Sketch;
    readonly task: string;
    readonly model: string;
    readonly k: number;
    readonly draw: number;
    readonly skill: number;
  },
): boolean[] {
  const { sketch, task, model, k, draw, skill } = cell;
  const { items, seed, dirty = 0 } = sketch;
  const path = join(folder, samplesPath({ model, task, shots: k, draw }));
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'w');
  // An item is as hard for all: what flips is what lies near.
  const hard = random(seed, 'items', task);
  const own = random(seed, task, model, k, draw);
  const right: boolean[] = [];
  let lines = '';
  for (let i = 0; i < items; i++) {
    const isDirty = dirty > 0 && i % dirty === 0;
    const isRight = 0.8 * hard.next() + 0.2 * own.next() < skill + (isDirty ? 0.2 : 0);
    right.push(isRight);
    lines += `${JSON.stringify(sampleOf(sketch, { task, i, k, isRight, isDirty }, own))}\n`;
    if (lines.length > 1 << 20) {
      writeSync(file, lines);
      lines = '';
    }
  }
  writeSync(file, lines);
  closeSync(file);
  return right;
}

function sampleOf(
  { items, text = (made) => made }: Sketch,
  item: {
    readonly task: string;
    readonly i: number;
    readonly k: number;
    readonly isRight: boolean;
    readonly isDirty: boolean;
  },
  own: Random,
): Sample {
  const { task, i, k, isRight, isDirty } = item;
  const gold = i % CHOICES;
  const prediction = isRight ? gold : (gold + 1 + own.below(CHOICES - 1)) % CHOICES;
  const spans = Array.from({ length: CHOICES }, (_, c) => {
    const logprob = -Math.round(1000 * ((c === prediction ? 0.2 : 1.5) + 3 * own.next())) / 1000;
    return {
      tokens: [(i + c) % WORDS.length, c],
      logprobs: [logprob, -0.25],
      hits: [c === prediction, true],
    };
  });
  const best = Math.max(...spans.map((span) => span.logprobs[0] as number));
  (spans[prediction] as { logprobs: number[] }).logprobs = [best + 0.01, -0.25];
  return {
    id: `${task}-${i}`,
    ...(i % 3 === 0 ? {} : { cluster: `${task} text ${Math.floor(i / 3)}` }),
    prompt: '0123456789abcdef',
    shots: Array.from({ length: k }, (_, s) => `${task}-${(i + s + 1) % items}`),
    shots_requested: k,
    shots_used: k,
    tokens_dropped: 0,
    status: 'scored',
    spans,
    prediction,
    gold,
    values: { acc: isRight ? 1 : 0, acc_norm: isRight || i % 7 === 0 ? 1 : 0, logprob_gold: -1 },
    flags: [...(isDirty ? (['overlap'] as const) : []), ...(i % 29 === 28 ? (['tie'] as const) : [])],
    ...(isDirty
      ? {
          overlap: {
            fields: { context: { grams: 4, matched: 2 } },
            where: [
              { file: text('corpus.txt'), document: i + 1, text: text('the river stood by the letter') },
            ],
          },
        }
      : {}),
  };
}

function resultOf(
  { dirty = 0, items }: Sketch,
  cell: {
    readonly task: string;
    readonly model: string;
    readonly k: number;
    readonly right: readonly boolean[];
  },
): CellResult {
  const { task, model, k, right } = cell;
  const estimate = (own: readonly boolean[]): Estimate => wilson(own.filter((is) => is).length, own.length);
  const acc = estimate(right);
  const chance = 1 / CHOICES;
  const isDirty = (_: boolean, i: number): boolean => dirty > 0 && i % dirty === 0;
  const parts = [right.filter((is, i) => !isDirty(is, i)), right.filter(isDirty)] as const;
  const [clean, seen] = parts.map((own) => ({
    n: own.length,
    estimate: own.length > 0 ? estimate(own) : null,
  }));
  return {
    ...{ model, task, shots: k, n: items, unscored: 0, primary: 'acc', chance },
    centred: (acc.value - chance) / (1 - chance),
    metrics: {
      acc,
      acc_norm: estimate(right.map((is, i) => is || i % 7 === 0)),
      logprob_gold: { value: -1, stderr: 0, ci95: [-1, -1] },
    },
    shots_used: { min: k, mean: k, max: k },
    ...{ tokens_dropped: 0, ties: Math.floor(items / 29), alarms: [] },
    ...(clean?.estimate && seen?.estimate
      ? {
          overlap: {
            ...{
              method: 'gpt3',
              ngram: 13,
              metric: 'acc',
              all: { n: items, estimate: acc },
              clean,
              dirty: seen,
            },
            relative: clean.estimate.value / acc.value - 1,
            difference: { ...difference(clean.estimate, seen.estimate), p: 0.04 },
          },
        }
      : {}),
  };
}
