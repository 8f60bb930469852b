import type { PublishedComparison } from '../record.ts';
import type { Board, BoardCell } from './board.ts';
import type { Chart } from './charts.ts';
import { formatDifference, formatDraw, formatInterval, formatShots, formatValue } from './format.ts';
import { changeText } from './grid.ts';
import { type Html, html } from './html.ts';
import { notesOf } from './table.ts';

/** All of a task: charts, every cell and draw, every metric, published figures with reasons, room for its examples. */
export function taskSection(board: Board, task: number, charts: readonly Chart[], examples: boolean): Html {
  const cells = board.cells.filter((cell) => cell.task === task);
  const { name, identity } = board.tasks[task] as Board['tasks'][number];
  return html`<details class="task" id="task-${task}" data-task="${task}">
<summary><h3>${name}</h3> <span class="soft">version ${identity.version}, protocol ${identity.protocol}, ${cells[0]?.result.primary}, ${cells[0]?.result.n ?? 0} items</span></summary>
<div>
${poolText(identity)}${figures(charts)}
${cellTable(board, cells)}
${metricTable(board, cells)}
${publishedTable(board, cells)}
${examples && html`<h4>Examples</h4>\n<div class="examples" data-examples-of="${task}"><p class="soft">Examples are unpacked by this page's script, which does not run here.</p></div>`}
</div>
</details>
`;
}

/** What the pool of shots has of the scored split, told without being asked. */
function poolText({ shot_pool, pool }: Board['tasks'][number]['identity']): Html | false {
  if (!pool) return false;
  const { examples, duplicates, ngram, grams = 0, matched = 0, dirty = 0 } = pool;
  const shared =
    ngram === undefined || grams === 0
      ? ''
      : ` Of the items' ${ngram}-grams ${((100 * matched) / grams).toFixed(2)} % stand there, too, in ${dirty} items (as in table 6 of the GPT-2 paper).`;
  return html`<p class="soft">Shots come from ${examples} examples (${shot_pool}); ${duplicates === 0 ? 'no item has' : `${duplicates} items have`} the same question among them, which is never a shot of theirs.${shared}</p>\n`;
}

export function figures(charts: readonly Chart[]): Html | false {
  if (charts.length === 0) return false;
  return html`<div class="charts">${charts.map((chart) => html`<figure data-chart="${chart.id}"><figcaption>${chart.title}</figcaption>${chart.svg}</figure>\n`)}</div>`;
}

function cellTable(board: Board, cells: readonly BoardCell[]): Html {
  return html`<h4>Every cell</h4>
<div class="wide" tabindex="0" role="region" aria-label="Cells of ${board.tasks[cells[0]?.task ?? 0]?.name}"><table>
<thead><tr><th scope="col">model</th><th scope="col">shots</th><th scope="col">draw</th><th class="number" scope="col">n</th><th scope="col">metric</th><th class="number" scope="col">value</th><th class="number" scope="col">95 % interval</th><th class="number" scope="col">chance</th><th class="number" scope="col">centred</th><th class="number" scope="col">against k = 0</th><th class="number" scope="col">against the smaller</th><th class="number" scope="col">clean</th><th class="number" scope="col">dirty</th><th scope="col">notes</th></tr></thead>
<tbody>
${cells.map((cell) => cellRows(board, cell))}
</tbody></table></div>`;
}

