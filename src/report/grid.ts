import type { Board, BoardCell, Change } from './board.ts';
import { formatSize } from './charts.ts';
import {
  count,
  formatChange,
  formatDifference,
  formatInterval,
  formatShots,
  formatValue,
  isShare,
  lessIsBetter,
} from './format.ts';
import { type Html, html } from './html.ts';

/** A model's columns: the numbers of shots at which it has any cell. */
interface Column {
  readonly model: number;
  readonly k: number;
  /** The first of its model. */
  readonly begins: boolean;
}

/** The table of tasks by models and shots; without scripts it reads as it stands. */
export function grid(board: Board): Html {
  const columns = columnsOf(board);
  const groups = [...new Set(board.groups.map((group) => group.group))];
  return html`<div class="wide tall" tabindex="0" role="region" aria-label="Scores of every task">
<table id="grid">
<caption class="hidden">Tasks by models and numbers of shots. Each cell: the primary metric, its 95 % interval, changes, published figures and what to beware of.</caption>
<thead>
<tr><th class="first" rowspan="2" scope="col" data-sort="task">task</th>${board.models.map((model, m) => {
    const own = columns.filter((column) => column.model === m);
    if (own.length === 0) return false;
    return html`<th class="begins" colspan="${own.length}" scope="colgroup" data-model="${m}">${model.name}<span class="soft">${model.identity.parameters > 0 ? `${formatSize(model.identity.parameters)} parameters` : 'size not told'}</span></th>`;
  })}</tr>
<tr>${columns.map(({ model, k, begins }) => html`<th class="${begins ? 'number begins' : 'number'}" scope="col" data-model="${model}" data-k="${k}" data-sort="${model}.${k}">k = ${board.shots[k]}</th>`)}</tr>
</thead>
<tbody>
${board.tasks.map((_, task) => taskRow(board, task, columns))}
</tbody>
<tbody class="means">
${groups.map((name) => groupRow(board, name, columns))}
${board.means.tasks.length > 0 && meanRow(board, columns)}
</tbody>
</table></div>
<p class="soft">Each cell: the task's primary metric, its 95 % interval, and both on a line from 0 to 100 with chance as a tick; the change against k = 0 (<em>k</em>) and against the next smaller model (<em>size</em>) or the checkpoint before (<em>step</em>), paired by item; a published figure and ours less it (<em>paper</em>, ~ of a model of comparable size). ▲ and ▼ mark changes whose 95 % interval leaves out 0.${board.runs.some(({ record: { spec } }) => spec.draws < 3) && board.shots.some((k) => k !== 0) && ' Intervals at k > 0 are given this draw of shots.'}</p>`;
}

function columnsOf({ models, shots, cells }: Board): Column[] {
  const has = new Set(cells.map((cell) => `${cell.model} ${cell.shots}`));
  return [...models.keys()].flatMap((model) =>
    [...shots.keys()]
      .filter((k) => has.has(`${model} ${shots[k]}`))
      .map((k, i): Column => ({ model, k, begins: i === 0 })),
  );
}

function taskRow(board: Board, task: number, columns: readonly Column[]): Html {
  const own = [...board.cells.entries()].filter(([, cell]) => cell.task === task);
  const first = own[0]?.[1].result;
  const { name } = board.tasks[task] as { name: string };
  const marked = own.some(([, cell]) => marksOf(cell).length > 0);
  const changed = own.some(([, cell]) => [cell.fromZero, cell.fromSmaller].some(isSure));
  const seen = own.some(([, { result }]) => (result.overlap?.dirty.n ?? 0) > 0);
  return html`<tr data-task="${task}"${marked && html` data-marked`}${changed && html` data-changed`}${seen && html` data-seen`}><th scope="row"><a href="#task-${task}">${name}</a><span class="soft">${first?.primary}${(first?.chance ?? 0) > 0 && `, chance ${formatValue(first?.primary ?? '', first?.chance ?? 0)}`}</span></th>${columns.map(
    ({ model, k, begins }) => {
      const [at, cell] = own.find(([, c]) => c.model === model && c.shots === board.shots[k]) ?? [];
      const place = html`class="${begins ? 'number begins' : 'number'}" data-model="${model}" data-k="${k}"`;
      return cell ? html`<td ${place} data-cell="${at}">${gridCell(cell)}</td>` : html`<td ${place}></td>`;
    },
  )}</tr>\n`;
}

function gridCell(cell: BoardCell): Html {
  const { estimate, result, fromZero, fromSmaller } = cell;
  const { primary } = result;
  if (!estimate) return html`<span class="value">unscored</span>${marks(cell)}`;
  const [figure] = result.published?.filter((f) => f.metric === primary) ?? [];
  return html`<span class="value">${formatValue(primary, estimate.value)}</span><span class="interval">${formatInterval(primary, estimate)}</span>${isShare(primary) && bar(cell)}${fromZero && short(fromZero.kind, primary, fromZero)}${fromSmaller && short(fromSmaller.kind, primary, fromSmaller)}${figure && html`<span class="more" title="${figure.model}, ${figure.source}, ${figure.where}">paper ${figure.same ? '' : '~'}${formatValue(primary, figure.value)} (${formatDifference(primary, figure.difference)})</span>`}${parts(cell)}${marks(cell)}`;
}

/** The score on clean and on dirty items, where there are dirty ones. */
function parts({ result: { overlap } }: BoardCell): Html | false {
  if (!overlap || overlap.dirty.n === 0) return false;
  const score = (name: 'clean' | 'dirty'): string => {
    const { estimate } = overlap[name];
    return `${name} ${estimate ? formatValue(overlap.metric, estimate.value) : 'none'}`;
  };
  return html`<span class="more">${score('clean')}, ${score('dirty')}</span>`;
}

