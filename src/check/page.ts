import { Html, html } from '../report/html.ts';
import type { CellFlips, Flip } from './flips.ts';
import { describeRun, HEADER, headline, type Outcome, rules, testRow } from './outcome.ts';

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d0d0d0, #444); --soft: light-dark(#555, #aaa); --bad: light-dark(#b00020, #ff8a80); --good: light-dark(#00612e, #7ddf9e); }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
.regressed td:last-child, .lost { color: var(--bad); font-weight: 600; }
.improved td:last-child, .won { color: var(--good); }
.soft { color: var(--soft); font-size: .9em; }
.wide { overflow-x: auto; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 16rem; overflow-y: auto; font-size: .85em; }
`;

/** A check as one self-contained page: the tests, and the items whose answers changed. */
export function outcomePage(outcome: Outcome, flips: readonly CellFlips[]): string {
  const { baseline, candidate, result } = outcome;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>evalgpt check: ${result.verdict}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<h1>${headline(outcome)}</h1>
<p>Baseline: ${describeRun(baseline)}<br>Candidate: ${describeRun(candidate)}</p>
<div class="wide"><table>
<thead><tr>${HEADER.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>
${result.cells.flatMap((cell) =>
  cell.tests.map(
    (test) => html`<tr class="${test.verdict}">${testRow(test).map((text) => html`<td>${text}</td>`)}</tr>\n`,
  ),
)}
</tbody></table></div>
<p class="soft">${rules(outcome)}</p>
${result.notes.length > 0 && html`<ul>${result.notes.map((note) => html`<li>${note}</li>`)}</ul>`}
${flips.map(flipSection)}
</body>
</html>
`.text;
}

function flipSection({ task, shots, lost, won, flips }: CellFlips): Html {
  const more = lost + won - flips.length;
  return html`<h2>${task}, k = ${shots}: ${lost} items lost, ${won} won</h2>
<div class="wide"><table>
<thead><tr><th scope="col">item</th><th scope="col">score</th><th scope="col">gold, nats</th><th scope="col">answer before</th><th scope="col">now</th><th scope="col">text</th></tr></thead>
<tbody>
${flips.map(flipRow)}
</tbody></table></div>
${more > 0 && html`<p class="soft">${more} more are not shown.</p>`}
`;
}

function flipRow({ id, before, after, logprob, answers, text }: Flip): Html {
  const round = (value: number): string => String(Number(value.toFixed(3)));
  const change = logprob === null ? '' : `${logprob < 0 ? '' : '+'}${logprob.toFixed(3)}`;
  return html`<tr><td>${id}</td><td class="${after < before ? 'lost' : 'won'}">${round(before)} → ${round(after)}</td><td>${change}</td><td>${answers[0]}</td><td>${answers[1]}</td><td>${text !== null && html`<pre>${text}</pre>`}</td></tr>
`;
}
