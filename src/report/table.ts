import type { CellResult, RunRecord } from '../types.ts';
import { formatInterval, formatShots, formatValue } from './format.ts';

/** A run's results as a plain text table: a row a cell. */
export function resultTable(record: RunRecord): string {
  const several = record.results.some((r) => r.draw !== undefined);
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
    'notes',
  ];
  const rows = record.results.flatMap((result) => rowsOf(result, several));
  return formatTable(header, rows);
}

function rowsOf(result: CellResult, several: boolean): string[][] {
  const head = [
    result.model,
    result.task,
    formatShots(result),
    ...(several ? [result.draw === undefined ? '' : String(result.draw)] : []),
    String(result.n),
  ];
  const names = [
    ...new Set([result.primary, ...Object.keys(result.metrics).filter((m) => /^(ppl|bp)/.test(m))]),
  ];
  return names.map((name) => {
    const estimate = result.metrics[name];
    const chance = name === result.primary && result.chance ? formatValue(name, result.chance) : '';
    if (!estimate) return [...head, name, 'unscored', '', chance, notesOf(result)];
    return [
      ...head,
      name,
      formatValue(name, estimate.value),
      formatInterval(name, estimate),
      chance,
      notesOf(result),
    ];
  });
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
