import type { Board } from './board.ts';
import { formatInterval, formatValue } from './format.ts';
import { type Html, html } from './html.ts';
import { ALPHA, trajectories } from './trajectory.ts';

/** From which step on each task of each training is beyond chance; null where no models are checkpoints of one. */
export function trainingTable(board: Board): Html | null {
  const all = trajectories(board.runs.map(({ record }) => record)).filter(({ chance }) => chance !== null);
  if (all.length === 0) return null;
  const several = new Set(all.map(({ series }) => series)).size > 1;
  return html`<div class="wide" tabindex="0" role="region" aria-label="First steps beyond chance"><table>
<thead><tr>${several && html`<th scope="col">checkpoints</th>`}<th scope="col">task</th><th class="number" scope="col">k</th><th scope="col">metric</th><th class="number" scope="col">chance</th><th class="number" scope="col">first step beyond chance</th><th class="number" scope="col">score there</th><th class="number" scope="col">last step</th><th class="number" scope="col">score there</th></tr></thead>
<tbody>
${all.map(({ series, task, shots, metric, chance, scores, beyond }) => {
  const [at, last] = [scores.find(({ step }) => step === beyond), scores.at(-1)];
  const score = (own: typeof at): string =>
    own ? `${formatValue(metric, own.value)} (${formatInterval(metric, own)})` : '';
  return html`<tr>${several && html`<th scope="row">${series}</th>`}<th scope="row">${task}</th><td class="number">${shots}</td><td>${metric}</td><td class="number">${formatValue(metric, chance as number)}</td><td class="number">${beyond === null ? 'none' : String(beyond)}</td><td class="number">${score(at)}</td><td class="number">${last ? String(last.step) : ''}</td><td class="number">${score(last)}</td></tr>\n`;
})}
</tbody></table></div>
<p class="soft">Beyond chance: p ≤ ${ALPHA} of guessing so well, after Holm's adjustment over every score of every checkpoint here.</p>`;
}
