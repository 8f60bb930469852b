import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluateWith } from '../../src/evaluate/evaluate.ts';
import type { CellResult } from '../../src/record.ts';
import { disk } from '../../src/store/disk.ts';
import { hashModel } from '../helpers/hash-model.ts';

const before = process.env.EVALGPT_DATA;
beforeAll(() => {
  process.env.EVALGPT_DATA = fileURLToPath(new URL('../../datasets/samples', import.meta.url));
});
afterAll(() => {
  process.env.EVALGPT_DATA = before;
});

async function cells(draws: number): Promise<CellResult[]> {
  const { results } = await evaluateWith(
    { openModel: async (ref) => hashModel(ref), disk, flushMs: 0 },
    { models: ['hash'], tasks: ['rte', 'demo-lambada'], shots: [0, 2], draws, limit: 10 },
    { offline: true },
  );
  return [...results];
}
const lines = (all: readonly CellResult[], task: string): unknown[] =>
  all.filter((r) => r.task === task).map(({ shots, draw, draws }) => [shots, draw, draws]);

test('two draws stand by themselves', async () => {
  const found = await cells(2);
  expect(lines(found, 'rte').slice(1)).toEqual([
    [2, 0, undefined],
    [2, 1, undefined],
  ]);
});

test('three have their mean behind them', async () => {
  const found = await cells(3);
  for (const task of ['rte', 'demo-lambada']) {
    expect(lines(found, task).slice(1)).toEqual([
      [2, 0, undefined],
      [2, 1, undefined],
      [2, 2, undefined],
      [2, undefined, 3],
    ]);
    const [, ...own] = found.filter((r) => r.task === task);
    const mean = own.pop()!;
    expect(mean.n).toBe(10);
    const logprob = (r: CellResult): number => r.metrics.logprob_gold!.value;
    expect(logprob(mean)).toBeCloseTo(own.reduce((sum, r) => sum + logprob(r), 0) / 3, 9);
    const [low, high] = mean.metrics.logprob_gold!.ci95!;
    expect(low < logprob(mean) && logprob(mean) < high).toBe(true);
  }
});
