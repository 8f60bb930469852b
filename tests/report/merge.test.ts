import { describe, expect, test } from 'vitest';
import type { CellResult, ModelIdentity, RunRecord } from '../../src/record.ts';
import { modelBefore } from '../../src/report/board.ts';
import { mergeRuns, type Run } from '../../src/report/merge.ts';
import { cell, record } from '../helpers/record.ts';

interface Difference {
  readonly spec?: Partial<RunRecord['spec']>;
  readonly models?: readonly Partial<ModelIdentity>[];
  readonly status?: 'partial';
}

function run(folder: string, results: readonly CellResult[], differs: Difference = {}): Run {
  const made = record(results, differs.spec ? { spec: differs.spec } : {});
  const models = made.spec.models.map((model, i) => ({ ...model, ...differs.models?.[i] }));
  const status = differs.status ?? made.status;
  return { name: folder, folder, record: { ...made, status, spec: { ...made.spec, models } } };
}

describe('runs merged', () => {
  test('models by size, then step, then name; shots ascending; cells by task, model, shots', () => {
    const at = (model: string, shots: number): CellResult => cell({ model, shots });
    const sizes = [3000, 10, 10, 10].map((parameters) => ({ parameters }));
    const merged = mergeRuns([
      run('a', [at('big', 8), at('x/step200', 0), at('x/step30', 0), at('b', 1)], { models: sizes }),
    ]);
    expect(merged.models.map(({ name }) => name)).toEqual(['b', 'x/step30', 'x/step200', 'big']);
    expect(merged.models.map(({ step }) => step?.number)).toEqual([undefined, 30, 200, undefined]);
    expect(merged.shots).toEqual([0, 1, 8]);
    expect(merged.cells.map((c) => [c.model, c.shots])).toEqual([
      [0, 1],
      [1, 0],
      [2, 0],
      [3, 8],
    ]);
    expect(merged.notes).toEqual([]);
  });

  test('a folder is called by its own name, unless another has it too', () => {
    const names = (...refs: string[]): string[] =>
      mergeRuns([
        run(
          'a',
          refs.map((model) => cell({ model })),
        ),
      ]).models.map(({ name }) => name);
    expect(names('/home/me/gpt2', 'openai/gpt2-large')).toEqual(['gpt2', 'openai/gpt2-large']);
    expect(names('/home/me/gpt2', './gpt2')).toEqual(['./gpt2', 'me/gpt2']);
    expect(names('/a/x/run', '/a/y/run', 'other')).toEqual(['other', 'x/run', 'y/run']);
  });

  test('a checkpoint alone is no training', () => {
    const merged = mergeRuns([run('a', [cell({ model: 'run/step30' }), cell({ model: 'b/step30' })])]);
    expect(merged.models.map(({ step }) => step)).toEqual([null, null]);
  });

  test('the same cell twice: the first is shown, and told where the second differs', () => {
    const other = cell({ metrics: { acc: { value: 0.5, stderr: 0.1, ci95: [0.4, 0.6] } } });
    const merged = mergeRuns([run('a', [cell()]), run('b', [other, cell({ shots: 1 })])]);
    expect(merged.cells.map((c) => [c.run.folder, c.shots])).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
    expect(merged.notes).toEqual([
      'anli-r1 at k = 0 of gpt2 was scored twice with different results: a (200 items) is shown, b (200 items) is not.',
    ]);
    expect(mergeRuns([run('a', [cell()]), run('b', [cell()])]).notes).toEqual([]);
  });

  test('other weights, data, settings and an unfinished run are told apart and told', () => {
    const again = run('b', [cell()], {
      spec: { limit: 50 },
      models: [{ sha256: 'b'.repeat(64) }],
      status: 'partial',
    });
    const merged = mergeRuns([run('a', [cell()]), again]);
    expect(merged.models.map(({ name }) => name)).toEqual(['gpt2 (aaaaaaaa)', 'gpt2 (bbbbbbbb)']);
    expect(merged.notes).toEqual([
      './gpt2 names 2 models of different weights: aaaaaaaa, bbbbbbbb.',
      'b is a part: the run was stopped before all was scored.',
      'The runs differ in limit: 200 in a, 50 in b.',
    ]);
    const [task] = run('c', [cell()]).record.spec.tasks;
    const data = mergeRuns([
      run('a', [cell()]),
      run('c', [cell()], { spec: { tasks: [{ ...task!, dataset_sha256: 'e'.repeat(64) }] } }),
    ]);
    expect(data.tasks.map(({ name }) => name)).toEqual(['anli-r1 (cccccccc)', 'anli-r1 (eeeeeeee)']);
    expect(data.notes).toEqual([
      'anli-r1 stands in 2 rows that may not be compared: its runs differ in dataset_sha256.',
    ]);
  });

  test('of several draws the mean is shown, and each draw kept', () => {
    const draws = [0, 1, 2].map((draw) => cell({ shots: 2, draw }));
    const { cells } = mergeRuns([run('a', [...draws, cell({ shots: 2, draws: 3 })])]);
    expect(cells).toHaveLength(1);
    expect(cells[0]!.result.draws).toBe(3);
    expect(cells[0]!.draws.map(({ draw }) => draw)).toEqual([0, 1, 2]);
  });
});

test('a model is held against the checkpoint before, else the largest smaller one of its architecture', () => {
  const refs = ['llama-1', 'gpt-1', 'run/step10', 'run/step20', 'gpt-2', 'gpt-3'];
  const models = [
    { parameters: 5, architecture: 'llama' },
    { parameters: 5 },
    { parameters: 7 },
    { parameters: 7 },
    { parameters: 7 },
    { parameters: 9 },
  ];
  const merged = mergeRuns([
    run(
      'a',
      refs.map((model) => cell({ model })),
      { models },
    ),
  ]);
  const before = (name: string): string | undefined =>
    merged.models[
      modelBefore(
        merged.models,
        merged.models.findIndex((m) => m.name === name),
      )
    ]?.name;
  // A training's first step is no smaller model's rival, and no model of its size's stand-in.
  expect(refs.map(before)).toEqual([undefined, undefined, undefined, 'run/step10', 'gpt-1', 'gpt-2']);
});
