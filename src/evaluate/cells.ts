import { alarmsOf } from '../metrics/alarms.ts';
import { reduceMetric } from '../metrics/reduce.ts';
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
  const { spans, prompt: _, shots: __, ...kept } = sample;
  let [lowest, highest] = [Infinity, -Infinity];
  for (const { logprobs } of spans ?? []) {
    for (const l of logprobs) [lowest, highest] = [Math.min(lowest, l), Math.max(highest, l)];
  }
  return { ...kept, lowest, highest };
}

/** A cell's line of the results, from its finished samples in the order of the data. */
export function cellResult(loaded: LoadedTask, model: string, spec: RunSpec, cell: Cell): CellResult {
  const { protocol, task } = loaded;
  const samples = loaded.examples.map((example) => {
    const summary = cell.finished.get(example.id);
    if (!summary) throw new Error(`${cell.path}: item ${example.id} is not finished`);
    return summary;
  });
  const metrics = protocol.metrics.flatMap((metric) => {
    const estimate = reduceMetric(metric, samples);
    return estimate === undefined ? [] : [[metric, estimate] as const];
  });
  const unscored = samples.filter((s) => s.status === 'unscored');
  const reasons: Record<string, number> = {};
  for (const { reason = 'unknown' } of unscored) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const scored = samples.filter((s) => s.status === 'scored');
  const used = scored.map((s) => s.shots_used);
  return {
    model,
    task: task.name,
    shots: cell.shots,
    ...(spec.draws > 1 && cell.shots !== 0 ? { draw: cell.draw } : {}),
    n: samples.length - unscored.length,
    unscored: unscored.length,
    ...(unscored.length > 0 ? { reasons } : {}),
    primary: protocol.metrics[0] ?? 'acc',
    chance: task.chance,
    metrics: Object.fromEntries(metrics),
    shots_used: {
      min: used.reduce((a, b) => Math.min(a, b), used[0] ?? 0),
      mean: used.reduce((sum, k) => sum + k, 0) / Math.max(1, used.length),
      max: used.reduce((a, b) => Math.max(a, b), 0),
    },
    tokens_dropped: scored.reduce((sum, s) => sum + s.tokens_dropped, 0),
    ties: samples.filter((s) => s.flags.includes('tie')).length,
    alarms: alarmsOf(samples),
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
      metrics: {},
      shots_used: { min: 0, mean: 0, max: 0 },
      tokens_dropped: 0,
      ties: 0,
      alarms: [],
    }),
  );
}
