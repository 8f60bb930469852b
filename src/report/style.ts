import { SERIES_COLOURS } from './charts.ts';

const series = SERIES_COLOURS.map(([light, dark], i) => `--series-${i}: light-dark(${light}, ${dark});`);

/**
 * The page's style. One accent; whatever a colour says, a sign, a symbol or a word says, too. Tokens are shaded in
 * steps of one hue, the darker (in light) the less probable.
 */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --page: light-dark(#fff, #14161a); --panel: light-dark(#f6f7f9, #1b1e23); --ink: light-dark(#16181d, #e6e7e9);
  --soft: light-dark(#585e69, #a3a9b4); --line: light-dark(#dfe2e7, #33383f); --strong-line: light-dark(#b9bfc9, #525963);
  --accent: light-dark(#0067a8, #6db9f2); --better: light-dark(#00619b, #76c0f5); --worse: light-dark(#a33f00, #ffab7a);
  ${series.join(' ')}
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;
  margin: 0 auto; max-width: 100rem; padding: 1.75rem 2rem 4rem;
  background: var(--page); color: var(--ink); overflow-wrap: anywhere;
}
h1 { font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; margin: 0; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 2.75rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .4rem; }
h4 { font-size: .93rem; margin: 1.4rem 0 .4rem; }
p { margin: .4rem 0; max-width: 75ch; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 2px; }
a, button, input, select, summary, [tabindex] { outline-offset: 2px; }
:focus-visible { outline: 2px solid var(--accent); }
code { font: .9em ui-monospace, 'SF Mono', Menlo, Consolas, monospace; }
strong { font-weight: 650; }
.soft { color: var(--soft); font-size: .88em; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
dl.summary { display: grid; grid-template-columns: max-content minmax(0, 78ch); gap: .35rem 1.25rem; margin: 1.1rem 0 0; }
dl.summary dt { font-weight: 650; }
dl.summary dd, dl.summary strong { font-variant-numeric: tabular-nums; }
dd { margin: 0; }
.notes { border-left: 3px solid var(--worse); padding: .1rem 0 .1rem 1rem; margin: 1.25rem 0; }
.notes ul { margin: 0; padding-left: 1.1em; max-width: 85ch; }

.wide { overflow: auto; max-width: 100%; position: relative; }
.wide.tall { max-height: 88vh; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: separate; border-spacing: 0; font-size: .9rem; line-height: 1.4; }
caption { text-align: left; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .7rem; text-align: left; vertical-align: top; }
th { font-weight: 600; }
thead th { background: var(--panel); vertical-align: bottom; white-space: nowrap; }
.number { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; overflow-wrap: normal; }
td ul { margin: 0; padding-left: 1.1em; }
.wide { overflow-wrap: break-word; }
th[scope=row] { white-space: nowrap; }
td.name { white-space: nowrap; }
.long { min-width: 16rem; max-width: 26rem; }
#grid thead tr > * { position: sticky; z-index: 2; }
#grid thead tr:first-child > * { top: 0; height: 3.6rem; vertical-align: top; }
#grid thead tr:last-child > .number { top: 3.6rem; }
#grid th[scope=row], #grid thead .first { position: sticky; left: 0; min-width: 9.5rem; max-width: 16rem; white-space: normal; overflow-wrap: anywhere; }
#grid th[scope=row] { background: var(--page); z-index: 1; }
#grid thead .first { z-index: 3; vertical-align: bottom; }
#grid .begins { border-left: 1px solid var(--strong-line); }
#grid tbody tr:hover > * { background: var(--panel); }
#grid td { min-width: 5.9rem; }
#grid .value { display: block; font-weight: 650; font-size: 1.02rem; }
#grid .interval, #grid .more { display: block; color: var(--soft); font-size: .8rem; }
#grid .more { white-space: normal; max-width: 9.5rem; margin-left: auto; }
#grid th .soft { display: block; font-weight: 400; }
#grid.other .more, #grid.other .bar { display: none; }
#grid .means th, #grid .means td { background: var(--panel); }
#grid tbody:last-child tr:last-child > * { border-bottom: 0; }
.bar { display: block; width: 4.5rem; height: 8px; margin: 2px 0 3px auto; }
.bar path { stroke: var(--soft); stroke-width: 1.5; fill: none; vector-effect: non-scaling-stroke; }
.bar .axis { stroke: var(--line); }
.bar .chance { stroke: var(--ink); }
.bar circle { fill: var(--accent); }
.up { color: var(--better); font-weight: 600; } .down { color: var(--worse); font-weight: 600; }
.mark { display: inline-block; border: 1px solid var(--strong-line); border-radius: 3px; padding: 0 .3em; margin: 2px 0 0 3px; color: var(--ink); line-height: 1.35; white-space: nowrap; }
.mark.alarm { color: var(--worse); border-color: currentColor; font-weight: 600; }

.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem 2rem; margin: 1rem 0; }
figure { margin: 0; min-width: 0; max-width: 36rem; }
figcaption { font-weight: 600; font-size: .9rem; display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; }
figure svg { width: 100%; height: auto; display: block; overflow: visible; }
figcaption button { border: 0; background: none; color: var(--accent); font-size: .8rem; padding: 0 .2rem; white-space: nowrap; overflow-wrap: normal; }

#tools { display: flex; flex-wrap: wrap; gap: .7rem 1.4rem; align-items: end; margin: .8rem 0; }
#tools > * { min-width: 0; max-width: 100%; }
#tools select { max-width: min(100%, 22rem); }
#tools[hidden], [hidden] { display: none; }
#tools fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
#tools .choices { display: flex; flex-wrap: wrap; gap: .1rem .9rem; padding: .22rem 0; }
#tools legend, #tools label.above { font-size: .8rem; color: var(--soft); display: block; padding: 0; }
#tools .end { margin-left: auto; display: flex; gap: .4rem; flex-wrap: wrap; }
button, input, select { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--strong-line); border-radius: 4px; padding: .2rem .55rem; max-width: 100%; }
#tools input[type=search], #tools select, #tools .end button { height: 2.05rem; }
button { cursor: pointer; } button:hover { border-color: var(--accent); }
input[type=checkbox] { accent-color: var(--accent); margin: 0 .3em 0 0; }
th button { border: 0; background: none; padding: 0; font-weight: 600; text-align: inherit; }
th button:hover { text-decoration: underline; }
th[aria-sort=ascending] button::after { content: ' ▲'; } th[aria-sort=descending] button::after { content: ' ▼'; }
#status { color: var(--soft); font-size: .88rem; min-height: 1.4em; margin: .2rem 0; }

details > summary { cursor: pointer; }
details.task { border-top: 1px solid var(--line); }
details.task:last-of-type { border-bottom: 1px solid var(--line); }
details.task > summary { padding: .5rem .2rem; }
details.task > summary:hover { background: var(--panel); }
details.task > div { padding: 0 .2rem 1.5rem 1.1rem; }
summary h3 { display: inline; font-size: .95rem; margin-right: .6rem; }
.examples > form { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin: .4rem 0; }
.examples ol { list-style: none; padding: 0; margin: .4rem 0; border-bottom: 1px solid var(--line); }
.examples > ol > li { border-top: 1px solid var(--line); }
.examples > ol > li > button { display: grid; grid-template-columns: minmax(0, 1fr) max-content; gap: 0 1rem; width: 100%; border: 0; border-radius: 0; padding: .35rem .3rem; background: none; text-align: left; }
.examples > ol > li > button:hover, .examples > ol > li > button[aria-expanded=true] { background: var(--panel); }
.examples .line { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; unicode-bidi: plaintext; }
.examples .kinds { font-size: .8rem; color: var(--soft); text-align: right; }
.example { padding: .3rem .3rem 1.2rem 1rem; }
.example tr.chosen > * { background: var(--panel); }
.example tr.chosen > :first-child { box-shadow: inset 3px 0 var(--accent); }
pre { white-space: pre-wrap; background: var(--panel); padding: .7rem .9rem; border-radius: 4px; max-height: 26rem; overflow: auto; font: .85rem/1.5 ui-monospace, 'SF Mono', Menlo, Consolas, monospace; unicode-bidi: plaintext; margin: .4rem 0; max-width: 110ch; }
pre .shots { color: var(--soft); }
.tokens { font: .87rem/1.75 ui-monospace, 'SF Mono', Menlo, Consolas, monospace; white-space: pre-wrap; max-width: 110ch; unicode-bidi: isolate; }
.token { border-radius: 2px; padding: 1px 0; margin-right: 1px; } .token.miss { text-decoration: underline dotted; text-underline-offset: 3px; }
.p0 { background: light-dark(#eef4fa, #1d2731); } .p1 { background: light-dark(#fdeecb, #3b3118); } .p2 { background: light-dark(#fbd594, #573d12); } .p3 { background: light-dark(#f8b566, #76450d); } .p4 { background: light-dark(#f3924a, #96400a); }
.key { display: flex; flex-wrap: wrap; gap: .2rem .8rem; font-size: .8rem; color: var(--soft); } .key .token { color: var(--ink); padding: 0 .4em; }
dl.identity, dl.metrics { display: grid; grid-template-columns: fit-content(22rem) minmax(0, 1fr); gap: .15rem 1.25rem; font-size: .9rem; }
dl.identity dt, dl.metrics dt { color: var(--soft); }
footer { color: var(--soft); font-size: .85rem; margin-top: 3rem; }

@media (max-width: 44rem) {
  body { padding: 1rem .9rem 3rem; }
  h1 { font-size: 1.3rem; }
  dl.summary, dl.identity, dl.metrics { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dl.summary dd, dl.identity dd, dl.metrics dd { margin-bottom: .5rem; }
  th, td { padding: .35rem .5rem; }
  #grid th[scope=row], #grid thead .first { min-width: 6.5rem; max-width: 7.5rem; }
  #tools > * { flex: 1 1 100%; } #tools .end { margin-left: 0; }
  .examples > ol > li > button { grid-template-columns: minmax(0, 1fr); } .examples .kinds { text-align: left; }
  .example, details.task > div { padding-left: .2rem; }
}
@page { size: landscape; margin: 12mm; }
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  #tools, #status, .examples, figcaption button { display: none; }
  .wide, .wide.tall { overflow: visible; max-height: none; border: 0; }
  #grid { table-layout: fixed; width: 100%; } #grid * { white-space: normal; }
  #grid thead tr > *, #grid thead .first, #grid th[scope=row] { position: static; }
  table { font-size: 7.5pt; } th, td { padding: 2px 4px; } #grid td { min-width: 0; }
  #grid th[scope=row], #grid thead .first { min-width: 4.5rem; max-width: 7rem; }
  #grid .value { font-size: 8pt; } #grid .interval, #grid .more { font-size: 6.5pt; max-width: 5.6rem; }
  .bar { width: 3rem; } .charts { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1rem; }
  .wide th[scope=row], .number, td.name { white-space: normal; }
  figure, tr { break-inside: avoid; }
}
`;