function cellRows(board: Board, cell: BoardCell): Html[] {
  const { result, estimate, centred, fromZero, fromSmaller, draws } = cell;
  const { primary, chance, overlap } = result;
  const model = board.models[cell.model]?.name;
  const part = (name: 'clean' | 'dirty'): Html | false => {
    const found = overlap?.[name];
    return found?.estimate
      ? html`${formatValue(primary, found.estimate.value)} <span class="soft">${formatInterval(primary, found.estimate)}, n = ${found.n}</span>`
      : false;
  };
  const reason = estimate ? '' : Object.keys(result.reasons ?? {}).join('; ');
  const main = html`<tr><th scope="row">${model}</th><td>${formatShots(result)}</td><td>${formatDraw(result)}</td><td class="number">${result.n}</td><td>${primary}</td><td class="number"><strong>${estimate ? formatValue(primary, estimate.value) : 'unscored'}</strong></td><td class="number">${estimate && formatInterval(primary, estimate)}</td><td class="number">${chance ? formatValue(primary, chance) : ''}</td><td class="number">${centred && formatValue('acc', centred.value)}</td><td class="number">${fromZero && html`${changeText(primary, fromZero)} <span class="soft">n = ${fromZero.n}</span>`}</td><td class="number">${fromSmaller && html`${changeText(primary, fromSmaller)} <span class="soft">n = ${fromSmaller.n}</span>`}</td><td class="number">${part('clean')}</td><td class="number">${part('dirty')}</td><td class="long">${reason || notesOf(result)}</td></tr>\n`;
  if (draws.length < 2) return [main];
  const each = draws.map((draw) => {
    const own = draw.metrics[primary];
    return html`<tr><th scope="row">${model}</th><td>${formatShots(draw)}</td><td>${formatDraw(draw)}</td><td class="number">${draw.n}</td><td>${primary}</td><td class="number">${own ? formatValue(primary, own.value) : 'unscored'}</td><td class="number">${own && formatInterval(primary, own)}</td><td></td><td></td><td></td><td></td><td></td><td></td><td>${notesOf(draw)}</td></tr>\n`;
  });
  return [main, ...each];
}

function metricTable(board: Board, cells: readonly BoardCell[]): Html | false {
  const names = [...new Set(cells.flatMap((cell) => Object.keys(cell.result.metrics)))];
  if (names.length < 2) return false;
  return html`<h4>Every metric</h4>
<div class="wide" tabindex="0" role="region" aria-label="Metrics of ${board.tasks[cells[0]?.task ?? 0]?.name}"><table>
<thead><tr><th scope="col">model</th><th scope="col">shots</th>${names.map((name) => html`<th class="number" scope="col">${name}</th>`)}</tr></thead>
<tbody>
${cells.map(
  ({ model, shots, result }) =>
    html`<tr><th scope="row">${board.models[model]?.name}</th><td>${shots}</td>${names.map((name) => {
      const found = result.metrics[name];
      return html`<td class="number">${found && html`${formatValue(name, found.value)} <span class="soft">${formatInterval(name, found)}</span>`}</td>`;
    })}</tr>\n`,
)}
</tbody></table></div>`;
}

/** Published figures beside ours, with the reasons for which the two may differ. */
function publishedTable(board: Board, cells: readonly BoardCell[]): Html | false {
  if (cells.every((cell) => cell.result.published === undefined)) return false;
  return html`<h4>Published figures</h4>
<p class="soft">Of the model itself, or (~) of one of comparable size. Differences are ours less the published.</p>
<div class="wide" tabindex="0" role="region" aria-label="Published figures of ${board.tasks[cells[0]?.task ?? 0]?.name}"><table>
<thead><tr><th scope="col">model</th><th scope="col">shots</th><th scope="col">metric</th><th class="number" scope="col">value</th><th class="number" scope="col">published</th><th class="number" scope="col">difference</th><th scope="col">of</th><th scope="col">why they may differ</th></tr></thead>
<tbody>
${cells.map((cell) => cell.result.published?.map((figure) => publishedRow(board, cell, figure)))}
</tbody></table></div>`;
}

function publishedRow(board: Board, { model, result }: BoardCell, figure: PublishedComparison): Html {
  const { metric, value, measured, difference, same, k, why } = figure;
  const shots = k === null || k === result.shots ? formatShots(result) : `${formatShots(result)}; ${k} there`;
  return html`<tr><th scope="row">${board.models[model]?.name}</th><td>${shots}</td><td>${metric}</td><td class="number">${formatValue(metric, measured)}</td><td class="number">${same ? '' : '~'}${formatValue(metric, value)}</td><td class="number">${formatDifference(metric, difference)}</td><td>${figure.model}<div class="soft">${figure.source}, ${figure.where}</div></td><td class="long">${why.length > 0 && html`<ul>${why.map((reason) => html`<li>${reason}</li>`)}</ul>`}</td></tr>\n`;
}
