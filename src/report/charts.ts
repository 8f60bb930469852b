import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { formatInterval, formatValue, isShare } from './format.ts';
import { Html } from './html.ts';

/** A point of a chart: its place, its interval, and its text for those who point at it. */
export interface Point {
  readonly x: number | string;
  readonly y: number;
  readonly ci95: readonly [number, number] | null;
  /** What it is, where the series and its place do not say it. */
  readonly label?: string;
}

export interface Series {
  readonly name: string;
  /** Index of its colour and symbol. */
  readonly style: number;
  readonly points: readonly Point[];
  /** A published figure: hollow points, a dotted line. */
  readonly published?: boolean;
  /** Draws of shots, a point each, behind the line. */
  readonly draws?: readonly Point[];
}

/** A chart that is drawn. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  /** Null for the charts of the whole board. */
  readonly task: number | null;
  readonly svg: Html;
}

export interface ChartSpec {
  /** Unique on the page; also the name of its file. */
  readonly id: string;
  readonly title: string;
  /** The metric that sets the unit. */
  readonly metric: string;
  readonly yLabel: string;
  readonly x: {
    readonly label: string;
    readonly kind: 'ordinal' | 'log' | 'linear';
    readonly domain?: readonly string[];
  };
  readonly chance: number | null;
  readonly series: readonly Series[];
}

/**
 * Series that can be told apart, also by those who see no red or no green, each with its symbol: in light and in dark.
 * A chart names them as variables, with the light ones to fall back on where it stands alone.
 */
export const SERIES_COLOURS: readonly (readonly [light: string, dark: string])[] = [
  ['#0067a8', '#56b4e9'],
  ['#c14a00', '#ff9d5c'],
  ['#007a58', '#2fd3a2'],
  ['#a8418c', '#f0a6d8'],
  ['#7a6200', '#f0e442'],
  ['#3f3f46', '#d4d4d8'],
  ['#5b4fc9', '#b3a9ff'],
  ['#a3212e', '#ff8f98'],
];
const STYLES = SERIES_COLOURS.length;
interface PathContext {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  closePath(): void;
}
/** A triangle on its tip: the library's own eighth symbol is of strokes alone, which a fill leaves unseen. */
const TRIANGLE_DOWN = {
  draw(context: PathContext, size: number): void {
    const third = Math.sqrt(size / (3 * Math.sqrt(3)));
    context.moveTo(0, 2 * third);
    context.lineTo(Math.sqrt(3) * third, -third);
    context.lineTo(-Math.sqrt(3) * third, -third);
    context.closePath();
  },
};
const SYMBOLS: readonly (Plot.SymbolName | typeof TRIANGLE_DOWN)[] = [
  ...(['circle', 'square', 'triangle', 'diamond', 'star', 'wye', 'cross'] as const),
  TRIANGLE_DOWN,
];
/** Lines whose intervals are drawn as bands. */
const BANDS = 3;
const SIZE = { width: 460, height: 280, marginRight: 110, marginLeft: 46, marginTop: 24, marginBottom: 40 };

