import type { CellResult } from '../record.ts';
import { type Board, type BoardCell, finalModels } from './board.ts';
import { type Chart, type ChartSpec, drawChart, type Point, type Series } from './charts.ts';
import { contaminationCharts } from './contamination.ts';
import { formatUnit } from './format.ts';

/** Every chart of a board: what k and size buy over all tasks and groups, then the same of each task. */
export function boardCharts(board: Board): Chart[] {
  const specs: (ChartSpec & { task: number | null })[] = [
    ...meanCharts(board).map((spec) => ({ ...spec, task: null })),
    ...groupCharts(board).map((spec) => ({ ...spec, task: null })),
    ...board.tasks.flatMap((_, task) => taskCharts(board, task).map((spec) => ({ ...spec, task }))),
  ];
  const drawn = specs.map((spec) => ({
    ...{ id: spec.id, title: spec.title, task: spec.task },
    svg: drawChart(spec),
  }));
  return [...drawn, ...contaminationCharts(board)];
}

/** A value at a model and a number of shots. */
interface Placed {
  readonly model: number;
  readonly shots: number | 'max';
  readonly value: number;
  readonly ci95: readonly [number, number] | null;
}

interface Subject {
  readonly id: string;
  readonly title: string;
  readonly metric: string;
  readonly yLabel: string;
  readonly chance: number | null;
  readonly values: readonly Placed[];
}

/** Against k with a line a model; against parameters and against steps with a line a number of shots. */
function chartsOf(
  board: Board,
  subject: Subject,
  more: { k?: readonly Series[]; size?: readonly Series[] } = {},
): ChartSpec[] {
  const { models, shots } = board;
  const { id, title, values, ...rest } = subject;
  if (values.length === 0) return [];
  const charts: ChartSpec[] = [];
  const at = (own: readonly Placed[], x: (value: Placed) => number | string): Point[] =>
    own.map((v) => ({ x: x(v), y: v.value, ci95: v.ci95 }));
  if (shots.length > 1) {
    const series = models.flatMap(({ name }, model): Series[] => {
      const own = values.filter((v) => v.model === model);
      return own.length === 0 ? [] : [{ name, style: model, points: at(own, (v) => String(v.shots)) }];
    });
    const x = { label: 'shots (k)', kind: 'ordinal' as const, domain: shots.map(String) };
    charts.push({
      ...rest,
      id: `${id}-k`,
      title: `${title} against k`,
      x,
      series: [...series, ...(more.k ?? [])],
    });
  }
  const final = finalModels(models);
  const sizes = final.map((model) => models[model]?.identity.parameters);
  if (new Set(sizes).size > 1) {
    const series = shots.flatMap((k, style): Series[] => {
      const own = values.filter((v) => v.shots === k && final.includes(v.model));
      const points = at(own, (v) => models[v.model]?.identity.parameters ?? 0);
      return own.length === 0 ? [] : [{ name: `k = ${k}`, style, points }];
    });
    const x = { label: 'parameters', kind: 'log' as const };
    charts.push({
      ...rest,
      id: `${id}-size`,
      title: `${title} against parameters`,
      x,
      series: [...series, ...(more.size ?? [])],
    });
  }
  const families = [...new Set(models.flatMap((m) => m.step?.series ?? []))];
  const trained = families.filter((family) => models.filter((m) => m.step?.series === family).length > 1);
  if (trained.length > 0) {
    const series = trained.flatMap((family, i) =>
      shots.flatMap((k, j): Series[] => {
        const own = values.filter((v) => v.shots === k && models[v.model]?.step?.series === family);
        const points = at(own, (v) => models[v.model]?.step?.number ?? 0);
        const name = trained.length > 1 ? `${family} k = ${k}` : `k = ${k}`;
        return own.length === 0 ? [] : [{ name, style: i * shots.length + j, points }];
      }),
    );
    const x = { label: 'training step', kind: 'linear' as const };
    charts.push({ ...rest, id: `${id}-step`, title: `${title} against the training step`, x, series });
  }
  return charts;
}

