import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Board } from '../../src/report/board.ts';
import { boardCharts } from '../../src/report/board-charts.ts';
import { standalone } from '../../src/report/charts.ts';
import { rankExamples } from '../../src/report/examples.ts';
import { boardCsv, boardJson, boardMarkdown } from '../../src/report/exports.ts';
import { readBoard, readRuns } from '../../src/report/report.ts';
import { type CellItems, pairedChange, type TaskItems } from '../../src/report/task-items.ts';
import { samplesPath } from '../../src/store/run-folder.ts';
import type { Sample } from '../../src/types.ts';
import { writeRunFolder } from '../helpers/run-folders.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-board-'));
let board: Board;

beforeAll(async () => {
  const models = [
    { ref: 'small', parameters: 1000 },
    { ref: 'large', parameters: 9000 },
  ];
  const base = { seed: 5, tasks: ['rte', '=boolq'], shots: [0, 2], items: 40, dirty: 5 };
  // The two models in runs of their own: what is paired lies in different folders.
  for (const model of models) writeRunFolder(join(folder, model.ref), { ...base, models: [model] });
  board = await readBoard(await readRuns(models.map(({ ref }) => join(folder, ref))));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function valuesOf(model: string, task: string, shots: number): Map<string, number> {
  const path = join(folder, model, samplesPath({ model, task, shots, draw: 0 }));
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return new Map(
    lines.map((line) => {
      const { id, values } = JSON.parse(line) as Sample;
      return [id, values!.acc!];
    }),
  );
}

function meanDifference(to: Map<string, number>, from: Map<string, number>): number {
  const all = [...to].map(([id, value]) => value - from.get(id)!);
  return all.reduce((sum, d) => sum + d, 0) / all.length;
}

describe('a board of two runs', () => {
  test('changes are paired by item, within a model and across runs', () => {
    const cell = board.cells.find((c) => c.task === 0 && c.model === 1 && c.shots === 2)!;
    const own = valuesOf('large', 'rte', 2);
    expect(cell.fromZero).toMatchObject({ against: 'k = 0', kind: 'k', n: 40 });
    expect(cell.fromZero!.value).toBeCloseTo(meanDifference(own, valuesOf('large', 'rte', 0)), 12);
    expect(cell.fromSmaller).toMatchObject({ against: 'small', kind: 'size', n: 40 });
    expect(cell.fromSmaller!.value).toBeCloseTo(meanDifference(own, valuesOf('small', 'rte', 2)), 12);
    const first = board.cells.find((c) => c.task === 0 && c.model === 0 && c.shots === 0)!;
    expect([first.fromZero, first.fromSmaller]).toEqual([null, null]);
  });

  test('means are of centred scores over the tasks that all have', () => {
    expect(board.means.tasks).toEqual([0, 1]);
    const cells = board.cells.filter((c) => c.model === 1 && c.shots === 2);
    const mean = board.means.values.find((m) => m.model === 1 && m.shots === 2)!;
    const centred = cells.map((c) => (c.estimate!.value - 0.25) / 0.75);
    expect(mean.value).toBeCloseTo((centred[0]! + centred[1]!) / 2, 12);
    expect(mean.ci95![0]).toBeLessThan(mean.value);
  });

  test('as CSV every number is there, and no text is a formula', () => {
    const rows = parse(boardCsv(board), { columns: true }) as Record<string, string>[];
    expect(rows).toHaveLength(8 * 3);
    expect(new Set(rows.map((row) => row.task))).toEqual(new Set(['rte', "'=boolq"]));
    const row = rows.find(
      (r) => r.task === 'rte' && r.model === 'large' && r.shots === '2' && r.metric === 'acc',
    )!;
    const cell = board.cells.find((c) => c.task === 0 && c.model === 1 && c.shots === 2)!;
    expect(Number(row.value)).toBe(cell.estimate!.value);
    expect(Number(row.low)).toBe(cell.estimate!.ci95![0]);
    expect(Number(row.change_k0)).toBe(cell.fromZero!.value);
    expect(Number(row.change_smaller)).toBe(cell.fromSmaller!.value);
    expect(Number(row.clean)).toBe(cell.result.overlap!.clean.estimate!.value);
    expect(Number(row.dirty_n)).toBe(8);
  });

  test('as JSON the same rows with what identifies the runs; as Markdown a row a task', () => {
    const json = JSON.parse(boardJson(board)) as {
      format: number;
      runs: { spec: { seed: number } }[];
      cells: { model: string }[];
    };
    expect(json.format).toBe(1);
    expect(json.runs.map(({ spec }) => spec.seed)).toEqual([5, 5]);
    expect(json.cells).toHaveLength(8 * 3);
    const lines = boardMarkdown(board).split('\n');
    expect(lines[0]).toBe(
      '| task | metric | chance | small, k = 0 | small, k = 2 | large, k = 0 | large, k = 2 |',
    );
    expect(lines[2]).toMatch(/^\| rte \| acc \| 25\.0 \| \d+\.\d \(.*from k = 0/);
  });

  test('charts: against k and parameters, over all and of each task, and of contamination', () => {
    const charts = boardCharts(board);
    expect(charts.map(({ id }) => id)).toEqual([
      ...['mean-k', 'mean-size', 'task-0-k', 'task-0-size', 'task-1-k', 'task-1-size', 'contamination'],
    ]);
    for (const { svg, title } of charts) {
      const file = standalone(svg);
      expect(file).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
      expect(file).toContain(`aria-label="${title}"`);
      expect(file).not.toMatch(/var\(|NaN|undefined|Infinity/);
    }
  });
});

describe('examples by interest', () => {
  const items = (...cells: Partial<CellItems>[]): TaskItems => ({
    ids: ['a', 'b', 'c', 'd', 'e'],
    clusters: ['a', 'b', 'c', 'd', 'e'],
    cells: cells.map((own) => ({ values: [], margins: [], flags: [], path: '', places: [], ...own })),
  });

  test('the foremost of each kind in turn, then the rest in the order of the data', () => {
    const cells = board.cells.filter((c) => c.task === 0 && c.model === 0);
    // b flips from right to wrong, c from wrong to right; d is wrong and sure; e was seen.
    const ranked = rankExamples(
      cells,
      items(
        { values: [1, 1, 0, 0, 1], margins: [0, 0, 0.5, 7, 0], flags: [0, 0, 0, 0, 8] },
        { values: [1, 0, 1, 0, 1], margins: [0, 0.5, 0, 3, 0], flags: [0, 0, 0, 0, 8] },
      ),
    );
    expect(ranked.map(({ item }) => 'abcde'[item])).toEqual(['d', 'b', 'e', 'c', 'a']);
    expect(ranked.map(({ kinds }) => kinds)).toEqual([
      ['wrong and sure'],
      ['flipped by k'],
      ['in training data'],
      ['flipped by k'],
      [],
    ]);
  });

  test('a change is over the items that both have scored; none in common is no change', () => {
    const [a, b] = items({ values: [1, 1, undefined, 0] }, { values: [0, 1, 1] }).cells as [
      CellItems,
      CellItems,
    ];
    const clusters = ['a', 'b', 'c', 'd'];
    expect(pairedChange(a, b, clusters, 1)).toMatchObject({ value: 0.5, n: 2 });
    expect(pairedChange({ ...a, values: [] }, b, [], 1)).toBeNull();
    // Two equal answers do not show that there is no change.
    const same = pairedChange(a, a, clusters, 1)?.ci95 as [number, number];
    expect(same[0]).toBeLessThan(-0.5);
    expect(pairedChange(a, a, clusters, null)?.ci95).toEqual([0, 0]);
  });
});