/** A change in a word; its interval is in the task's own table. */
function short(word: string, metric: string, change: Change): Html {
  return html`<span class="more" title="against ${change.against}: ${formatChange(metric, change)}, ${change.n} items">${word} ${signed(metric, change)}</span>`;
}

/** The interval on a line from 0 to 100 %, with chance; the numbers beside it say the same. */
function bar({ estimate, result }: BoardCell): Html {
  const x = (share: number): string => (4 + 92 * Math.min(1, Math.max(0, share))).toFixed(1);
  const [low, high] = estimate?.ci95 ?? [estimate?.value ?? 0, estimate?.value ?? 0];
  return html`<svg class="bar" viewBox="0 0 100 10" aria-hidden="true"><path class="axis" d="M4 5H96"/>${result.chance && html`<path class="chance" d="M${x(result.chance)} 0V10"/>`}<path d="M${x(low)} 5H${x(high)}"/><circle cx="${x(estimate?.value ?? 0)}" cy="5" r="4"/></svg>`;
}

/** Beyond doubt: the interval leaves out 0. */
function isSure(change: Pick<Change, 'ci95'> | null): boolean {
  const [low, high] = change?.ci95 ?? [0, 0];
  return low > 0 || high < 0;
}

/** A change with a mark where it is beyond doubt, which does not need colour. */
function signed(metric: string, { value, ci95 }: Change): Html {
  const text = formatDifference(metric, value);
  if (!isSure({ ci95 })) return html`${text}`;
  const better = value > 0 !== lessIsBetter(metric);
  return html`<span class="${better ? 'up' : 'down'}">${value > 0 ? '▲' : '▼'} ${text}</span>`;
}

/** The same with its interval. */
export function changeText(metric: string, change: Change): Html {
  return html`${signed(metric, change)}${formatChange(metric, change).slice(formatDifference(metric, change.value).length)}`;
}

interface Mark {
  readonly text: string;
  readonly title: string;
  readonly alarm?: boolean;
}

/** What to beware of in a cell: a word, and the sentence behind it. */
function marksOf({ result, run }: BoardCell): Mark[] {
  const { alarms } = result;
  const marks: Mark[] =
    alarms.length === 0
      ? []
      : [{ text: count(alarms.length, 'alarm'), title: alarms.join('; '), alarm: true }];
  const { overlap, tokens_dropped, ties, unscored, shots_used } = result;
  if (overlap) {
    const share = `${((100 * overlap.dirty.n) / Math.max(1, overlap.all.n)).toFixed(0)} %`;
    const parts = (['clean', 'dirty'] as const).map((part) => {
      const { n, estimate } = overlap[part];
      return `${part} ${estimate ? formatValue(overlap.metric, estimate.value) : 'none'} (${n} items)`;
    });
    if (overlap.dirty.n > 0)
      marks.push({
        text: `seen ${share}`,
        title: `${share} of the items stand in the training data: ${parts.join(', ')}`,
      });
  }
  if (formatShots(result) !== String(result.shots)) {
    const { min, mean, max } = shots_used;
    marks.push({
      text: `${min === max ? min : mean.toFixed(1)} of ${result.shots} shots`,
      title: `of ${result.shots} shots ${min === max ? min : `${min} to ${max}`} fitted the window`,
    });
  }
  if (tokens_dropped > 0)
    marks.push({ text: 'cut', title: `${tokens_dropped} tokens were cut to fit the window` });
  if (ties > 0)
    marks.push({
      text: ties === 1 ? '1 tie' : `${ties} ties`,
      title: `${ties} items whose best choices cannot be told apart`,
    });
  if (unscored > 0 || result.n === 0) {
    const [reason = 'no reason is recorded'] = Object.keys(result.reasons ?? {});
    marks.push({ text: `${unscored} unscored`, title: reason });
  }
  if (run.record.status === 'partial')
    marks.push({ text: 'partial', title: 'the run was stopped before all was scored' });
  return marks;
}

function marks(cell: BoardCell): Html | false {
  const all = marksOf(cell);
  if (all.length === 0) return false;
  return html`<span class="more">${all.map(({ text, title, alarm }) => html`<span class="${alarm ? 'mark alarm' : 'mark'}" title="${title}">${text}<span class="hidden">: ${title}</span></span>`)}</span>`;
}

function groupRow(board: Board, name: string, columns: readonly Column[]): Html {
  const own = board.groups.filter((group) => group.group === name);
  return html`<tr><th scope="row">mean of ${name}<span class="soft">${own[0]?.metric}, ${own[0]?.tasks} tasks</span></th>${columns.map(
    ({ model, k, begins }) => {
      const found = own.find((group) => group.model === model && group.shots === board.shots[k]);
      return html`<td class="${begins ? 'number begins' : 'number'}" data-model="${model}" data-k="${k}">${found && html`<span class="value">${formatValue(found.metric, found.value)}</span><span class="interval">${formatInterval(found.metric, found)}</span>`}</td>`;
    },
  )}</tr>\n`;
}

function meanRow({ means, shots }: Board, columns: readonly Column[]): Html {
  return html`<tr><th scope="row">mean centred score<span class="soft">${count(means.tasks.length, 'task')}, chance 0</span></th>${columns.map(
    ({ model, k, begins }) => {
      const found = means.values.find((mean) => mean.model === model && mean.shots === shots[k]);
      return html`<td class="${begins ? 'number begins' : 'number'}" data-model="${model}" data-k="${k}">${found && html`<span class="value">${formatValue('acc', found.value)}</span><span class="interval">${formatInterval('acc', found)}</span>`}</td>`;
    },
  )}</tr>\n`;
}
