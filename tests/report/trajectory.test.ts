import { expect, test } from 'vitest';
import type { CellResult } from '../../src/record.ts';
import { trajectories, trajectoryTable } from '../../src/report/trajectory.ts';
import { wilson } from '../../src/stats/interval.ts';
import { cell, record } from '../helpers/record.ts';

const at = (step: number, right: number, differs: Partial<CellResult> = {}): CellResult =>
  cell({ model: `out/step${step}`, n: 200, metrics: { acc: wilson(right, 200) }, ...differs });

test('scores by step, and the first beyond chance', () => {
  const run = record([at(2000, 90), at(1000, 70), at(3000, 110)]);
  const other = record([
    at(500, 66),
    at(500, 10, { task: 'rte', chance: null }),
    at(1000, 10, { task: 'rte', chance: null }),
  ]);
  const found = trajectories([run, other]);
  expect(found.map(({ task, scores, beyond }) => [task, scores.map(({ step }) => step), beyond])).toEqual([
    ['anli-r1', [500, 1000, 2000, 3000], 2000],
    ['rte', [500, 1000], null],
  ]);
  const table = trajectoryTable(found);
  expect(table).toMatch(/anli-r1 +0 +acc +2000 +200 +45\.0 +38\.3 – 51\.9 +first beyond chance/);
  expect(table).toMatch(/rte +0 +acc +no chance level/);
});

test('means over draws stand for their draws, and a single checkpoint is no trajectory', () => {
  const drawn = [0, 1, 2].map((draw) => at(1000, 60 + draw, { shots: 4, draw }));
  const mean = at(1000, 61, { shots: 4, draws: 3 });
  const found = trajectories([record([...drawn, mean, at(2000, 80, { shots: 4 })])]);
  expect(found[0]?.scores.map(({ value }) => value)).toEqual([61 / 200, 80 / 200]);
  expect(trajectories([record([at(1000, 60), cell({ model: 'gpt2' })])])).toEqual([]);
});
