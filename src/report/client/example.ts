import type { ExampleBlock, PageData, ShownAnswer, ShownExample, ShownToken } from '../page-data.ts';
import { all, element } from './dom.ts';

/** Log-probabilities, in nats, below which a token is shaded darker. */
const SHADES = [-0.7, -2.3, -4.6, -9.2];
const NORMALISATIONS = ['sum', 'per token', 'per character', 'per byte', 'less unconditional'];

/** An example: every cell's answer, and of the chosen cell the prompt and the scores down to each token. */
export function exampleView(data: PageData, block: ExampleBlock, example: ShownExample): HTMLElement {
  const detail = element('div');
  const rows = example.answers.map((answer) => answerRow(data, block, example, answer));
  const choose = (at: number): void => {
    for (const [i, row] of rows.entries()) {
      row.classList.toggle('chosen', i === at);
      row.querySelector('button')?.setAttribute('aria-pressed', String(i === at));
    }
    const answer = example.answers[at];
    detail.replaceChildren(...(answer ? answerDetail(data, block, example, answer) : []));
  };
  for (const [i, row] of rows.entries())
    row.querySelector('button')?.addEventListener('click', () => choose(i));
  const view = element(
    'div',
    { class: 'example' },
    element('p', { class: 'soft' }, identityOf(example)),
    found(example),
    scroller(
      'Answers in every cell',
      element(
        'table',
        {},
        head(['model', 'k', 'answer', block.metric, 'log-probability of the right one', 'flags']),
        element('tbody', {}, ...rows),
      ),
    ),
    detail,
  );
  choose(0);
  return view;
}

function identityOf({ id, cluster, kinds }: ShownExample): string {
  return [`example ${id}`, ...(cluster === undefined ? [] : [`of ${cluster}`]), ...kinds].join(' · ');
}

/** Where it stands in the training data. */
function found({ found: places = [] }: ShownExample): HTMLElement | false {
  return (
    places.length > 0 &&
    element(
      'div',
      { class: 'notes' },
      element('p', {}, 'In the training data:'),
      element('ul', {}, ...places.map((place) => element('li', { dir: 'auto' }, place))),
    )
  );
}

function answerRow(
  data: PageData,
  block: ExampleBlock,
  example: ShownExample,
  answer: ShownAnswer,
): HTMLTableRowElement {
  const { value, flags, cut, reason } = answer;
  const model = data.models[answer.model] ?? '';
  const k = data.shots[answer.shots] ?? '';
  const button = element('button', { type: 'button', 'aria-label': `Look into ${model}, k = ${k}` }, model);
  const notes = [
    ...flags,
    ...(cut > 0 ? [`${cut} tokens cut`] : []),
    ...(reason === undefined ? [] : [reason]),
  ];
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, button),
    element('td', { class: 'number' }, k),
    element('td', { dir: 'auto' }, answerText(example, answer)),
    element('td', { class: 'number' }, value === null ? 'none' : markOf(block.metric, value)),
    element('td', { class: 'number' }, goldLogprob(example, answer)),
    element('td', {}, notes.join(', ')),
  );
}

/** Right and wrong by a sign; what lies between by its number. */
function markOf(metric: string, value: number): string {
  if (!/^(acc|em)/.test(metric) || (value > 0 && value < 1)) return value.toFixed(3);
  return value === 1 ? '✓ right' : '✗ wrong';
}

function answerText({ choices, gold }: ShownExample, { prediction }: ShownAnswer): string {
  if (typeof prediction === 'number') return clip(choices?.[prediction] ?? `choice ${prediction}`, 120);
  if (typeof prediction === 'boolean') return prediction ? `found ${clip(String(gold), 80)}` : 'not found';
  return prediction === null ? '' : clip(prediction, 120);
}

function goldLogprob({ gold, choices }: ShownExample, { spans }: ShownAnswer): string {
  const at = typeof gold === 'number' && choices ? gold : 0;
  const own = spans[at];
  if (!own || own.length === 0 || (typeof gold !== 'number' && choices)) return '';
  return own.reduce((sum, [, logprob]) => sum + logprob, 0).toFixed(2);
}

function answerDetail(
  data: PageData,
  block: ExampleBlock,
  example: ShownExample,
  answer: ShownAnswer,
): HTMLElement[] {
  const title = `${data.models[answer.model]}, k = ${data.shots[answer.shots]}`;
  return [
    element('h4', {}, `Prompt of ${title}`),
    promptOf(block, example, answer),
    element('h4', {}, example.choices ? 'Choices' : 'Tokens'),
    key(),
    example.choices ? choiceTable(block, example, answer) : spanList(block, answer),
    ...(example.choices
      ? []
      : [element('p', { class: 'soft', dir: 'auto' }, `right: ${clip(String(example.gold), 1000)}`)]),
  ];
}

