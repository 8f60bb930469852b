import type { CellResult, GroupResult, PublishedComparison, RunRecord } from '../types.ts';
import {
  describeBackend,
  formatDifference,
  formatDraw,
  formatInterval,
  formatShots,
  formatValue,
  MEANING,
} from './format.ts';
import { Html, html } from './html.ts';
import { notesOf } from './table.ts';

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d0d0d0, #444); --soft: light-dark(#555, #aaa); }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.soft { color: var(--soft); font-size: .9em; }
.wide { overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; overflow-wrap: anywhere; }
dd { margin: 0; }
td ul { margin: 0; padding-left: 1.2em; }
`;

/** One self-contained page: the run's results, a table a model, and what identifies the run. */
export function leaderboard(record: RunRecord): string {
  const { spec, environment } = record;
  const met = [...new Set(record.results.flatMap((r) => Object.keys(r.metrics)))];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>evalgpt leaderboard</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<h1>evalgpt leaderboard</h1>
<p class="soft">Accuracies in per cent, with 95 % intervals${spec.shots.some((k) => k !== 0) && spec.draws < 3 ? '; at k > 0 given this draw of shots' : ''}.</p>
${spec.models.map(
  (model) => html`<h2>${model.ref}</h2>
<p class="soft">${model.architecture}, ${model.parameters.toLocaleString('en-US')} parameters</p>
<div class="wide"><table>
<thead><tr><th scope="col">task</th><th scope="col">shots</th><th scope="col">n</th><th scope="col">metric</th><th scope="col">value</th><th scope="col">95 % interval</th><th scope="col">chance</th><th scope="col">notes</th></tr></thead>
<tbody>
${record.results.filter((r) => r.model === model.ref).map(rows)}
</tbody></table></div>
${groupSection(record.groups.filter((g) => g.model === model.ref))}
${publishedSection(record.results.filter((r) => r.model === model.ref))}`,
)}
<h3>Metrics</h3>
<dl>
${met.map((name) => html`<dt>${name}</dt><dd>${MEANING[name] ?? ''}</dd>\n`)}
</dl>
<h2>This run</h2>
<dl>
${identity(record).map(([term, text]) => html`<dt>${term}</dt><dd>${text}</dd>\n`)}
</dl>
${environment.warnings.length > 0 && html`<h3>Warnings</h3><ul>${environment.warnings.map((w) => html`<li>${w}</li>`)}</ul>`}
</body>
</html>
`;
  return page.text;
}

function rows(result: CellResult): Html[] {
  const metrics = Object.entries(result.metrics);
  const draw = result.draws
    ? `, ${formatDraw(result)} draws`
    : result.draw === undefined
      ? ''
      : `, draw ${result.draw}`;
  const head = html`<th scope="row">${result.task}</th><td>${formatShots(result)}${draw}</td><td class="number">${result.n}</td>`;
  if (metrics.length === 0) {
    const reason = Object.keys(result.reasons ?? {}).join('; ');
    return [
      html`<tr>${head}<td>${result.primary}</td><td>unscored</td><td></td><td></td><td>${reason}</td></tr>\n`,
    ];
  }
  return metrics.map(([name, estimate]) => {
    const primary = name === result.primary;
    const value = formatValue(name, estimate.value);
    return html`<tr>${head}<td>${name}</td><td class="number">${primary ? html`<strong>${value}</strong>` : value}</td><td class="number">${formatInterval(name, estimate)}</td><td class="number">${primary && result.chance ? formatValue(name, result.chance) : ''}</td><td>${primary && notesOf(result)}</td></tr>\n`;
  });
}

/** A model's means over tasks, each task weighing the same. */
function groupSection(groups: readonly GroupResult[]): Html | false {
  if (groups.length === 0) return false;
  return html`<h3>Means over tasks</h3>
<div class="wide"><table>
<thead><tr><th scope="col">mean of</th><th scope="col">shots</th><th scope="col">tasks</th><th scope="col">metric</th><th scope="col">value</th><th scope="col">95 % interval</th></tr></thead>
<tbody>
${groups.map((g) => html`<tr><th scope="row">${g.group}</th><td>${g.shots}</td><td class="number">${g.tasks}</td><td>${g.metric}</td><td class="number">${formatValue(g.metric, g.value)}</td><td class="number">${formatInterval(g.metric, g)}</td></tr>\n`)}
</tbody></table></div>`;
}

/** A model's results beside published figures, with the reasons for which the two may differ. */
function publishedSection(results: readonly CellResult[]): Html | false {
  if (results.every((result) => result.published === undefined)) return false;
  return html`<h3>Published figures</h3>
<p class="soft">Of the model itself, or (~) of one of comparable size. Differences are ours less the published.</p>
<div class="wide"><table>
<thead><tr><th scope="col">task</th><th scope="col">shots</th><th scope="col">metric</th><th scope="col">value</th><th scope="col">published</th><th scope="col">difference</th><th scope="col">of</th><th scope="col">why they may differ</th></tr></thead>
<tbody>
${results.map((result) => result.published?.map((figure) => publishedRow(result, figure)))}
</tbody></table></div>`;
}

function publishedRow(result: CellResult, figure: PublishedComparison): Html {
  const { metric, value, measured, difference, same, k, why } = figure;
  const shots = k === null || k === result.shots ? formatShots(result) : `${formatShots(result)}; ${k} there`;
  return html`<tr><th scope="row">${result.task}</th><td>${shots}</td><td>${metric}</td><td class="number">${formatValue(metric, measured)}</td><td class="number">${same ? '' : '~'}${formatValue(metric, value)}</td><td class="number">${formatDifference(metric, difference)}</td><td>${figure.model}<div class="soft">${figure.source}, ${figure.where}</div></td><td>${why.length > 0 && html`<ul>${why.map((reason) => html`<li>${reason}</li>`)}</ul>`}</td></tr>\n`;
}

function identity(record: RunRecord): [string, string][] {
  const { spec, environment } = record;
  return [
    ['evalgpt', spec.evalgpt],
    ['status', record.status],
    ['seed', String(spec.seed)],
    ['limit', spec.limit === null ? 'none' : String(spec.limit)],
    ['overflow', spec.overflow],
    ['device, precision', `${spec.device}, ${spec.dtype}`],
    ...environment.backends.map((b): [string, string] => [`${b.model} ran on`, describeBackend(b)]),
    ...spec.models.map((m): [string, string] => [`weights of ${m.ref}`, `sha256 ${m.sha256}`]),
    ...spec.tasks.map((t): [string, string] => [
      t.name,
      `version ${t.version}, protocol ${t.protocol}, data ${t.dataset} sha256 ${t.dataset_sha256 || 'unknown'}, shots from ${t.shot_pool} (${t.draw} draw)`,
    ]),
    [
      'environment',
      `Node ${environment.node}, onnxruntime ${environment.ort}, ${environment.platform}, ${environment.threads} threads`,
    ],
    ['git', environment.git ?? 'unknown'],
  ];
}
