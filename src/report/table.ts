import type { CellResult, GroupResult, RunRecord } from '../record.ts';
import { formatDraw, formatInterval, formatPublished, formatShots, formatValue } from './format.ts';

/** A run's results as plain text: a table with a row a cell, and one of means over tasks where there are any. */
export function resultTable(record: RunRecord): string {
  const several = record.results.some((r) => r.draw !== undefined);
  const published = record.results.some((r) => r.published !== undefined);
  const header = [
    'model',
    'task',
    'shots',
    ...(several ? ['draw'] : []),
    'n',
    'metric',
    'value',
    '95 % interval',
    'chance',
    ...(published ? ['published'] : []),
    'notes',
  ];
  const rows = record.results.flatMap((result) => rowsOf(result, { several, published }));
  const cells = formatTable(header, rows);
  return record.groups.length === 0 ? cells : `${cells}\n\n${groupTable(record.groups)}`;
}

function groupTable(groups: readonly GroupResult[]): string {
  const rows = groups.map((group) => [
    group.model,
    group.group,
    String(group.shots),
    String(group.tasks),
    group.metric,
    formatValue(group.metric, group.value),
    formatInterval(group.metric, group),
  ]);
  return formatTable(['model', 'mean of', 'shots', 'tasks', 'metric', 'value', '95 % interval'], rows);
}

function rowsOf(
  result: CellResult,
  { several, published }: { readonly several: boolean; readonly published: boolean },
): string[][] {
  const head = [
    result.model,
    result.task,
    formatShots(result),
    ...(several ? [formatDraw(result)] : []),
    String(result.n),
  ];
  const names = [
    ...new Set([result.primary, ...Object.keys(result.metrics).filter((m) => /^(ppl|bp)/.test(m))]),
  ];
  return names.map((name) => {
    const estimate = result.metrics[name];
    const chance = name === result.primary && result.chance ? formatValue(name, result.chance) : '';
    const beside = published ? [publishedBeside(result, name)] : [];
    if (!estimate) return [...head, name, 'unscored', '', chance, ...beside, notesOf(result)];
    return [
      ...head,
      name,
      formatValue(name, estimate.value),
      formatInterval(name, estimate),
      chance,
      ...beside,
      notesOf(result),
    ];
  });
}

/** The figures of the model itself, at most two; else the first of a model of comparable size, after a "~". */
function publishedBeside({ published = [] }: CellResult, metric: string): string {
  const all = published.filter((figure) => figure.metric === metric);
  const same = all.filter((figure) => figure.same);
  return (same.length > 0 ? same.slice(0, 2) : all.slice(0, 1)).map(formatPublished).join('; ');
}

/** What a reader must know before believing a cell. */
export function notesOf(result: CellResult): string {
  const notes: string[] = [];
  const [reason] = Object.keys(result.reasons ?? {});
  if (result.n === 0 && reason !== undefined)
    notes.push(reason.length > 60 ? `${reason.slice(0, 60)}…` : reason);
  if (result.unscored > 0) notes.push(`${result.unscored} unscored`);
  if (result.tokens_dropped > 0) notes.push(`${result.tokens_dropped} tokens cut`);
  if (result.ties > 0) notes.push(`${result.ties} ties`);
  if (result.overlap) {
    const { all, dirty } = result.overlap;
    notes.push(`${((100 * dirty.n) / Math.max(1, all.n)).toFixed(1)} % in training data`);
  }
  return [...notes, ...result.alarms].join('; ');
}

/** A header, a rule and rows, in columns as wide as their widest cell. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of [header, ...rows])
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  const rule = widths.map((w) => '-'.repeat(w)).join('  ');
  return [line(header), rule, ...rows.map(line)].join('\n');
}
