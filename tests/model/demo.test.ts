import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bleuScore } from '../../src/metrics/text/bleu.ts';
import type { RunRecord } from '../../src/record.ts';
import { crossedBootstrap, crossedInterval } from '../../src/stats/crossed.ts';
import { bootstrapInterval, type Estimate, meanInterval } from '../../src/stats/interval.ts';
import type { Sample } from '../../src/types.ts';
import { demoTasks } from '../../tasks/index.ts';
import { evalgpt } from '../helpers/cli.ts';

/**
 * What the bundled models can do, over five draws of shots: more with shots than without, the bigger ones more than
 * the smaller ones, and more on the stories that were put into their training text. Differences are paired by item;
 * intervals hold for new items and, where there are draws, for new draws. EVALGPT_EVIDENCE=FILE writes the table.
 */
const MODELS = ['demo-tiny', 'demo-small', 'demo-medium'] as const;
const FEW = 8;
const DRAWS = 5;
const out = mkdtempSync(join(tmpdir(), 'evalgpt-demo-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** A task's samples for k = 0, or of each draw, in the order of their ids. */
function samples(model: string, task: string, shots: number): Sample[][] {
  return Array.from({ length: shots === 0 ? 1 : DRAWS }, (_, draw) =>
    readFileSync(join(out, 'samples', model, `${task}.k${shots}.d${draw}.jsonl`), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Sample)
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  );
}

const corpusBleu = (items: readonly Sample[], which: Iterable<number>): number => {
  const sum: number[] = [];
  for (const i of which) {
    (items[i]?.counts?.bleu ?? []).forEach((n, j) => {
      sum[j] = (sum[j] ?? 0) + n;
    });
  }
  return bleuScore(sum, 'exp');
};

/** Mean over draws of what `a` scores above `b`, in points. */
function difference(task: string, a: Sample[][], b: Sample[][]): Estimate {
  const draws = Math.max(a.length, b.length);
  const of = (side: Sample[][], draw: number): Sample[] => side[side.length === 1 ? 0 : draw] as Sample[];
  const first = of(a, 0);
  if (task === 'demo-translation') {
    const gain = (draw: number, items: Iterable<number>): number => {
      const which = [...items];
      return corpusBleu(of(a, draw), which) - corpusBleu(of(b, draw), which);
    };
    if (draws === 1) return bootstrapInterval(first.length, (items) => gain(0, items));
    return crossedBootstrap(
      draws,
      first.map(({ id }) => id),
      gain,
    );
  }
  const acc = (sample: Sample | undefined): number => 100 * (sample?.values?.acc ?? Number.NaN);
  const values = Array.from({ length: draws }, (_, draw) =>
    first.map((_, i) => acc(of(a, draw)[i]) - acc(of(b, draw)[i])),
  );
  const clusters = first.map((sample) => sample.cluster ?? sample.id);
  return draws === 1 ? meanInterval(values[0] as number[], clusters) : crossedInterval(values, clusters);
}

function score(task: string, side: Sample[][]): number {
  const of = (items: Sample[]): number =>
    task === 'demo-translation'
      ? corpusBleu(items, items.keys())
      : (100 * items.reduce((sum, s) => sum + (s.values?.acc ?? Number.NaN), 0)) / items.length;
  return side.reduce((sum, items) => sum + of(items), 0) / side.length;
}

const rows: string[] = [];
const above = new Map<string, Set<string>>();

function note(question: string, task: string, estimate: Estimate): void {
  const [low = Number.NaN, high = Number.NaN] = estimate.ci95 ?? [];
  rows.push([question, task, ...[estimate.value, low, high].map((v) => v.toFixed(1))].join(','));
  if (low > 0) above.set(question, (above.get(question) ?? new Set()).add(task));
}

beforeAll(async () => {
  const { code, stderr } = await evalgpt([
    ...['run', '--model', MODELS.join(','), '--tasks', demoTasks.join(',')],
    ...['--shots', `0,1,${FEW}`, '--draws', String(DRAWS), '--device', 'cpu', '--out', out],
  ]);
  if (code !== 0) throw new Error(stderr);
  for (const task of demoTasks) {
    for (const model of MODELS) {
      const [zero, one, few] = [0, 1, FEW].map((k) => samples(model, task, k)) as [
        Sample[][],
        Sample[][],
        Sample[][],
      ];
      rows.push(
        [
          `${model} at k = 0; 1; ${FEW}`,
          task,
          ...[zero, one, few].map((s) => score(task, s).toFixed(1)),
        ].join(','),
      );
      note(`${model}: k = ${FEW} minus k = 0`, task, difference(task, few, zero));
    }
    for (const k of [0, FEW]) {
      for (const [i, bigger] of MODELS.entries()) {
        for (const smaller of MODELS.slice(0, i)) {
          note(
            `${bigger} minus ${smaller} at k = ${k}`,
            task,
            difference(task, samples(bigger, task, k), samples(smaller, task, k)),
          );
        }
      }
    }
  }
  const table = `what,task,value,low,high\n${rows.sort().join('\n')}\n`;
  console.log(table);
  if (process.env.EVALGPT_EVIDENCE) writeFileSync(process.env.EVALGPT_EVIDENCE, table);
}, 900_000);

describe('over five draws', () => {
  test.each(['demo-small', 'demo-medium'])('%s is better with shots than without on three tasks', (model) => {
    expect(above.get(`${model}: k = ${FEW} minus k = 0`)?.size).toBeGreaterThanOrEqual(3);
  });

  test('bigger is better on three tasks', () => {
    expect(above.get(`demo-medium minus demo-tiny at k = ${FEW}`)?.size).toBeGreaterThanOrEqual(3);
  });

  test('the leaked stories are answered better than the others by the bigger models', () => {
    const file = fileURLToPath(new URL('../../datasets/demo/data/leaked.json', import.meta.url));
    const leaked = new Set(JSON.parse(readFileSync(file, 'utf8')) as string[]);
    for (const model of MODELS) {
      const [all] = samples(model, 'demo-lambada', 0) as [Sample[]];
      const [dirty, clean] = [true, false].map((is) =>
        meanInterval(
          all.filter(({ id }) => leaked.has(id) === is).map((s) => 100 * (s.values?.acc ?? Number.NaN)),
        ),
      ) as [Estimate, Estimate];
      console.log(`${model}: dirty ${dirty.value.toFixed(1)}, clean ${clean.value.toFixed(1)}`);
      if (model !== 'demo-tiny') expect(dirty.ci95?.[0]).toBeGreaterThan(clean.ci95?.[1] ?? 100);
    }
  });
});

describe('the planted leak', () => {
  test('is in the report of a plain run: clean and dirty scores differ', async () => {
    const plain = join(out, 'plain');
    const { code, stderr } = await evalgpt(['run', '--device', 'cpu', '--out', plain]);
    expect(code, stderr).toBe(0);
    const { results } = JSON.parse(readFileSync(join(plain, 'run.json'), 'utf8')) as RunRecord;
    for (const model of ['demo-small', 'demo-medium']) {
      const cell = results.find((r) => r.model === model && r.task === 'demo-lambada' && r.shots === 0);
      expect(cell?.overlap?.dirty.n).toBe(81);
      // Clean less dirty: below zero beyond doubt.
      expect(cell?.overlap?.difference?.ci95?.[1]).toBeLessThan(-0.2);
    }
    expect(readFileSync(join(plain, 'leaderboard.html'), 'utf8')).toMatch(/Contamination/);
  }, 120_000);

  test('is found without the corpus, by the order of the stories; tasks that did not leak are not', async () => {
    const { code, stdout, stderr } = await evalgpt(
      'overlap --model demo-small --tasks demo-lambada,demo-nli,demo-arithmetic --run 8 --json'.split(' '),
    );
    expect(code, stderr).toBe(0);
    const { tasks } = JSON.parse(stdout) as { tasks: { task: string; p: number; advantage: number }[] };
    console.log(stdout);
    const [leaked, ...clean] = tasks;
    expect(leaked).toMatchObject({ task: 'demo-lambada', p: 0.01 });
    expect(leaked?.advantage).toBeGreaterThan(0.5);
    for (const { p } of clean) expect(p).toBeGreaterThan(0.05);
  }, 300_000);
});
