import type { PageData, Shown } from '../page-data.ts';
import { all, byId } from './dom.ts';
import type { State } from './state.ts';

/** Shows in the table what the state says; returns how many tasks are shown. */
export function showTable(data: PageData, state: State): number {
  const table = byId<HTMLTableElement>('grid');
  const [body] = table.tBodies;
  if (!body) return 0;
  fillCells(table, data, state.view);
  showColumns(table, data, state);
  const rows = all<HTMLTableRowElement>('tr', body).sort((a, b) => taskOf(a) - taskOf(b));
  const words = state.search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  let shown = 0;
  for (const row of rows) {
    const text = `${data.tasks[taskOf(row)] ?? ''} ${row.cells[0]?.textContent ?? ''}`.toLowerCase();
    row.hidden =
      !words.every((word) => text.includes(word)) ||
      (state.filter !== '' && row.dataset[state.filter] === undefined);
    if (!row.hidden) shown++;
  }
  for (const section of all<HTMLElement>('details.task')) {
    const row = rows.find((own) => own.dataset.task === section.dataset.task);
    section.hidden = row?.hidden ?? false;
  }
  body.append(...sortRows(rows, table, data, state));
  return shown;
}

function taskOf(row: HTMLElement): number {
  return Number(row.dataset.task);
}

function fillCells(table: HTMLTableElement, data: PageData, view: string): void {
  if ((table.dataset.view ?? 'primary') === view) return;
  table.dataset.view = view;
  table.classList.toggle('other', view !== 'primary');
  for (const cell of all('td[data-cell]', table)) {
    const [value, interval] = shownIn(data, cell, view) ?? [view === 'primary' ? 'unscored' : '–', ''];
    const [top, below] = all('.value, .interval', cell);
    if (top) top.textContent = value;
    if (below) below.textContent = interval;
  }
}

function shownIn(data: PageData, cell: HTMLElement | undefined, view: string): Shown | undefined {
  const views = data.cells[Number(cell?.dataset.cell ?? -1)];
  return views && Object.hasOwn(views, view) ? views[view] : undefined;
}

function showColumns(table: HTMLTableElement, data: PageData, { noShots, noModels }: State): void {
  const shown = (cell: HTMLElement): boolean =>
    !noModels.includes(data.models[Number(cell.dataset.model)] ?? '') &&
    (cell.dataset.k === undefined || !noShots.includes(data.shots[Number(cell.dataset.k)] ?? ''));
  for (const cell of all<HTMLTableCellElement>('[data-model]', table)) cell.hidden = !shown(cell);
  const columns = all('thead [data-k]', table).filter(shown);
  for (const head of all<HTMLTableCellElement>('thead [colspan]', table)) {
    const own = columns.filter((column) => column.dataset.model === head.dataset.model);
    head.hidden = own.length === 0;
    head.colSpan = Math.max(1, own.length);
    for (const [i, column] of own.entries()) {
      for (const cell of all(`[data-model="${column.dataset.model}"][data-k="${column.dataset.k}"]`, table))
        cell.classList.toggle('begins', i === 0);
    }
  }
}

/** By a column's numbers, what has none last; by name, or in the order of the runs. */
function sortRows(
  rows: readonly HTMLTableRowElement[],
  table: HTMLTableElement,
  data: PageData,
  { sort, descending, view }: State,
): HTMLTableRowElement[] {
  for (const head of all('thead [data-sort]', table)) {
    const own = columnName(head, data) === sort;
    if (own) head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
    else head.removeAttribute('aria-sort');
  }
  const head = all('thead [data-sort]', table).find((own) => columnName(own, data) === sort);
  if (sort === '' || !head) return [...rows];
  const sign = descending ? -1 : 1;
  if (head.dataset.sort === 'task') {
    const name = (row: HTMLElement): string => data.tasks[taskOf(row)] ?? '';
    return rows.toSorted((a, b) => sign * (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
  }
  const { model, k } = head.dataset;
  const number = (row: HTMLElement): number | null => {
    const cell = row.querySelector<HTMLElement>(`td[data-model="${model}"][data-k="${k}"]`);
    return shownIn(data, cell ?? undefined, view)?.[2] ?? null;
  };
  return rows.toSorted((a, b) => {
    const [x, y] = [number(a), number(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return sign * (x - y);
  });
}

/** How the address names a column. */
export function columnName({ dataset }: HTMLElement, data: PageData): string {
  if (dataset.sort === 'task') return 'task';
  return `${data.models[Number(dataset.model)]} k=${data.shots[Number(dataset.k)]}`;
}
