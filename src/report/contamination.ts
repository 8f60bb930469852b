import type { OverlapPart } from '../record.ts';
import type { Board, BoardCell } from './board.ts';
import { type Chart, drawScatter, type Series } from './charts.ts';
import { formatChange, formatInterval, formatValue, isShare } from './format.ts';
import { type Html, html } from './html.ts';

/** What clean items gain over dirty ones against how many are dirty: nothing where no training data were searched. */
export function contaminationCharts(board: Board): Chart[] {
  const series = board.models.flatMap(({ name }, style): Series[] => {
    const points = board.cells.flatMap(({ model, task, shots, result: { overlap } }) => {
      const { difference } = overlap ?? {};
      if (model !== style || !overlap || !difference || !isShare(overlap.metric)) return [];
      const x = (100 * overlap.dirty.n) / overlap.all.n;
      const label = `${board.tasks[task]?.name}, k = ${shots}`;
      return [{ x, y: difference.value, ci95: difference.ci95, label }];
    });
    return points.length === 0 ? [] : [{ name, style, points }];
  });
  if (series.length === 0) return [];
  const title = 'Clean less dirty score against the share of dirty items';
  const svg = drawScatter({
    ...{ id: 'contamination', title, metric: 'acc', series, chance: 0 },
    ...{ yLabel: 'clean less dirty, points', x: { label: 'dirty items, %', kind: 'linear' } },
  });
  return [{ id: 'contamination', title, task: null, svg }];
}

/** The scores of all, clean and dirty items with the relative change that GPT-3's Table C.1 gives. */
export function contaminationTable(board: Board): Html | false {
  const searched = board.cells.filter((cell) => cell.result.overlap);
  if (searched.length === 0) return false;
  const cells = searched.filter((cell) => (cell.result.overlap?.dirty.n ?? 0) > 0);
  const clean = new Set(
    searched.map(({ task }) => task).filter((task) => !cells.some((c) => c.task === task)),
  );
  return html`<p class="soft">An item is dirty if it shares an n-gram with the training data. Clean and dirty items are disjoint; “change” is the clean score over that of all items, as in Table C.1 of the GPT-3 paper: below 0 the items that were seen are easier for the model.${clean.size > 0 && ` Nothing was found of ${[...clean].map((task) => board.tasks[task]?.name).join(', ')}.`}</p>
${cells.length > 0 && table(board, cells)}`;
}

function table(board: Board, cells: readonly BoardCell[]): Html {
  return html`<div class="wide tall" tabindex="0" role="region" aria-label="Scores of clean and dirty items"><table>
<thead><tr><th scope="col">task</th><th scope="col">model</th><th class="number" scope="col">k</th><th scope="col">method</th><th scope="col">metric</th><th class="number" scope="col">all</th><th class="number" scope="col">clean</th><th class="number" scope="col">dirty</th><th class="number" scope="col">dirty, %</th><th class="number" scope="col">change, %</th><th class="number" scope="col">clean less dirty</th><th class="number" scope="col">p</th></tr></thead>
<tbody>
${cells.map(({ task, model, shots, result: { overlap } }) => {
  if (!overlap) return false;
  const { metric, all, clean, dirty, relative, difference } = overlap;
  const score = ({ estimate, n }: OverlapPart): Html | false =>
    estimate !== null &&
    html`<strong>${formatValue(metric, estimate.value)}</strong> <span class="soft">${formatInterval(metric, estimate)}, n = ${n}</span>`;
  return html`<tr><th scope="row">${board.tasks[task]?.name}</th><td class="name">${board.models[model]?.name}</td><td class="number">${shots}</td><td class="name">${overlap.method}, N = ${overlap.ngram}</td><td>${metric}</td><td class="number">${score(all)}</td><td class="number">${score(clean)}</td><td class="number">${score(dirty)}</td><td class="number">${((100 * dirty.n) / Math.max(1, all.n)).toFixed(1)}</td><td class="number">${relative !== null && `${relative > 0 ? '+' : ''}${(100 * relative).toFixed(1)}`}</td><td class="number">${difference && formatChange(metric, difference)}</td><td class="number">${difference?.p?.toPrecision(2)}</td></tr>\n`;
})}
</tbody></table></div>`;
}