/** Shots stand back behind the item's own part. */
function promptOf(
  block: ExampleBlock,
  { context, behind }: ShownExample,
  { behind: shots }: ShownAnswer,
): HTMLElement {
  const own = shots.length > 0 ? (behind ?? context) : context;
  if (own === undefined) return element('p', { class: 'soft' }, 'The whole text is in its tokens below.');
  const before = [
    block.descriptions[shots.length > 0 ? 1 : 0],
    ...shots.map((at) => `${block.shots[at] ?? ''}${block.separator}`),
  ].join('');
  const text = element(
    'pre',
    { tabindex: '0', 'aria-label': 'Prompt' },
    element('span', { class: 'shots' }, before),
    own,
  );
  if (before.length > 2000) requestAnimationFrame(() => text.scrollTo(0, text.scrollHeight));
  return text;
}

/** What the shades say. */
function key(): HTMLElement {
  const names = ['over 50 %', '10 to 50 %', '1 to 10 %', '0.01 to 1 %', 'less'];
  return element(
    'p',
    { class: 'key' },
    'probability of each token:',
    ...names.map((name, i) => element('span', { class: `token p${i}` }, name)),
    element(
      'span',
      {},
      element('span', { class: 'token miss' }, 'underlined'),
      ': another was more probable',
    ),
  );
}

function choiceTable(block: ExampleBlock, example: ShownExample, answer: ShownAnswer): HTMLElement {
  const { choices = [], gold } = example;
  const columns = Math.max(0, ...(answer.scores ?? []).map((scores) => scores.length));
  const best = Array.from({ length: columns }, (_, column) =>
    Math.max(...(answer.scores ?? []).map((scores) => scores[column] ?? Number.NEGATIVE_INFINITY)),
  );
  const rows = choices.map((choice, i) => {
    const right = i === gold || choice === gold;
    const marks = [...(right ? ['right'] : []), ...(answer.prediction === i ? ['chosen'] : [])];
    const scores = answer.scores?.[i] ?? [];
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, marks.join(', ')),
      element('td', {}, tokens(block, answer, i) ?? element('span', { dir: 'auto' }, choice)),
      ...best.map((top, column) => {
        const score = scores[column] ?? null;
        const text = score === null ? '' : score.toFixed(3);
        return element('td', { class: 'number' }, score === top ? element('strong', {}, text) : text);
      }),
    );
  });
  const table = element(
    'table',
    {},
    head(['', 'choice', ...NORMALISATIONS.slice(0, columns)]),
    element('tbody', {}, ...rows),
  );
  for (const cell of all('thead th', table).slice(2)) cell.className = 'number';
  return scroller('Choices with their log-likelihoods', table);
}

function spanList(block: ExampleBlock, answer: ShownAnswer): HTMLElement {
  const spans = answer.spans.flatMap((_, i) => tokens(block, answer, i) ?? []);
  return element(
    'div',
    {},
    ...(spans.length > 0 ? spans : [element('p', { class: 'soft' }, 'none is kept')]),
  );
}

/** A span's tokens, shaded; null where there is none. */
function tokens(block: ExampleBlock, answer: ShownAnswer, at: number): HTMLElement | null {
  const span = answer.spans[at];
  if (!span || span.length === 0) return null;
  const more = answer.more[at] ?? 0;
  return element(
    'div',
    { class: 'tokens' },
    ...span.map((token) => tokenOf(block, token)),
    more > 0 && element('span', { class: 'soft' }, ` and ${more.toLocaleString('en-US')} more tokens`),
  );
}

function tokenOf(block: ExampleBlock, [text, logprob, hit]: ShownToken): HTMLElement {
  const shade = SHADES.filter((edge) => logprob < edge).length;
  const shown = (block.tokens[text] ?? '').replaceAll('\n', '⏎\n').replaceAll('\t', '⇥\t');
  const chance = Math.exp(logprob);
  const title = `${(100 * chance).toPrecision(3)} %, ${logprob.toFixed(2)} nats${hit ? ', the most probable' : ''}`;
  return element('span', { class: `token p${shade}${hit ? '' : ' miss'}`, title }, shown);
}

function head(names: readonly string[]): HTMLElement {
  const cells = names.map((name) => (name === '' ? element('td') : element('th', { scope: 'col' }, name)));
  return element('thead', {}, element('tr', {}, ...cells));
}

function scroller(label: string, table: HTMLElement): HTMLElement {
  return element('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': label }, table);
}

function clip(text: string, limit: number): string {
  const shown = text.trim();
  return shown.length <= limit ? shown : `${shown.slice(0, limit)}…`;
}
