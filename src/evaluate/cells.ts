import { alarmsOf } from '../metrics/alarms.ts';
import { compareOverlap } from '../metrics/overlap.ts';
import { reduceDraws, reduceMetric } from '../metrics/reduce.ts';
import type { CellResult, RunSpec, TaskFacts } from '../record.ts';
import { samplesPath } from '../store/run-folder.ts';
import type { MetricName } from '../task.ts';
import type { Sample, Summary } from '../types.ts';
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

/** What of a task its results need besides the samples. */
export function factsOf({
  task,
  protocol,
  examples,
  shotCounts,
  shots,
  overlap,
  missing,
}: LoadedTask): TaskFacts {
  return {
    name: task.name,
    items: examples.length,
    shots: shotCounts,
    draws: shots.length,
    metrics: protocol.metrics,
    chance: task.chance,
    rolling: protocol.kind === 'rolling',
    ...(overlap ? { overlap: { method: overlap.method, ngram: overlap.ngram } } : {}),
    ...(missing === undefined ? {} : { missing }),
  };
}

export function cellsOf(
  { name, shots: counts, draws }: Pick<TaskFacts, 'name' | 'shots' | 'draws'>,
  model: string,
): Cell[] {
  // Without shots every draw is the same.
  return counts.flatMap((shots) =>
    Array.from({ length: shots === 0 ? Math.min(1, draws) : draws }, (_, draw) => ({
      shots,
      draw,
      path: samplesPath({ model, task: name, shots, draw }),
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

/** What results depend on besides the samples. */
export interface ResultContext {
  readonly task: TaskFacts;
  /** The items' ids in the order of the data. */
  readonly ids: readonly string[];
  readonly model: string;
  /** Tokens of the model's window. */
  readonly contextLength: number;
  readonly spec: Pick<RunSpec, 'draws' | 'shots' | 'stride'>;
}

/** The lines of the results: one a cell, and one a number of shots over its draws. */
export function cellResults(context: ResultContext, cells: readonly Cell[]): CellResult[] {
  const { task, contextLength, spec } = context;
  const window = { context: contextLength, stride: spec.stride ?? contextLength };
  const lines = task.shots.flatMap((shots) => {
    const own = cells.filter((cell) => cell.shots === shots);
    const each = own.map((cell) => cellResult(context, [cell]));
    return own.length < FEWEST_DRAWS ? each : [...each, cellResult(context, own)];
  });
  return task.rolling ? lines.map((line) => ({ ...line, window })) : lines;
}

/** A line of the results from a cell's finished samples in the order of the data, or from those of several draws. */
function cellResult({ task, ids, model, spec }: ResultContext, draws: readonly Cell[]): CellResult {
  const [{ shots, draw }] = draws as [Cell];
  const byDraw = draws.map((cell) =>
    ids.map((id) => {
      const summary = cell.finished.get(id);
      if (!summary) throw new Error(`${cell.path}: item ${id} is not finished`);
      return summary;
    }),
  );
  const names = task.metrics as readonly MetricName[];
  const metrics = names.flatMap((metric) => {
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
  const primary = names[0] ?? 'acc';
  const estimate = metrics.find(([name]) => name === primary)?.[1];
  return {
    model,
    task: task.name,
    shots,
    ...(draws.length > 1 ? { draws: draws.length } : spec.draws > 1 && shots !== 0 ? { draw } : {}),
    n: ids.filter((_, i) => byDraw.every((own) => own[i]?.status === 'scored')).length,
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
    ...(task.overlap ? { overlap: { ...task.overlap, ...compareOverlap(primary, byDraw) } } : {}),
  };
}

/** The lines of a task whose data could not be had: they say why. */
export function absentCells({
  task,
  model,
  spec,
}: Omit<ResultContext, 'ids' | 'contextLength'>): CellResult[] {
  return spec.shots.map(
    (shots): CellResult => ({
      model,
      task: task.name,
      shots,
      n: 0,
      unscored: 0,
      reasons: { [task.missing ?? 'no data']: 1 },
      primary: task.metrics[0] ?? 'acc',
      chance: task.chance,
      centred: null,
      metrics: {},
      shots_used: { min: 0, mean: 0, max: 0 },
      tokens_dropped: 0,
      ties: 0,
      alarms: [],
    }),
  );
}
