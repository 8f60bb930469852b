import type { ExampleBlock, PageData, ShownExample } from '../page-data.ts';
import { all, element } from './dom.ts';
import { exampleView } from './example.ts';
import { loadBlock, packedText, unpack } from './unpack.ts';

/** Examples listed at a time. */
const PAGE = 50;

/** A task's examples as far as they are read. */
interface Drill {
  readonly block: ExampleBlock;
  readonly list: HTMLOListElement;
  /** Reads further files up to the example; false where it is not there. */
  readonly reach: (id: string) => Promise<boolean>;
}

const drills = new Map<number, Promise<Drill | null>>();

/** Shows a task's examples, once. `chosen` is told which is opened, and '' when it is closed. */
export async function openTask(
  data: PageData,
  section: HTMLElement,
  chosen: (example: string) => void,
): Promise<Drill | null> {
  const task = Number(section.dataset.task);
  const room = section.querySelector<HTMLElement>('.examples');
  if (!room) return null;
  const known = drills.get(task);
  if (known) return await known;
  const made = makeDrill(data, task, room, chosen).catch((error: unknown) => {
    drills.delete(task);
    room.replaceChildren(element('p', {}, error instanceof Error ? error.message : String(error)));
    return null;
  });
  drills.set(task, made);
  return await made;
}

/** Opens an example by its id. */
export async function openExample(data: PageData, section: HTMLElement, id: string): Promise<void> {
  const drill = await openTask(data, section, () => {});
  if (!drill || !(await drill.reach(id))) {
    section.scrollIntoView();
    return;
  }
  const row = all<HTMLLIElement>('li', drill.list).find((own) => own.dataset.id === id);
  const button = row?.querySelector('button');
  if (button?.getAttribute('aria-expanded') === 'false') button.click();
  row?.scrollIntoView();
  button?.focus({ preventScroll: true });
}

async function makeDrill(
  data: PageData,
  task: number,
  room: HTMLElement,
  chosen: (example: string) => void,
): Promise<Drill> {
  const files = [...(data.files?.[task] ?? [])];
  const next = async (): Promise<ExampleBlock> => {
    const file = files.shift();
    if (file !== undefined) return await loadBlock(file);
    return JSON.parse(await unpack(packedText('data-block', String(task)) ?? '')) as ExampleBlock;
  };
  const block = await next();
  const shown: { example: ShownExample; block: ExampleBlock }[] = [];
  const take = (from: ExampleBlock): void => {
    for (const example of from.examples) shown.push({ example, block: from });
  };
  take(block);
  const list = element('ol');
  const state = element('span', { class: 'soft', role: 'status' });
  const more = element('button', { type: 'button' }, 'Show more');
  const kind = element('select', { 'aria-label': 'Examples of a kind' });
  const search = element('input', {
    type: 'search',
    'aria-label': 'Search these examples',
    placeholder: 'search',
  });
  let limit = PAGE;

  const fillKinds = (): void => {
    const { value } = kind;
    const counts = new Map<string, number>();
    for (const { example } of shown)
      for (const name of example.kinds) counts.set(name, (counts.get(name) ?? 0) + 1);
    kind.replaceChildren(element('option', { value: '' }, 'all, the most interesting first'));
    for (const [name, n] of counts) kind.append(element('option', { value: name }, `${name} (${n})`));
    kind.value = value;
  };
  const render = (): void => {
    const words = search.value.toLowerCase();
    const chosenKind = kind.value;
    const found = shown.filter(
      ({ example }) =>
        (chosenKind === '' || example.kinds.includes(chosenKind)) &&
        (words === '' || textOf(example).toLowerCase().includes(words)),
    );
    const rows = new Map(all<HTMLLIElement>('li', list).map((row) => [row.dataset.id, row]));
    list.replaceChildren(
      ...found
        .slice(0, limit)
        .map(({ example, block: own }) => rows.get(example.id) ?? exampleRow(data, own, example, chosen)),
    );
    const listed = Math.min(limit, found.length);
    state.textContent = `${listed} of ${block.total.toLocaleString('en-US')} examples${found.length < shown.length ? `, ${found.length} found` : ''}`;
    more.hidden = listed >= found.length && files.length === 0;
  };
  const grow = async (): Promise<void> => {
    if (limit >= shown.length && files.length > 0) {
      take(await next());
      fillKinds();
    }
    limit += PAGE;
    render();
  };
  kind.addEventListener('change', render);
  search.addEventListener('input', render);
  more.addEventListener('click', () => void grow());
  const form = element('form', {}, kind, search, state);
  form.addEventListener('submit', (event) => event.preventDefault());
  fillKinds();
  render();
  room.replaceChildren(form, list, more);
  const reach = async (id: string): Promise<boolean> => {
    while (!shown.some(({ example }) => example.id === id) && files.length > 0) take(await next());
    const at = shown.findIndex(({ example }) => example.id === id);
    if (at < 0) return false;
    [kind.value, search.value] = ['', ''];
    limit = Math.max(limit, at + 1);
    fillKinds();
    render();
    return true;
  };
  return { block, list, reach };
}

function textOf({ id, context = '', choices = [], gold }: ShownExample): string {
  return [id, context, ...choices, gold].join('\n');
}

/** The line of its prompt that says most: the last of some length, as prompts end in "Answer:". */
function lineOf({ context = '' }: ShownExample): string {
  const lines = context
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const line = lines.findLast((own) => own.length > 15) ?? lines.at(-1) ?? '';
  return line.length > 220 ? `…${line.slice(-220)}` : line;
}

function exampleRow(
  data: PageData,
  block: ExampleBlock,
  example: ShownExample,
  chosen: (example: string) => void,
): HTMLLIElement {
  const right = example.answers.filter(({ value }) => value !== null && value >= 0.5).length;
  const button = element(
    'button',
    { type: 'button', 'aria-expanded': 'false' },
    element('span', { class: 'line', dir: 'auto' }, `${example.id}  ${lineOf(example)}`),
    element(
      'span',
      { class: 'kinds' },
      [...example.kinds, `right in ${right} of ${example.answers.length} cells`].join(' · '),
    ),
  );
  const row = element('li', { 'data-id': example.id }, button);
  button.addEventListener('click', () => {
    const open = button.getAttribute('aria-expanded') === 'false';
    button.setAttribute('aria-expanded', String(open));
    row.querySelector('.example')?.remove();
    if (open) row.append(exampleView(data, block, example));
    chosen(open ? example.id : '');
  });
  return row;
}
