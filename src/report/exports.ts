import type { Estimate } from '../stats/interval.ts';
import type { Board, BoardCell, Change } from './board.ts';
import { formatDifference, formatInterval, formatPublished, formatShots, formatValue } from './format.ts';
import { notesOf } from './table.ts';

type Value = string | number | null;

/** A row a cell and metric, with plain numbers; paired changes, published figures and overlap stand on the primary's. */
function exportRows(board: Board): Record<string, Value>[] {
  return board.cells.flatMap((cell) => {
    const { result, run } = cell;
    const { metrics, primary } = result;
    const names = Object.keys(metrics).length > 0 ? Object.keys(metrics) : [primary];
    return names.map((metric) => {
      const own = metric === primary;
      const figure = result.published?.find((f) => f.metric === metric);
      return {
        model: board.models[cell.model]?.name ?? '',
        parameters: board.models[cell.model]?.identity.parameters ?? null,
        task: board.tasks[cell.task]?.name ?? '',
        protocol: board.tasks[cell.task]?.identity.protocol ?? '',
        shots: String(cell.shots),
        draws: result.draws ?? 1,
        n: result.n,
        unscored: result.unscored,
        metric,
        primary: own ? 1 : 0,
        ...spread('', metrics[metric]),
        chance: own ? result.chance : null,
        centred: own ? (cell.centred?.value ?? null) : null,
        ...spread('change_k0', own ? cell.fromZero : null),
        ...spread('change_smaller', own ? cell.fromSmaller : null),
        smaller: own ? (cell.fromSmaller?.against ?? null) : null,
        published: figure?.value ?? null,
        published_model: figure ? `${figure.same ? '' : '~'}${figure.model} (${figure.source})` : null,
        clean: own ? (result.overlap?.clean.estimate?.value ?? null) : null,
        dirty: own ? (result.overlap?.dirty.estimate?.value ?? null) : null,
        dirty_n: own ? (result.overlap?.dirty.n ?? null) : null,
        shots_used: result.shots_used.mean,
        tokens_dropped: result.tokens_dropped,
        ties: result.ties,
        alarms: result.alarms.join('; '),
        run: run.name,
      };
    });
  });
}

function spread(name: string, from: Estimate | Change | null | undefined): Record<string, number | null> {
  const prefix = name === '' ? '' : `${name}_`;
  return {
    [name === '' ? 'value' : name]: from?.value ?? null,
    [`${prefix}low`]: from?.ci95?.[0] ?? null,
    [`${prefix}high`]: from?.ci95?.[1] ?? null,
  };
}

/** A board as CSV, a row a cell and metric. */
export function boardCsv(board: Board): string {
  const rows = exportRows(board);
  const header = Object.keys(rows[0] ?? { model: '' });
  return [header, ...rows.map((row) => header.map((name) => row[name] ?? null))]
    .map((row) => `${row.map(csvField).join(',')}\n`)
    .join('');
}

/** Quoted where it must be. Text that a spreadsheet would run as a formula is made text by an apostrophe. */
function csvField(value: Value): string {
  if (value === null) return '';
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A board as JSON: the same rows, with what identifies the runs. */
export function boardJson(board: Board): string {
  const { runs, notes } = board;
  return `${JSON.stringify(
    {
      format: 1,
      notes,
      runs: runs.map(({ name, record: { status, spec, environment } }) => ({
        folder: name,
        status,
        spec,
        environment,
      })),
      cells: exportRows(board),
      groups: board.groups.map((group) => ({ ...group, model: board.models[group.model]?.name })),
      means: {
        tasks: board.means.tasks.map((task) => board.tasks[task]?.name),
        values: board.means.values.map((mean) => ({ ...mean, model: board.models[mean.model]?.name })),
      },
    },
    null,
    2,
  )}\n`;
}

/** A board's primary scores as Markdown: a row a task, a column a model and number of shots. */
export function boardMarkdown(board: Board): string {
  const columns = board.models.flatMap((model, m) =>
    board.shots
      .filter((k) => board.cells.some((cell) => cell.model === m && cell.shots === k))
      .map((k) => ({ m, k, title: `${model.name}, k = ${k}` })),
  );
  const line = (cells: readonly string[]): string => `| ${cells.map(markdown).join(' | ')} |\n`;
  const rows = board.tasks.map((task, t) => {
    const own = board.cells.filter((cell) => cell.task === t);
    const first = own[0]?.result;
    const values = columns.map(({ m, k }) => {
      const cell = own.find((c) => c.model === m && c.shots === k);
      return cell ? markdownCell(cell) : '';
    });
    const chance = first?.chance ? formatValue(first.primary, first.chance) : '';
    return line([task.name, first?.primary ?? '', chance, ...values]);
  });
  const notes = board.notes.map((note) => `- ${markdown(note)}\n`);
  return [
    line(['task', 'metric', 'chance', ...columns.map(({ title }) => title)]),
    `|${' --- |'.repeat(columns.length + 3)}\n`,
    ...rows,
    ...(notes.length > 0 ? ['\n', ...notes] : []),
  ].join('');
}

function markdownCell({ estimate, result, fromZero }: BoardCell): string {
  if (!estimate) return 'unscored';
  const { primary, published } = result;
  const interval = formatInterval(primary, estimate);
  const change = fromZero ? `, ${formatDifference(primary, fromZero.value)} from k = 0` : '';
  const [figure] = published?.filter((f) => f.metric === primary) ?? [];
  const used = formatShots(result) === String(result.shots) ? '' : `, k = ${formatShots(result)}`;
  const notes = notesOf(result);
  return `${formatValue(primary, estimate.value)}${interval ? ` (${interval})` : ''}${change}${figure ? `; published ${formatPublished(figure)}` : ''}${used}${notes ? `; ${notes}` : ''}`;
}

/** Text as Markdown that reads as itself: no element, link, emphasis or new column. */
function markdown(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').replace(/[\\`*_[\]<>|&#!]/g, (c) => `\\${c}`);
}