/** A chart as SVG: lines with their intervals as bands, chance as a dashed rule, names at the ends of the lines. */
export function drawChart(spec: ChartSpec): Html {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const { series, chance, metric, x } = spec;
  const unit = unitOf(metric);
  const lines = series.filter(({ published }) => !published).length;
  const rows = series.flatMap((own) => own.points.map((point) => rowOf(own, point, metric, unit)));
  const draws = series.flatMap((own) => (own.draws ?? []).map((point) => rowOf(own, point, metric, unit)));
  const ours = rows.filter((row) => !row.published);
  const theirs = rows.filter((row) => row.published);
  const bounds = [...rows, ...draws].flatMap((row) => [row.y, row.low ?? row.y, row.high ?? row.y]);
  const [low, high] = rangeOf([...bounds, ...(chance === null ? [] : [chance * unit])]);
  const svg = Plot.plot({
    document,
    ...SIZE,
    x: xScale(x, rows),
    y: { label: spec.yLabel, domain: [low, high], nice: true, grid: true, ticks: 5 },
    symbol: SYMBOL_SCALE,
    marks: [
      ...(chance === null
        ? []
        : [Plot.ruleY([chance * unit], { strokeDasharray: '5 4', strokeOpacity: 0.7 })]),
      Plot.lineY(theirs, { x: 'x', y: 'y', z: 'series', stroke: 'colour', strokeDasharray: '2 4' }),
      Plot.dot(theirs, { x: 'x', y: 'y', r: 4.5, stroke: 'colour', symbol: 'style', title: 'title' }),
      ...series.flatMap((own, i) => {
        if (own.published) return [];
        // Bands of many lines are one grey: whiskers beside each other tell them apart.
        const dx = x.kind === 'ordinal' ? 5 * (i - (lines - 1) / 2) : 0;
        const points = ours.filter((row) => row.series === own.name);
        const banded = points.filter((row) => row.low !== null);
        const path = meansByX(points);
        const place = { x: 'x', dx };
        return [
          ...(lines <= BANDS
            ? [Plot.areaY(path, { ...place, y1: 'low', y2: 'high', fill: 'colour', fillOpacity: 0.1 })]
            : []),
          Plot.ruleX(banded, { ...place, y1: 'low', y2: 'high', stroke: 'colour', strokeOpacity: 0.5 }),
          Plot.lineY(path, { ...place, y: 'y', stroke: 'colour', strokeWidth: 2 }),
          Plot.dot(
            draws.filter((row) => row.series === own.name),
            { ...place, y: 'y', r: 2, fill: 'colour', fillOpacity: 0.5, title: 'title' },
          ),
          Plot.dot(points, { ...place, y: 'y', r: 4, fill: 'colour', symbol: 'style', title: 'title' }),
        ];
      }),
      Plot.text(endsOf(rows, (high - low) / 14), {
        ...{
          x: 'x',
          y: 'at',
          text: 'label',
          dx: x.kind === 'ordinal' ? 7 + 2.5 * lines : 9,
          textAnchor: 'start',
          fill: 'colour',
          fontSize: 11,
        },
      }),
    ],
  });
  return new Html(finish(svg, spec));
}

/** A chart of points that no line joins: whiskers for intervals, the names in the margin. */
export function drawScatter(spec: ChartSpec): Html {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const { series, chance, metric, x } = spec;
  const unit = unitOf(metric);
  const rows = series.flatMap((own) => own.points.map((point) => rowOf(own, point, metric, unit)));
  const [low, high] = rangeOf([
    ...rows.flatMap((row) => [row.low ?? row.y, row.high ?? row.y]),
    (chance ?? 0) * unit,
  ]);
  const names = [...new Map(rows.map((row) => [row.series, row])).values()];
  const svg = Plot.plot({
    document,
    ...SIZE,
    x: { ...xScale(x, rows), nice: true, zero: true },
    y: { label: spec.yLabel, domain: [low, high], nice: true, grid: true, ticks: 5 },
    symbol: SYMBOL_SCALE,
    marks: [
      ...(chance === null
        ? []
        : [Plot.ruleY([chance * unit], { strokeDasharray: '5 4', strokeOpacity: 0.7 })]),
      ...names.flatMap(({ series: name }, i) => {
        const own = { x: 'x', dx: 4 * (i - (names.length - 1) / 2) };
        const points = rows.filter((row) => row.series === name);
        return [
          Plot.ruleX(points, { ...own, y1: 'low', y2: 'high', stroke: 'colour', strokeOpacity: 0.4 }),
          Plot.dot(points, { ...own, y: 'y', r: 3.5, fill: 'colour', symbol: 'style', title: 'title' }),
        ];
      }),
      ...names.flatMap((row, i) => [
        Plot.dot([row], { ...LEGEND, dx: 22, dy: 16 * i + 6, r: 3.5, fill: 'colour', symbol: 'style' }),
        Plot.text([{ ...row, label: shortened(row.series) }], {
          ...{
            ...LEGEND,
            dx: 30,
            dy: 16 * i + 7,
            text: 'label',
            textAnchor: 'start',
            fill: 'colour',
            fontSize: 11,
          },
        }),
      ]),
    ],
  });
  return new Html(finish(svg, spec));
}

const LEGEND = { frameAnchor: 'top-right' } as const;
const SYMBOL_SCALE = { domain: SYMBOLS.map((_, i) => i), range: [...SYMBOLS] };

/** Shares are drawn in per cent. */
function unitOf(metric: string): number {
  return isShare(metric) ? 100 : 1;
}

/** One point a place: several models of a size are on the line by their mean. */
function meansByX(points: readonly Row[]): Row[] {
  const mean = (values: readonly (number | null)[]): number | null =>
    values.includes(null) ? null : values.reduce<number>((sum, v) => sum + (v ?? 0), 0) / values.length;
  return [...new Set(points.map(({ x }) => x))].flatMap((x) => {
    const own = points.filter((point) => point.x === x);
    const [first] = own;
    if (!first || own.length === 1) return own;
    return {
      ...first,
      y: mean(own.map(({ y }) => y)) ?? first.y,
      low: mean(own.map(({ low }) => low)),
      high: mean(own.map(({ high }) => high)),
    };
  });
}

