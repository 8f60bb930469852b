import type { Estimate } from '../stats/interval.ts';
import type { Board, BoardCell, Change } from './board.ts';
import { formatDifference, formatInterval, formatValue } from './format.ts';
import type { CellViews, PageData, Shown } from './page-data.ts';

/** What the table may show in its cells besides the primary metric, by the view's name: a label each. */
export const VIEWS: Readonly<Record<string, string>> = {
  primary: 'primary metric of each task',
  centred: 'centred: guessing 0, perfection 100',
  zero: 'change against k = 0',
  smaller: 'change against the next smaller model',
  clean: 'clean items only',
  dirty: 'items in the training data only',
};

/** The board as the page's script reads it. */
export function pageData(board: Board, files: PageData['files']): PageData {
  return {
    models: board.models.map(({ name }) => name),
    tasks: board.tasks.map(({ name }) => name),
    shots: board.shots.map(String),
    cells: board.cells.map(viewsOf),
    ...(files ? { files } : {}),
  };
}

function viewsOf({ estimate, centred, fromZero, fromSmaller, result }: BoardCell): CellViews {
  const { primary, overlap, metrics } = result;
  const views: Record<string, Shown> = {};
  for (const [name, own] of Object.entries(metrics)) views[`metric ${name}`] = shownEstimate(name, own);
  const add = (name: string, shown: Shown | null | undefined): void => {
    if (shown) views[name] = shown;
  };
  add('primary', estimate && shownEstimate(primary, estimate));
  add('centred', centred && shownEstimate('acc', centred));
  add('zero', fromZero && shownChange(primary, fromZero));
  add('smaller', fromSmaller && shownChange(primary, fromSmaller));
  add('clean', overlap?.clean.estimate && shownEstimate(primary, overlap.clean.estimate));
  add('dirty', overlap?.dirty.estimate && shownEstimate(primary, overlap.dirty.estimate));
  return views;
}

function shownEstimate(metric: string, estimate: Estimate): Shown {
  return [formatValue(metric, estimate.value), formatInterval(metric, estimate), short(estimate.value)];
}

function shownChange(metric: string, { value, ci95 }: Change): Shown {
  const interval = ci95 ? ci95.map((bound) => formatDifference(metric, bound)).join(', ') : '';
  return [formatDifference(metric, value), interval, short(value)];
}

const short = (value: number): number | null =>
  Number.isFinite(value) ? Number(value.toPrecision(6)) : null;
