import { type Board, type BoardCell, type BoardMean, type Change, finalModels } from './board.ts';
import { count, formatValue, lessIsBetter } from './format.ts';
import { type Html, html } from './html.ts';

/** What a reader should take away, in numbers: what shots buy, what size and training buy, what can be trusted. */
export function summary(board: Board): Html {
  const lines: [string, Html | string | false][] = [
    ['Shots', shots(board)],
    ['Size', size(board)],
    ['Training', training(board)],
    ['Trust', trust(board)],
  ];
  return html`<dl class="summary">
${lines.map(([term, text]) => text && html`<dt>${term}</dt><dd>${text}</dd>\n`)}
</dl>`;
}

function shots(board: Board): Html | false {
  const [few] = board.shots.slice(-1);
  if (few === undefined || board.shots.length < 2) return false;
  const largest = board.models.length - 1;
  const [from, to] = [meanOf(board, largest, board.shots[0]), meanOf(board, largest, few)];
  const changes = board.cells.filter((cell) => cell.shots === few && cell.fromZero !== null);
  return html`${
    from &&
    to &&
    html`The mean centred score of ${board.models[largest]?.name} goes from ${percent(from)} at k = ${board.shots[0]} to ${percent(to)} at k = ${few}. `
  }${tally(changes, (cell) => cell.fromZero, html`changes from k = 0 to ${few}`)}`;
}

function size(board: Board): Html | false {
  const models = finalModels(board.models);
  const [first, last] = [models[0], models.at(-1)];
  const parameters = (m: number | undefined): number => board.models[m ?? -1]?.identity.parameters ?? 0;
  if (parameters(first) === parameters(last)) return false;
  const [few] = board.shots.slice(-1);
  const [from, to] = [meanOf(board, first, few), meanOf(board, last, few)];
  const changes = board.cells.filter(
    (cell) => models.includes(cell.model) && cell.fromSmaller?.kind === 'size',
  );
  return html`${
    from &&
    to &&
    html`At k = ${few} the mean goes from ${percent(from)} of ${board.models[first ?? 0]?.name} to ${percent(to)} of ${board.models[last ?? 0]?.name}, ${ratio(parameters(last) / parameters(first))} times the parameters. `
  }${tally(changes, (cell) => cell.fromSmaller, 'changes to the next larger model')}`;
}

function training(board: Board): Html | false {
  const changes = board.cells.filter((cell) => cell.fromSmaller?.kind === 'step');
  if (changes.length === 0) return false;
  return html`${tally(changes, (cell) => cell.fromSmaller, 'changes from a checkpoint to the next')}`;
}

/** How many changes are beyond doubt, each way. */
function tally(
  cells: readonly BoardCell[],
  changeOf: (cell: BoardCell) => Change | null,
  what: Html | string,
): Html | false {
  if (cells.length === 0) return false;
  let [better, worse] = [0, 0];
  for (const cell of cells) {
    const { ci95 = null } = changeOf(cell) ?? {};
    if (ci95 === null || (ci95[0] <= 0 && ci95[1] >= 0)) continue;
    if (ci95[0] > 0 === lessIsBetter(cell.result.primary)) worse++;
    else better++;
  }
  const open = cells.length - better - worse;
  return html`Of ${cells.length} ${what}, paired by item, <strong>${better}</strong> ${better === 1 ? 'is a gain' : 'are gains'} and <strong>${worse}</strong> ${worse === 1 ? 'a loss' : 'losses'} beyond doubt (95 %); ${open} cannot be told from none.`;
}

