import type { CellResult, GroupResult } from '../record.ts';
import { type Estimate, Z95 } from '../stats/interval.ts';
import { isShare } from './format.ts';
import type { Merged, MergedCell, MergedModel, MergedTask, Run } from './merge.ts';
import { type PairedChange, pairedChange, type TaskItems } from './task-items.ts';

/** What a cell gains over another. */
export interface Change extends PairedChange {
  /** What it is measured from, for a reader. */
  readonly against: string;
  readonly kind: 'k' | 'size' | 'step';
}

export interface BoardCell extends MergedCell {
  readonly estimate: Estimate | null;
  /** The primary metric with guessing at 0 and perfection at 1. */
  readonly centred: Estimate | null;
  /** Against the same model without shots. */
  readonly fromZero: Change | null;
  /** Against the next smaller model, or the checkpoint before, at the same number of shots. */
  readonly fromSmaller: Change | null;
}

export interface BoardGroup extends Omit<GroupResult, 'model'> {
  readonly model: number;
}

/** The mean of centred scores over the tasks that every model has at every k. */
export interface BoardMean extends Estimate {
  readonly model: number;
  readonly shots: number | 'max';
}

/** All that a leaderboard shows: pure data, numbers and names as the runs have them. */
export interface Board {
  readonly runs: readonly Run[];
  readonly models: readonly MergedModel[];
  readonly tasks: readonly MergedTask[];
  readonly shots: readonly (number | 'max')[];
  /** By task, model and shots. */
  readonly cells: readonly BoardCell[];
  readonly groups: readonly BoardGroup[];
  readonly means: { readonly tasks: readonly number[]; readonly values: readonly BoardMean[] };
  readonly notes: readonly string[];
}

/** The cells of a task with their paired changes. */
export function boardCells(merged: Merged, cells: readonly MergedCell[], items: TaskItems): BoardCell[] {
  return cells.map((cell, at): BoardCell => {
    const { model, result, shots } = cell;
    const { primary } = result;
    const change = (other: number, against: string, kind: Change['kind']): Change | null => {
      const [to, from] = [items.cells[at], items.cells[other]];
      if (!to || !from || cells[other]?.result.primary !== primary) return null;
      const found = pairedChange(to, from, items.clusters, isShare(primary) ? 1 : null);
      return found && { ...found, against, kind };
    };
    const zero = shots === 0 ? -1 : cells.findIndex((c) => c.model === model && c.shots === 0);
    const before = modelBefore(merged.models, model);
    const smaller = before < 0 ? -1 : cells.findIndex((c) => c.model === before && c.shots === shots);
    return {
      ...cell,
      estimate: result.metrics[primary] ?? null,
      centred: centredOf(result),
      fromZero: zero < 0 ? null : change(zero, 'k = 0', 'k'),
      fromSmaller:
        smaller < 0
          ? null
          : change(
              smaller,
              merged.models[before]?.name ?? '',
              isSameTraining(merged.models[model], merged.models[before]) ? 'step' : 'size',
            ),
    };
  });
}

/**
 * The checkpoint before in the same training; of a model that stands for its size the largest of the smaller ones that
 * do, of its architecture if any, and no checkpoint where another has that size. A training's first step has none.
 */
export function modelBefore(models: readonly MergedModel[], at: number): number {
  const own = models[at];
  if (!own) return -1;
  const { step } = own;
  const earlier = models.findLastIndex(
    (m) => step !== null && m.step?.series === step.series && m.step.number < step.number,
  );
  const final = finalModels(models);
  if (earlier >= 0 || !final.includes(at)) return earlier;
  const smaller = final.filter((i) => sizeOf(models, i) < sizeOf(models, at));
  const kin = smaller.filter((i) => models[i]?.identity.architecture === own.identity.architecture);
  const candidates = kin.length > 0 ? kin : smaller;
  const largest = Math.max(...candidates.map((i) => sizeOf(models, i)));
  const best = candidates.filter((i) => sizeOf(models, i) === largest);
  return best.findLast((i) => models[i]?.step === null) ?? best.at(-1) ?? -1;
}