function meanCharts(board: Board): ChartSpec[] {
  const { tasks, values } = board.means;
  const title = `Mean centred score of ${tasks.length} ${tasks.length === 1 ? 'task' : 'tasks'}`;
  const yLabel = 'centred, %';
  return chartsOf(board, { id: 'mean', title, metric: 'acc', yLabel, chance: 0, values });
}

function groupCharts(board: Board): ChartSpec[] {
  return [...new Set(board.groups.map((g) => g.group))].flatMap((name) => {
    const own = board.groups.filter((g) => g.group === name);
    const metric = own[0]?.metric ?? 'acc';
    const subject = {
      id: `group-${slug(name)}`,
      title: `Mean of ${name}`,
      metric,
      yLabel: `${metric}${formatUnit(metric)}`,
      chance: null,
    };
    return chartsOf(board, { ...subject, values: own });
  });
}

function taskCharts(board: Board, task: number): ChartSpec[] {
  const cells = board.cells.filter((cell) => cell.task === task);
  const { primary, chance } = cells[0]?.result ?? { primary: 'acc', chance: null };
  const values = cells.flatMap(({ model, shots, estimate, result }): Placed[] =>
    estimate && result.primary === primary
      ? [{ model, shots, value: estimate.value, ci95: estimate.ci95 }]
      : [],
  );
  const subject = {
    ...{ id: `task-${task}`, title: board.tasks[task]?.name ?? '', metric: primary, chance, values },
    yLabel: `${primary}${formatUnit(primary)}`,
  };
  const charts = chartsOf(board, subject, publishedSeries(board, cells));
  return charts.map((chart) => (chart.id.endsWith('-k') ? withDraws(chart, board, cells) : chart));
}

/** A point a draw beside each mean over draws. */
function withDraws(chart: ChartSpec, { models }: Board, cells: readonly BoardCell[]): ChartSpec {
  const series = chart.series.map((own) => {
    if (own.published) return own;
    const of = cells.filter((c) => models[c.model]?.name === own.name && c.draws.length > 1);
    const draws = of.flatMap(({ draws, shots, result }) =>
      draws.flatMap((draw): Point[] => {
        const y = draw.metrics[result.primary]?.value;
        return y === undefined ? [] : [{ x: String(shots), y, ci95: null }];
      }),
    );
    return draws.length === 0 ? own : { ...own, draws };
  });
  return { ...chart, series };
}

/** The papers' figures of each model's own primary metric: against k a line a published model, against size one a k. */
function publishedSeries(board: Board, cells: readonly BoardCell[]): { k: Series[]; size: Series[] } {
  const k = new Map<string, Series>();
  const size = new Map<string, Series>();
  const add = (to: Map<string, Series>, name: string, style: number, point: Point): void => {
    const own = to.get(name) ?? { name, style, points: [], published: true };
    if (own.points.some(({ x }) => x === point.x)) return;
    to.set(name, { ...own, points: [...own.points, point] });
  };
  for (const cell of cells) {
    const { result, model, shots } = cell;
    for (const figure of firstOfEach(result)) {
      const point = { y: figure.value, ci95: null };
      add(k, figure.model, model, { ...point, x: String(shots) });
      const parameters = board.models[model]?.identity.parameters ?? 0;
      add(size, `${figure.source}, k = ${shots}`, board.shots.indexOf(shots), { ...point, x: parameters });
    }
  }
  return { k: [...k.values()], size: [...size.values()] };
}

/** One figure a source: charts show where it lies, the table shows them all. */
function firstOfEach({
  published = [],
  primary,
}: CellResult): NonNullable<CellResult['published']>[number][] {
  const own = published.filter((figure) => figure.metric === primary && figure.source.endsWith(' paper'));
  return own.filter((figure, i) => own.findIndex((other) => other.source === figure.source) === i);
}

/** A name as part of an id or a file's name. */
function slug(name: string): string {
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'x'
  );
}