function trust(board: Board): Html {
  const { cells } = board;
  const scored = cells.filter((cell) => cell.estimate !== null);
  const guessed = scored.filter((cell) => cell.result.chance !== null && cell.estimate?.ci95);
  const above = guessed.filter(
    ({ estimate, result }) => (estimate?.ci95?.[0] ?? 0) > (result.chance ?? Number.POSITIVE_INFINITY),
  );
  const alarms = cells.filter((cell) => cell.result.alarms.length > 0).length;
  const short = cells.filter(
    ({ result: { shots, shots_used, n } }) => n > 0 && shots !== 'max' && shots_used.min < shots,
  ).length;
  const cut = cells.filter((cell) => cell.result.tokens_dropped > 0).length;
  const ties = cells.filter((cell) => cell.result.ties > 0).length;
  const partial = cells.filter((cell) => cell.result.unscored > 0 || cell.estimate === null).length;
  const warnings = [
    alarms > 0 && `${count(alarms, 'cell raises', 'cells raise')} an alarm`,
    short > 0 && `${count(short, 'cell')} had fewer shots than asked`,
    cut > 0 && `in ${count(cut, 'cell')} prompts were cut to the window`,
    ties > 0 && `${count(ties, 'cell has', 'cells have')} ties`,
    partial > 0 && `${count(partial, 'cell has', 'cells have')} unscored items`,
  ].filter((text) => text !== false);
  const told = board.runs.reduce((sum, { record }) => sum + record.environment.warnings.length, 0);
  return html`${guessed.length > 0 && html`<strong>${above.length}</strong> of ${count(guessed.length, 'cell')} ${above.length === 1 ? 'lies' : 'lie'} above chance beyond doubt. `}${contamination(board)} ${published(cells)}${warnings.length > 0 ? `${sentence(warnings)}.` : 'No cell raises an alarm, lacks shots or items, or was cut.'}${told > 0 && html` The runs gave <a href="#runs">${count(told, 'warning')}</a>.`}`;
}

function contamination({ cells, tasks }: Board): Html | string {
  const compared = cells.filter((cell) => cell.result.overlap);
  if (compared.length === 0) return 'The training data were not searched for the test items.';
  const searched = new Set(compared.map((cell) => cell.task));
  const dirty = new Set(compared.filter((c) => (c.result.overlap?.dirty.n ?? 0) > 0).map((c) => c.task));
  const shares = compared.map(({ result: { overlap } }) =>
    overlap ? overlap.dirty.n / Math.max(1, overlap.all.n) : 0,
  );
  const bounds = compared.flatMap(({ result: { overlap } }) =>
    overlap?.difference?.ci95 ? [overlap.difference.ci95] : [],
  );
  const moved = bounds.filter(([low, high]) => low > 0 || high < 0);
  if (dirty.size === 0) return `No item of ${count(searched.size, 'task')} was found in the training data.`;
  return html`<strong>${dirty.size}</strong> of ${count(tasks.length, 'task')} ${dirty.size === 1 ? 'has' : 'have'} items in the training data, up to ${(100 * Math.max(...shares)).toFixed(0)} % of them; clean and dirty items differ beyond doubt in ${moved.length} of ${count(bounds.length, 'cell')}.`;
}

function published(cells: readonly BoardCell[]): Html | false {
  const figures = cells.flatMap(({ result, estimate }) =>
    (result.published ?? []).flatMap((figure) =>
      figure.same && figure.metric === result.primary && estimate?.ci95
        ? [figure.value >= estimate.ci95[0] && figure.value <= estimate.ci95[1]]
        : [],
    ),
  );
  if (figures.length === 0) return false;
  const inside = figures.filter((found) => found).length;
  return html`Of ${count(figures.length, 'figure')} published for the same model <strong>${inside}</strong> ${inside === 1 ? 'lies' : 'lie'} within our interval. `;
}

function meanOf(
  { means }: Board,
  model: number | undefined,
  shots: number | 'max' | undefined,
): BoardMean | undefined {
  return means.values.find((mean) => mean.model === model && mean.shots === shots);
}

/** With half the width of its interval. */
function percent({ value, ci95 }: BoardMean): Html {
  const spread = ci95 && (ci95[1] - ci95[0]) / 2;
  return html`<strong>${formatValue('acc', value)}</strong>${spread !== null && ` ± ${formatValue('acc', spread)}`}`;
}

function ratio(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toFixed(1);
}

function sentence(parts: readonly string[]): string {
  const [first = '', ...rest] = parts;
  const joined = [first.charAt(0).toUpperCase() + first.slice(1), ...rest];
  return joined.length < 2 ? (joined[0] ?? '') : `${joined.slice(0, -1).join(', ')}, and ${joined.at(-1)}`;
}