function sizeOf(models: readonly MergedModel[], at: number): number {
  return models[at]?.identity.parameters ?? 0;
}

/** The models that stand for their size: of a training its last checkpoint. */
export function finalModels(models: readonly MergedModel[]): number[] {
  return [...models.keys()].filter((m) => {
    const { step } = models[m] as MergedModel;
    return (
      step === null ||
      models.every((other) => other.step?.series !== step.series || other.step.number <= step.number)
    );
  });
}

function isSameTraining(a: MergedModel | undefined, b: MergedModel | undefined): boolean {
  return a?.step != null && a.step.series === b?.step?.series;
}

/** The primary metric with guessing at 0 and perfection at 1; null where chance has no meaning. */
function centredOf({ metrics, primary, chance }: CellResult): Estimate | null {
  const estimate = metrics[primary];
  if (!estimate || chance === null) return null;
  const scale = (value: number): number => (value - chance) / (1 - chance);
  const { ci95, stderr } = estimate;
  return {
    value: scale(estimate.value),
    stderr: stderr === null ? null : stderr / (1 - chance),
    ci95: ci95 && [scale(ci95[0]), scale(ci95[1])],
  };
}

/** The board without the cells' details, from the runs and each task's cells. */
export function assembleBoard(merged: Merged, cells: readonly BoardCell[]): Board {
  const { runs, models, tasks, shots } = merged;
  return {
    runs,
    models,
    tasks,
    shots,
    cells,
    groups: groupsOf(merged),
    means: meansOf(merged, cells),
    notes: [...merged.notes, ...itemNotes(merged)],
  };
}

/** Cells of one task should hold the same number of items. */
function itemNotes({ tasks, cells }: Merged): string[] {
  return tasks.flatMap((task, at) => {
    const counts = new Set(
      cells.flatMap(({ task, result: { n, unscored, draws = 1 } }) =>
        task === at && n > 0 ? n + Math.round(unscored / draws) : [],
      ),
    );
    return counts.size < 2
      ? []
      : [
          `${task.name} was scored on different numbers of items: ${[...counts].sort((a, b) => a - b).join(', ')}.`,
        ];
  });
}

/** Group means as the runs have them, where all of a group's cells are from that run. */
function groupsOf({ runs, models }: Merged): BoardGroup[] {
  const found = new Map<string, BoardGroup>();
  for (const { record } of runs) {
    for (const group of record.groups ?? []) {
      const identity = record.spec.models.find(({ ref }) => ref === group.model);
      const model = models.findIndex(
        (m) => m.identity.ref === identity?.ref && m.identity.sha256 === identity.sha256,
      );
      const key = JSON.stringify([group.group, model, group.shots]);
      if (model >= 0 && !found.has(key)) found.set(key, { ...group, model });
    }
  }
  return [...found.values()];
}

function meansOf({ models, shots, tasks }: Merged, cells: readonly BoardCell[]): Board['means'] {
  const byKey = new Map(cells.map((cell) => [`${cell.task} ${cell.model} ${cell.shots}`, cell.centred]));
  const centred = (task: number, model: number, k: number | 'max'): Estimate | null =>
    byKey.get(`${task} ${model} ${k}`) ?? null;
  const common = [...tasks.keys()].filter((task) =>
    models.every((_, model) => shots.every((k) => centred(task, model, k) !== null)),
  );
  if (common.length === 0) return { tasks: [], values: [] };
  const values = models.flatMap((_, model) =>
    shots.map((k): BoardMean => {
      const parts = common.flatMap((task) => centred(task, model, k) ?? []);
      const value = parts.reduce((sum, part) => sum + part.value, 0) / parts.length;
      // Tasks are independent; one without a measure of spread leaves the mean without.
      const squares = parts.reduce((sum, { stderr }) => sum + (stderr ?? Number.NaN) ** 2, 0);
      const stderr = Math.sqrt(squares) / parts.length;
      if (!Number.isFinite(stderr)) return { model, shots: k, value, stderr: null, ci95: null };
      return { model, shots: k, value, stderr, ci95: [value - Z95 * stderr, value + Z95 * stderr] };
    }),
  );
  return { tasks: common, values };
}
