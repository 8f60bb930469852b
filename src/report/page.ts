import type { Board } from './board.ts';
import type { Chart } from './charts.ts';
import { contaminationTable } from './contamination.ts';
import { boardCsv, boardJson, boardMarkdown } from './exports.ts';
import { count, MEANING } from './format.ts';
import { grid } from './grid.ts';
import { Html, html } from './html.ts';
import { identities } from './identity.ts';
import { cspHash, jsonForScript, pack } from './pack.ts';
import type { PageData } from './page-data.ts';
import { pageData, VIEWS } from './page-views.ts';
import { STYLE } from './style.ts';
import { summary } from './summary.ts';
import { figures, taskSection } from './task-section.ts';
import { trainingTable } from './training.ts';

export interface PageParts {
  readonly board: Board;
  readonly charts: readonly Chart[];
  /** Packed examples by task, to lie in the page; null where a task has none there. */
  readonly examples: readonly (string | null)[];
  /** Files beside the page that hold all examples, by task. */
  readonly files?: PageData['files'];
  /** The page's script. */
  readonly script: string;
}

/** The leaderboard: one page that needs nothing but itself, and reads without its script. */
export function page({ board, charts, examples, files, script }: PageParts): string {
  const { models, tasks, shots, runs, notes } = board;
  const overview = charts.filter((chart) => chart.task === null && chart.id !== 'contamination');
  const [means, rest] = [
    overview.filter(({ id }) => id.startsWith('mean-')),
    overview.filter(({ id }) => !id.startsWith('mean-')),
  ];
  const [dirty, steps] = [contaminationTable(board), trainingTable(board)];
  const unsplit = tasks.length === 1 ? charts.filter((chart) => chart.task === 0) : [];
  const shown = means.length > 0 && tasks.length > 1 ? means : unsplit;
  const texts: readonly [string, string][] = [
    ['csv', boardCsv(board)],
    ['md', boardMarkdown(board)],
    ['json', boardJson(board)],
  ];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy(script, files !== undefined)}">
<meta name="referrer" content="no-referrer">
<title>evalgpt leaderboard</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header>
<h1>evalgpt leaderboard</h1>
<p class="soft">${count(tasks.length, 'task')}, ${count(models.length, 'model')}, k = ${shots.join(', ')}, from ${count(runs.length, 'run')}. Shares in per cent; 95 % intervals.</p>
</header>
<main>
${summary(board)}
${notes.length > 0 && html`<div class="notes" role="note"><p>Before you compare:</p><ul>${notes.map((note) => html`<li>${note}</li>`)}</ul></div>`}
${shown.length > 0 && html`<h2>What k and size buy</h2>\n${figures(shown)}`}
${rest.length > 0 && html`<details${shown.length === 0 && html` open`}><summary>Means of ${count(new Set(board.groups.map((g) => g.group)).size, 'group')}</summary>${figures(rest)}</details>`}
<h2 id="scores">Scores</h2>
${tools(board)}
${grid(board)}
${dirty && html`<h2 id="contamination-scores">Contamination</h2>\n${figures(charts.filter(({ id }) => id === 'contamination'))}\n${dirty}`}
${steps && html`<h2 id="training">Training</h2>\n${steps}`}
<h2 id="tasks">Tasks and examples</h2>
<p class="soft">Every cell, draw and metric of a task, published figures with the reasons for which they may differ, and ${files ? 'all of' : 'the most interesting of'} its examples, down to each token.</p>
${tasks.map((_, task) =>
  taskSection(
    board,
    task,
    charts.filter((chart) => chart.task === task),
    examples[task] !== null || (files?.[task]?.length ?? 0) > 0,
  ),
)}
<h2>Metrics</h2>
<dl class="metrics">
${metricsOf(board).map((name) => html`<dt>${name}</dt><dd>${MEANING[name] ?? 'of a task of its own'}</dd>\n`)}
</dl>
<h2 id="runs">Runs</h2>
${identities(runs)}
</main>
<footer>Made by evalgpt ${[...new Set(runs.map(({ record }) => record.spec.evalgpt))].join(', ')}. This page loads nothing${files ? ' but the files of examples beside it' : ''}.</footer>
<script type="application/json" id="data">${jsonForScript(pageData(board, files))}</script>
${examples.map((packed, task) => packed !== null && html`<script type="text/plain" data-block="${task}">${packed}</script>\n`)}
${texts.map(([name, text]) => html`<script type="text/plain" data-export="${name}">${pack(text)}</script>\n`)}
<script>${new Html(script)}</script>
</body>
</html>
`.text;
}

/** Nothing is loaded; of scripts only the page's own runs, and what that loads where there are files beside the page. */
function policy(script: string, files: boolean): string {
  const scripts = `${cspHash(script)}${files ? " 'strict-dynamic'" : ''}`;
  return `default-src 'none'; script-src ${scripts}; style-src ${cspHash(STYLE)}; base-uri 'none'; form-action 'none'`;
}

/** The controls, which the page's script shows and fills with life. */
function tools(board: Board): Html {
  const choices = (name: string, legend: string, texts: readonly string[]): Html =>
    html`<fieldset><legend>${legend}</legend><div class="choices">${texts.map((text, i) => html`<label><input type="checkbox" name="${name}" value="${i}" checked>${text}</label>`)}</div></fieldset>`;
  return html`<form id="tools" hidden>
<div><label class="above" for="search">Search tasks</label><input id="search" name="search" type="search" size="16" autocomplete="off"></div>
<div><label class="above" for="filter">Show</label><select id="filter" name="filter"><option value="">all tasks</option><option value="marked">with something to beware of</option><option value="changed">changed beyond doubt</option><option value="seen">with items in training data</option></select></div>
<div><label class="above" for="view">Metric</label><select id="view" name="view">${Object.entries(VIEWS).map(([view, label]) => html`<option value="${view}">${label}</option>`)}<optgroup label="one metric">${metricsOf(board).map((name) => html`<option value="metric ${name}">${name}</option>`)}</optgroup></select></div>
${board.shots.length > 1 && choices('k', 'Shots (k)', board.shots.map(String))}
${
  board.models.length > 1 &&
  choices(
    'model',
    'Models',
    board.models.map(({ name }) => name),
  )
}
<div class="end"><button type="button" data-save="csv">CSV</button><button type="button" data-save="md">Markdown</button><button type="button" data-save="json">JSON</button></div>
</form>
<p id="status" role="status"></p>`;
}

function metricsOf({ cells }: Board): string[] {
  return [...new Set(cells.flatMap(({ result }) => [result.primary, ...Object.keys(result.metrics)]))];
}
