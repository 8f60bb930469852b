/** The page's style. The series' colours are told apart by those who see no red or no green; symbols differ, too. */
export const STYLE = `
:root { color-scheme: light dark; --page: light-dark(#fff, #15171a); --ink: light-dark(#1b1d20, #e8e8e6); --line: light-dark(#d5d7da, #3b3f45); --soft: light-dark(#54585f, #abb0b8); --panel: light-dark(#f4f5f7, #1f2226); --link: light-dark(#0a58a8, #7cb8ff); --up: light-dark(#00578a, #7cc4f5); --down: light-dark(#9a3b00, #ffab7a); --series-0: light-dark(#0072b2, #56b4e9); --series-1: light-dark(#c14a00, #ff9d5c); --series-2: light-dark(#007a58, #2fd3a2); --series-3: light-dark(#a8418c, #f0a6d8); --series-4: light-dark(#7a6200, #f0e442); --series-5: light-dark(#3f3f46, #d4d4d8); --series-6: light-dark(#5b4fc9, #b3a9ff); --series-7: light-dark(#a3212e, #ff8f98); }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 96rem; padding: 1rem 1.25rem 4rem; background: var(--page); color: var(--ink); overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: .5rem 0 0; } h2 { font-size: 1.25rem; margin: 2.2rem 0 .5rem; } h3 { font-size: 1.02rem; margin: 1.2rem 0 .4rem; }
a { color: var(--link); } a, button, input, select, summary { outline-offset: 2px; }
:focus-visible { outline: 3px solid var(--link); }
.soft { color: var(--soft); font-size: .9em; }
.wide { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: .93em; }
caption { text-align: left; color: var(--soft); padding: .3rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .55rem; text-align: left; vertical-align: top; }
thead th { background: var(--panel); font-weight: 600; }
th.number, td.number { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; overflow-wrap: normal; }
#grid th[scope=row] { position: sticky; left: 0; background: var(--page); min-width: 8.5rem; max-width: 15rem; z-index: 1; }
#grid thead .first { position: sticky; left: 0; background: var(--panel); z-index: 2; }
#grid .begins { border-left: 2px solid var(--line); }
#grid tbody tr:hover > * { background: var(--panel); }
#grid .value { display: block; font-weight: 650; font-size: 1.08em; } #grid .interval, #grid .more { display: block; color: var(--soft); font-size: .82em; }
#grid.other .more, #grid.other .bar { display: none; }
#grid .means th, #grid .means td { background: var(--panel); }
.bar { display: block; width: 4.6rem; height: 8px; margin: 2px 0 2px auto; } .bar path { stroke: var(--soft); stroke-width: 2; fill: none; } .bar .chance { stroke: var(--down); stroke-dasharray: 2 2; } .bar circle { fill: var(--series-0); }
.up { color: var(--up); font-weight: 600; } .down { color: var(--down); font-weight: 600; }
.mark { display: inline-block; border: 1px solid currentColor; border-radius: 3px; padding: 0 .3em; margin: 1px 0 1px 2px; font-size: .95em; text-decoration: none; color: var(--ink); } .mark.alarm { color: var(--down); font-weight: 700; }
.notes { border-left: 4px solid var(--down); background: var(--panel); padding: .5rem 1rem; margin: 1rem 0; } .notes ul { margin: .3rem 0; padding-left: 1.2em; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; max-width: 100%; width: 30rem; border: 1px solid var(--line); border-radius: 6px; padding: .6rem; } figcaption { font-weight: 600; font-size: .95em; } figure svg { width: 100%; height: auto; display: block; }
#tools { display: flex; flex-wrap: wrap; gap: .6rem 1.1rem; align-items: end; background: var(--panel); border-radius: 6px; padding: .7rem .9rem; margin: 1rem 0; } #tools[hidden] { display: none; }
#tools fieldset { border: 0; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .1rem .8rem; max-width: 40rem; } #tools legend, #tools label.above { font-size: .85em; color: var(--soft); display: block; padding: 0; }
button, input, select { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: 4px; padding: .2rem .5rem; max-width: 100%; } button { cursor: pointer; } input[type=checkbox] { accent-color: var(--link); }
th button { border: 0; background: none; padding: 0; font-weight: 600; text-align: inherit; } th[aria-sort=ascending] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
details.task { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; } details.task > summary { padding: .5rem .8rem; cursor: pointer; } details.task > div { padding: 0 .8rem .8rem; } summary h3 { display: inline; }
.examples ol { list-style: none; padding: 0; margin: .4rem 0; } .examples li { border-top: 1px solid var(--line); padding: .25rem 0; } .examples li > button { text-align: left; width: 100%; border: 0; background: none; }
pre { white-space: pre-wrap; background: var(--panel); padding: .6rem; border-radius: 4px; max-height: 24rem; overflow: auto; font: .88em/1.45 ui-monospace, monospace; unicode-bidi: plaintext; }
.token { font-family: ui-monospace, monospace; font-size: .92em; white-space: pre-wrap; color: light-dark(#1b1d20, #f2f2f0); border-radius: 2px; } .token.miss { text-decoration: underline dotted; } .p0 { background: light-dark(#fff7e6, #26231d); } .p1 { background: light-dark(#ffe7b8, #3c3018); } .p2 { background: light-dark(#ffd08a, #573c10); } .p3 { background: light-dark(#ffb866, #713f0b); } .p4 { background: light-dark(#ff9c4d, #8d3d0b); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .15rem 1rem; } dt { color: var(--soft); } dd { margin: 0; }
td ul { margin: 0; padding-left: 1.1em; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 40rem) { body { padding: .6rem .7rem 3rem; } dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } #grid th[scope=row] { min-width: 6.5rem; max-width: 8rem; } #tools > * { flex: 1 1 100%; } }
@media print { #tools, .examples { display: none; } body { max-width: none; font-size: 10pt; } .wide { overflow: visible; } figure { break-inside: avoid; } }
`;