interface Row {
  readonly x: number | string;
  readonly y: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly series: string;
  readonly style: number;
  readonly colour: string;
  readonly title: string;
  readonly published: boolean;
}

function rowOf(series: Series, { x, y, ci95, label }: Point, metric: string, unit: number): Row {
  const { name, published = false } = series;
  const style = series.style % STYLES;
  const interval = ci95 && formatInterval(metric, { value: y, stderr: null, ci95 });
  return {
    ...{ x, y: y * unit, low: ci95 && ci95[0] * unit, high: ci95 && ci95[1] * unit },
    ...{ series: name, style, colour: `var(--series-${style}, ${SERIES_COLOURS[style]?.[0]})`, published },
    title: `${plain(name)}, ${label ? plain(label) : x}: ${formatValue(metric, y)}${interval ? ` (${interval})` : ''}`,
  };
}

function rangeOf(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? [low - 1, high + 1] : [low, high];
}

function xScale({ label, kind, domain }: ChartSpec['x'], rows: readonly Row[]): Plot.ScaleOptions {
  const centred = { label, labelAnchor: 'center', labelArrow: 'none' } as const;
  if (kind === 'ordinal') return { type: 'point', ...centred, domain: [...(domain ?? [])], padding: 0.2 };
  const sizes = [...new Set(rows.map((row) => Number(row.x)))].sort((a, b) => a - b);
  // Ticks at the sizes themselves, but for those that would stand on each other.
  const span = Math.log((sizes.at(-1) ?? 1) / (sizes[0] ?? 1)) || 1;
  const ticks: number[] = [];
  for (const size of sizes) {
    const last = ticks.at(-1);
    if (last === undefined || Math.log(size / last) >= span / 7) ticks.push(size);
  }
  if (kind === 'log') return { type: 'log', ...centred, ticks, tickFormat: formatSize };
  return { type: 'linear', ...centred, ticks: 5 };
}

/** 124 M, 1.5 G: to three digits. */
export function formatSize(value: number): string {
  const [divisor, suffix] =
    value >= 1e9 ? [1e9, ' G'] : value >= 1e6 ? [1e6, ' M'] : value >= 1e3 ? [1e3, ' k'] : [1, ''];
  return `${Number((value / divisor).toPrecision(3))}${suffix}`;
}

/** The last point of each line with its name, moved apart where they would cover each other. */
function endsOf(rows: readonly Row[], gap: number): (Row & { at: number; label: string })[] {
  const last = new Map(rows.map((row) => [row.series, row]));
  const ends = [...last.values()].sort((a, b) => a.y - b.y);
  let floor = Number.NEGATIVE_INFINITY;
  return ends.map((row) => {
    const at = Math.max(row.y, floor);
    floor = at + gap;
    return { ...row, at, label: shortened(row.series) };
  });
}

function shortened(text: string): string {
  const name = [...plain(text)];
  return name.length > 18 ? `…${name.slice(-17).join('')}` : name.join('');
}

/** Without what XML may not hold and what turns the reading direction of the rest. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu, '\ufffd');
}

/** What is used of an element; the types of browsers are not known here. */
interface SvgElement {
  readonly outerHTML: string;
  querySelector(selector: string): { remove(): void } | null;
  querySelectorAll(selector: string): Iterable<Pick<SvgElement, 'removeAttribute'>>;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
}

/** Plot's SVG with a name, without what a page's policy or a reader of screens objects to. */
function finish(svg: SvgElement, { title, id }: ChartSpec): string {
  svg.querySelector('style')?.remove();
  svg.removeAttribute('class');
  for (const group of svg.querySelectorAll('[aria-label], [aria-hidden], [style]')) {
    for (const name of ['aria-label', 'aria-hidden', 'style']) group.removeAttribute(name);
  }
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('id', id);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', plain(title));
  return svg.outerHTML.replace(/-?\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2))));
}

/** A chart by itself, as a file: colours that any program reads, on white. */
export function standalone(svg: Html): string {
  return `${svg.text
    .replace(/var\(--[\w-]+, (#\w+)\)/g, '$1')
    .replace('<svg ', '<svg style="background: white" ')}\n`;
}
