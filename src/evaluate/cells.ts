import { alarmsOf } from '../metrics/alarms.ts';
import { compareOverlap } from '../metrics/overlap.ts';
import { reduceDraws, reduceMetric } from '../metrics/reduce.ts';
import { samplesPath } from '../store/run-folder.ts';
import type { CellResult, RunSpec, Sample, Summary } from '../types.ts';
import type { LoadedTask } from './load.ts';

/** A model, a task, a number of shots and a draw: one line of the results, one samples file. */
export interface Cell {
  readonly shots: number | 'max';
  readonly draw: number;
  /** Its samples file below the run folder. */
  readonly path: string;
  /** What is finished, by example id. */
  readonly finished: Map<string, Summary>;
}

export function cellsOf(loaded: LoadedTask, model: string): Cell[] {
  // Without shots every draw is the same.
  return loaded.shotCounts.flatMap((shots) =>
    loaded.shots.slice(0, shots === 0 ? 1 : undefined).map((_, draw) => ({
      shots,
      draw,
      path: samplesPath({ model, task: loaded.task.name, shots, draw }),
      finished: new Map(),
    })),
  );
}

/** What stays in memory of a finished sample: its per-token scores are on the disk. */
export function summarise(sample: Sample): Summary {
  const { spans, prompt: _, shots: __, overlap: ___, ...kept } = sample;
  let [lowest, highest] = [Infinity, -Infinity];
  for (const { logprobs } of spans ?? []) {
    for (const l of logprobs) [lowest, highest] = [Math.min(lowest, l), Math.max(highest, l)];
  }
  return { ...kept, lowest, highest };
}

/** Draws from which on their spread says something. */
const FEWEST_DRAWS = 3;

/** The lines of the results: one a cell, and one a number of shots over its draws. */
export function cellResults(
  loaded: LoadedTask,
  model: string,
  spec: RunSpec,
  cells: readonly Cell[],
): CellResult[] {
  return loaded.shotCounts.flatMap((shots) => {
    const own = cells.filter((cell) => cell.shots === shots);
    const each = own.map((cell) => cellResult(loaded, model, spec, [cell]));
    return own.length < FEWEST_DRAWS ? each : [...each, cellResult(loaded, model, spec, own)];
  });
}

/** A line of the results from a cell's finished samples in the order of the data, or from those of several draws. */
function cellResult(
  { protocol, task, examples, overlap }: LoadedTask,
  model: string,
  spec: RunSpec,
  draws: readonly Cell[],
): CellResult {
  const [{ shots, draw }] = draws as [Cell];
  const byDraw = draws.map((cell) =>
    examples.map((example) => {
      const summary = cell.finished.get(example.id);
      if (!summary) throw new Error(`${cell.path}: item ${example.id} is not finished`);
      return summary;
    }),
  );
  const metrics = protocol.metrics.flatMap((metric) => {
    // Not every served model tells what it would say without some words.
    if (metric === 'acc_filtered' && !byDraw.flat().some((s) => s.values?.acc_filtered !== undefined))
      return [];
    const estimate =
      draws.length === 1 ? reduceMetric(metric, byDraw[0] as Summary[]) : reduceDraws(metric, byDraw);
    return estimate === undefined ? [] : [[metric, estimate] as const];
  });
  const samples = byDraw.flat();
  const unscored = samples.filter((s) => s.status === 'unscored');
  const reasons: Record<string, number> = {};
  for (const { reason = 'unknown' } of unscored) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const scored = samples.filter((s) => s.status === 'scored');
  const used = scored.map((s) => s.shots_used);
  const primary = protocol.metrics[0] ?? 'acc';
  const estimate = metrics.find(([name]) => name === primary)?.[1];
  return {
    model,
    task: task.name,
    shots,
    ...(draws.length > 1 ? { draws: draws.length } : spec.draws > 1 && shots !== 0 ? { draw } : {}),
    n: examples.filter((_, i) => byDraw.every((own) => own[i]?.status === 'scored')).length,
    unscored: unscored.length,
    ...(unscored.length > 0 ? { reasons } : {}),
    primary,
    chance: task.chance,
    centred: estimate && task.chance !== null ? (estimate.value - task.chance) / (1 - task.chance) : null,
    metrics: Object.fromEntries(metrics),
    shots_used: {
      min: used.reduce((a, b) => Math.min(a, b), used[0] ?? 0),
      mean: used.reduce((sum, k) => sum + k, 0) / Math.max(1, used.length),
      max: used.reduce((a, b) => Math.max(a, b), 0),
    },
    tokens_dropped: scored.reduce((sum, s) => sum + s.tokens_dropped, 0),
    ties: samples.filter((s) => s.flags.includes('tie')).length,
    alarms: alarmsOf(samples, estimate, task.chance),
    ...(overlap
      ? { overlap: { method: overlap.method, ngram: overlap.ngram, ...compareOverlap(primary, byDraw) } }
      : {}),
  };
}

/** The lines of a task whose data could not be had: they say why. */
export function absentCells(loaded: LoadedTask, model: string, spec: RunSpec): CellResult[] {
  return spec.shots.map(
    (shots): CellResult => ({
      model,
      task: loaded.task.name,
      shots,
      n: 0,
      unscored: 0,
      reasons: { [loaded.missing ?? 'no data']: 1 },
      primary: loaded.protocol.metrics[0] ?? 'acc',
      chance: loaded.task.chance,
      centred: null,
      metrics: {},
      shots_used: { min: 0, mean: 0, max: 0 },
      tokens_dropped: 0,
      ties: 0,
      alarms: [],
    }),
  );
}
