import type { PageData } from '../page-data.ts';
import { all, byId, element } from './dom.ts';
import { openExample, openTask } from './drill.ts';
import { saveCharts, saveExports } from './save.ts';
import { formatState, parseState, START, type State } from './state.ts';
import { columnName, showTable } from './table.ts';

const data = JSON.parse(byId('data').textContent ?? '') as PageData;
const tools = byId<HTMLFormElement>('tools');
let state = START;

/** Takes a state over: into the address, the controls and the table. */
function show(next: State): void {
  state = next;
  const hash = formatState(state);
  // An address that is the page's own anchor stays, where nothing else is chosen.
  if (hash !== '' || location.search + location.hash !== '') {
    history.replaceState(null, '', hash === '' ? location.pathname + location.search : `#${hash}`);
  }
  const shown = showTable(data, state);
  const hidden = data.tasks.length - shown;
  byId('status').textContent = hidden === 0 ? '' : `${shown} of ${data.tasks.length} tasks shown.`;
}

function set(change: Partial<State>): void {
  show({ ...state, ...change });
}

function fillTools({ view, search, filter, noShots, noModels }: State): void {
  const views = byId<HTMLSelectElement>('view');
  views.value = view;
  byId<HTMLInputElement>('search').value = search;
  byId<HTMLSelectElement>('filter').value = filter;
  for (const box of all<HTMLInputElement>('input[name=k]', tools))
    box.checked = !noShots.includes(data.shots[Number(box.value)] ?? '');
  for (const box of all<HTMLInputElement>('input[name=model]', tools))
    box.checked = !noModels.includes(data.models[Number(box.value)] ?? '');
}

function readTools(): void {
  const unchecked = (name: string, names: readonly string[]): string[] =>
    all<HTMLInputElement>(`input[name=${name}]`, tools)
      .filter((box) => !box.checked)
      .map((box) => names[Number(box.value)] ?? '');
  set({
    view: byId<HTMLSelectElement>('view').value || START.view,
    search: byId<HTMLInputElement>('search').value,
    filter: byId<HTMLSelectElement>('filter').value,
    noShots: unchecked('k', data.shots),
    noModels: unchecked('model', data.models),
  });
}

/** What the address says: an anchor of the page (as in #task-3), or a state. */
async function follow(): Promise<void> {
  const hash = location.hash.slice(1);
  const [, anchor] = /^task-(\d+)$/.exec(hash) ?? [];
  if (anchor !== undefined) {
    set({ task: data.tasks[Number(anchor)] ?? '', example: '' });
  } else if (hash === '' || hash.includes('=')) {
    const next = parseState(hash);
    const known = all<HTMLOptionElement>('#view option', tools).some((o) => o.value === next.view);
    show(known ? next : { ...next, view: START.view });
  } else return;
  fillTools(state);
  const task = data.tasks.indexOf(state.task);
  if (task < 0) return;
  const section = byId<HTMLDetailsElement>(`task-${task}`);
  section.hidden = false;
  section.open = true;
  if (state.example === '') section.scrollIntoView();
  else await openExample(data, section, state.example);
}

function start(): void {
  tools.hidden = false;
  for (const head of all('#grid [data-sort]')) {
    const text = head.textContent ?? '';
    const button = element('button', { type: 'button' }, text);
    button.addEventListener('click', () => {
      const name = columnName(head, data);
      // Numbers begin with the best, names with the first; a third click gives the order of the runs back.
      const first = name !== 'task';
      if (state.sort !== name) set({ sort: name, descending: first });
      else if (state.descending === first) set({ descending: !first });
      else set({ sort: '', descending: false });
    });
    head.replaceChildren(button);
  }
  tools.addEventListener('input', readTools);
  tools.addEventListener('submit', (event) => event.preventDefault());
  for (const section of all<HTMLDetailsElement>('details.task')) {
    section.addEventListener('toggle', () => {
      const name = data.tasks[Number(section.dataset.task)] ?? '';
      if (section.open) {
        if (state.task !== name) set({ task: name, example: '' });
        void openTask(data, section, (example) => set({ task: name, example }));
      } else if (state.task === name) set({ task: '', example: '' });
    });
  }
  saveExports();
  saveCharts();
  addEventListener('hashchange', () => void follow());
  void follow();
  document.documentElement.dataset.ready = '';
}

start();
