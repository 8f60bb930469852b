import { expect, test } from 'vitest';
import { groupResults } from '../../src/metrics/groups.ts';
import type { CellResult } from '../../src/record.ts';
import { groups } from '../../tasks/groups.ts';
import { tasks } from '../../tasks/index.ts';
import { cell } from '../helpers/record.ts';

const estimate = (value: number, stderr: number | null): CellResult['metrics'][string] => ({
  value,
  stderr,
  ci95: null,
});
const pair = [{ name: 'pair', members: [{ task: 'a' }, { task: 'b', metrics: ['acc', 'f1_macro'] }] }];
const a = cell({ task: 'a', metrics: { acc: estimate(0.5, 0.03) } });
const b = cell({ task: 'b', metrics: { acc: estimate(0.7, 0.02), f1_macro: estimate(0.6, 0.06) } });

test('each task weighs the same, by the mean of its metrics', () => {
  const [found, ...none] = groupResults(pair, [a, b]);
  expect(none).toEqual([]);
  expect(found).toMatchObject({ model: './gpt2', group: 'pair', shots: 0, metric: 'acc', tasks: 2 });
  expect(found!.value).toBeCloseTo((0.5 + 0.65) / 2, 12);
  expect(found!.stderr).toBeCloseTo(0.025, 12);
  expect(found!.ci95![1]).toBeCloseTo(0.575 + 1.959964 * 0.025, 6);
});

test('a group that is not whole is not reported', () => {
  expect(groupResults(pair, [a])).toEqual([]);
  expect(groupResults(pair, [a, cell({ task: 'b', metrics: {} })])).toEqual([]);
  expect(groupResults(pair, [a, { ...b, shots: 1 }])).toEqual([]);
  expect(groupResults(pair, [a, { ...b, model: 'other' }])).toEqual([]);
});

test('no spread of one is no spread of all; the mean over draws is taken where there is one', () => {
  const unknown = cell({ task: 'a', metrics: { acc: estimate(0.5, null) } });
  expect(groupResults(pair, [unknown, b])[0]).toMatchObject({ stderr: null, ci95: null });
  const draws = [
    { ...a, draw: 0 },
    { ...a, draw: 1 },
    { ...a, draws: 3, metrics: { acc: estimate(0.9, 0.01) } },
  ];
  expect(groupResults(pair, [...draws, b])[0]!.value).toBeCloseTo((0.9 + 0.65) / 2, 12);
});

test('tasks that count for more', () => {
  const heavy = [{ name: 'pair', members: [{ task: 'a', weight: 3 }, { task: 'b' }] }];
  const [found] = groupResults(heavy, [a, b]);
  const [plain] = groupResults(pair, [a, b]);
  expect(found!.value).not.toBeCloseTo(plain!.value, 3);
  expect(found!.value).toBeCloseTo((3 * 0.5 + 0.7) / 4, 12);
  expect(found!.stderr).toBeCloseTo(Math.hypot(3 * 0.03, 0.02) / 4, 12);
});

test('members are tasks that have the metrics', () => {
  for (const { members } of groups) {
    for (const { task: name, metrics = [] } of members) {
      const task = tasks.find((t) => t.name === name);
      expect(task, name).toBeDefined();
      const measured = Object.values(task!.protocols).flatMap((p) => p.metrics);
      for (const metric of metrics) expect(measured, name).toContain(metric);
    }
  }
  const mmlu = groups.find((g) => g.name === 'mmlu')!.members;
  expect(mmlu).toHaveLength(57);
  expect(mmlu.reduce((sum, { weight = 0 }) => sum + weight, 0)).toBe(14_042);
});
