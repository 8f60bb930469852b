import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientScript } from '../../src/report/client-script.ts';
import { cspHash } from '../../src/report/pack.ts';
import type { ExampleBlock } from '../../src/report/page-data.ts';
import { readRuns, writeLeaderboard } from '../../src/report/report.ts';
import { STYLE } from '../../src/report/style.ts';
import { HOSTILE, hostileFolder } from '../helpers/hostile.ts';
import { published } from '../helpers/record.ts';
import { writeRunFolder } from '../helpers/run-folders.ts';

const golden = fileURLToPath(new URL('../golden/report', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evalgpt-leaderboard-'));
const at = (name: string): string => join(folder, name);
const pages: Record<string, string> = {};

const SIZES = [
  { ref: 'demo-small', parameters: 1_400_000 },
  { ref: 'demo-large', parameters: 12_600_000 },
];

beforeAll(async () => {
  writeRunFolder(at('sizes'), {
    ...{ seed: 1, models: SIZES, tasks: ['rte', 'boolq'], shots: [0, 1, 8], items: 30, dirty: 4, draws: 3 },
    warnings: ['boolq: 30 items instead of the published 3270: scores may not compare'],
    result: ({ model, task, shots }) => ({
      ...(task === 'boolq' && shots === 8 ? { shots_used: { min: 2, mean: 3.25, max: 5 } } : {}),
      ...(task === 'rte' && shots === 1 ? { alarms: ['every item is answered with choice 1'] } : {}),
      ...(task === 'rte' && shots === 0 && model === 'demo-large' ? { published: [published()] } : {}),
    }),
  });
  const steps = [100, 200, 400].map((step) => ({ ref: `run/step${step}`, parameters: 1_400_000 }));
  writeRunFolder(at('steps'), { seed: 2, models: steps, tasks: ['lambada'], shots: [0], items: 12 });
  hostileFolder(at('hostile'));
  for (const name of ['sizes', 'steps', 'hostile']) {
    await writeLeaderboard(await readRuns([at(name)]), at(`${name}.html`));
    pages[name] = readFileSync(at(`${name}.html`), 'utf8');
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A page without what no reader looks at: the script, packing, whose bytes are zlib's affair, and last digits. */
function normalised(page: string, script: string): string {
  return page
    .replace(script, '')
    .replace(cspHash(script), "'sha256-SCRIPT'")
    .replace(/(<script type="text\/plain" [^>]*>)([^<]*)/g, (_, tag: string, packed: string) => {
      const text = inflateSync(Buffer.from(packed, 'base64')).toString('utf8');
      const shown = tag.includes('data-block') ? text.replaceAll('},{"', '},\n{"') : text;
      return `${tag}\n${shown.replaceAll('</', '<\\/')}`;
    })
    .replace(/-?\d+\.\d{7,}/g, (number) => Number(number).toFixed(6))
    .replaceAll(folder, 'RUNS');
}

describe('the whole page is as it was', () => {
  test.each(['sizes', 'steps'])('%s', async (name) => {
    const found = normalised(pages[name]!, await clientScript());
    const path = join(golden, `${name}.html`);
    const changed = join(golden, `${name}-changed.html`);
    if (process.env.EVALGPT_GOLDEN === '1') {
      mkdirSync(golden, { recursive: true });
      writeFileSync(path, found);
    }
    const wanted = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    rmSync(changed, { force: true });
    if (found === wanted) return;
    writeFileSync(changed, found);
    expect.fail(`the page is not ${path}: open ${changed} beside it; EVALGPT_GOLDEN=1 accepts it as it is`);
  });

  test('every golden file is read', () => {
    const files = readdirSync(golden).filter((file) => !file.endsWith('-changed.html'));
    expect(files.sort()).toEqual(['sizes.html', 'steps.html']);
  });
});

describe('one page that needs nothing else', () => {
  test('the policy names its one script and its style, and allows nothing more', async () => {
    const script = await clientScript();
    const [, policy] = /Content-Security-Policy" content="([^"]*)"/.exec(pages.sizes!) ?? [];
    expect(policy?.replaceAll('&#39;', "'")).toBe(
      `default-src 'none'; script-src ${cspHash(script)}; style-src ${cspHash(STYLE)}; base-uri 'none'; form-action 'none'`,
    );
    const { document } = parseHTML(pages.sizes!);
    const scripts = [...document.querySelectorAll('script')];
    expect(scripts.filter((s) => !s.getAttribute('type')).map((s) => s.textContent)).toEqual([script]);
    expect([...document.querySelectorAll('style')].map((s) => s.textContent)).toEqual([STYLE]);
    expect(document.querySelectorAll('[style], [onclick], [src], link, iframe, base, object')).toHaveLength(
      0,
    );
    for (const anchor of document.querySelectorAll('a[href]')) {
      const href = anchor.getAttribute('href')!;
      expect(href).toMatch(/^#/);
      expect(document.getElementById(href.slice(1)) !== null, href).toBe(true);
    }
  });

  test('all ids are unique, all tables have headers, all regions and charts have names', () => {
    const { document } = parseHTML(pages.sizes!);
    const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const table of document.querySelectorAll('table')) {
      const width = (row: typeof table | undefined): number =>
        [...(row ?? table).querySelectorAll('th, td')].reduce(
          (sum, cell) => sum + Number(cell.getAttribute('colspan') ?? 1),
          0,
        );
      const [head, ...rows] = [...table.querySelectorAll('tr')];
      const wide = width(head);
      for (const row of rows.filter((own) => own.querySelector('td'))) {
        expect(width(row)).toBe(wide);
        expect(row.querySelector('th[scope=row]') !== null).toBe(true);
      }
    }
    for (const named of document.querySelectorAll('[role=region], svg[role=img]'))
      expect(named.getAttribute('aria-label')).toBeTruthy();
  });
});

describe('what the page says', () => {
  test('at the top: what shots, size and training buy, and what can be trusted', () => {
    const said = (name: string): Record<string, string> => {
      const { document } = parseHTML(pages[name]!);
      const list = document.querySelector('dl.summary')!;
      const terms = [...list.querySelectorAll('dt')].map((e) => e.textContent!);
      return Object.fromEntries([...list.querySelectorAll('dd')].map((e, i) => [terms[i]!, e.textContent!]));
    };
    const sizes = said('sizes');
    expect(Object.keys(sizes)).toEqual(['Shots', 'Size', 'Trust']);
    expect(sizes.Shots).toMatch(
      /^The mean centred score of demo-large goes from .* at k = 0 to .* at k = 8\. /,
    );
    expect(sizes.Shots).toMatch(/Of 4 changes from k = 0 to 8, paired by item, \d (is a gain|are gains)/);
    expect(sizes.Size).toMatch(/of demo-small to .* of demo-large, 9\.0 times the parameters/);
    expect(sizes.Trust).toContain('2 of 2 tasks have items in the training data, up to 27 % of them');
    expect(sizes.Trust).toMatch(
      /2 cells raise an alarm, 2 cells had fewer shots than asked, and 12 cells have ties/,
    );
    expect(sizes.Trust).toContain('The runs gave 1 warning.');
    const steps = said('steps');
    expect(Object.keys(steps)).toEqual(['Training', 'Trust']);
    expect(steps.Training).toMatch(/^Of 2 changes from a checkpoint to the next, paired by item/);
    expect(steps.Trust).toContain('The training data were not searched for the test items.');
  });

  test('in a cell: value, interval, changes, the published figure, clean and dirty, marks', () => {
    const { document } = parseHTML(pages.sizes!);
    const cell = (task: number, model: number, k: number): string =>
      document.querySelector(`#grid tr[data-task="${task}"] td[data-model="${model}"][data-k="${k}"]`)!
        .textContent!;
    expect(cell(0, 1, 0)).toMatch(
      /^\d+\.\d\d+\.\d – \d+\.\dsize .*paper 46\.0 \(-11\.5\)clean \d+\.\d, dirty/,
    );
    expect(cell(0, 0, 1)).toContain('1 alarm: every item is answered with choice 1');
    expect(cell(1, 0, 2)).toContain('3.3 of 8 shots: of 8 shots 2 to 5 fitted the window');
    expect(cell(1, 0, 2)).toMatch(/k (▲ )?[+-]\d+\.\d/);
    expect(cell(1, 0, 0)).not.toMatch(/k [▲▼+-]/);
    expect(document.querySelectorAll('#grid tbody.means tr').length).toBe(1);
  });

  test('its examples: the most interesting first, packed, with prompt, tokens and where they were seen', () => {
    const { document } = parseHTML(pages.sizes!);
    const packed = document.querySelector('script[data-block="0"]')!.textContent!;
    const block = JSON.parse(inflateSync(Buffer.from(packed, 'base64')).toString()) as ExampleBlock;
    expect(block).toMatchObject({ task: 0, total: 30, metric: 'acc' });
    expect(block.examples).toHaveLength(30);
    expect(block.examples[0]!.kinds.length).toBeGreaterThan(0);
    expect(block.examples.at(-1)!.kinds.length).toBeLessThanOrEqual(block.examples[0]!.kinds.length);
    const seen = block.examples.find((e) => e.kinds.includes('in training data'))!;
    expect(seen.found).toEqual([expect.stringMatching(/^corpus\.txt, document \d+: the river/)]);
    expect(seen.context).toMatch(/^The \w+ stood by the \w+\.\nQuestion/);
    expect(seen.answers).toHaveLength(6);
    expect(seen.answers[0]!.spans).toHaveLength(4);
    expect(seen.answers[0]!.scores![0]).toHaveLength(4);
    const [text, logprob] = seen.answers[0]!.spans[0]![0]!;
    expect(block.tokens[text]).toMatch(/^ \w+$/);
    expect(logprob).toBeLessThan(0);
    expect(seen.answers[2]!.behind.map((i) => block.shots[i])).toHaveLength(8);
  });
});

describe('a hostile data set', () => {
  test("is text wherever it stands: elements are the page's own, none runs", async () => {
    const script = await clientScript();
    const page = pages.hostile!.replace(script, '');
    const { document } = parseHTML(page);
    const names = new Set([...document.querySelectorAll('*')].map((e) => e.localName));
    for (const name of ['img', 'iframe', 'object', 'base', 'link', 'b', 'math', 'template'])
      expect(names, name).not.toContain(name);
    // One of JSON, one block, three exports, and the page's own.
    expect(document.querySelectorAll('script').length).toBe(6);
    expect(document.querySelectorAll('head > style, head > title').length).toBe(2);
    for (const element of document.querySelectorAll('*'))
      for (const { name } of [...element.attributes]) expect(name).not.toMatch(/^on|^style$|^srcdoc$/);
    expect(page).not.toContain('\0');
    // It is all there: the model's name, which looks like a folder's, stands in the table.
    expect(document.querySelector('#grid thead')!.textContent).toContain(
      HOSTILE.slice(HOSTILE.lastIndexOf('/') + 1),
    );
    expect(document.querySelectorAll('details.task').length).toBe(1);
  });

  test('a text of a megabyte is cut, and that is said', () => {
    expect(pages.hostile!.length).toBeLessThan(2_500_000);
    const { document } = parseHTML(pages.hostile!);
    const packed = document.querySelector('script[data-block="0"]')!.textContent!;
    const text = inflateSync(Buffer.from(packed, 'base64')).toString();
    expect(text.length).toBeLessThan(3_000_000);
    expect(text.includes('characters before)')).toBe(true);
    expect(text.includes('more characters)')).toBe(true);
  });
});

test('all examples lie in files beside the page where they are asked for', async () => {
  const path = at('all/board.html');
  await writeLeaderboard(await readRuns([at('sizes')]), path, { samples: 'all' });
  const page = readFileSync(path, 'utf8');
  expect(page).not.toContain('data-block=');
  expect(page).toContain('strict-dynamic');
  const { document } = parseHTML(page);
  const { files } = JSON.parse(document.getElementById('data')!.textContent!) as { files: string[][] };
  expect(files).toEqual([['board-samples/task-0-0.js'], ['board-samples/task-1-0.js']]);
  const [, packed] =
    /^evalgptBlock\('([^']+)'\)\n$/.exec(readFileSync(at(`all/${files[0]![0]}`), 'utf8')) ?? [];
  const block = JSON.parse(inflateSync(Buffer.from(packed!, 'base64')).toString()) as ExampleBlock;
  expect(block.examples).toHaveLength(30);
});

test('a task named like a path is refused', async () => {
  writeRunFolder(at('escape'), {
    ...{ seed: 1, models: SIZES, tasks: ['x'], shots: [0], items: 2 },
    spec: { tasks: [] },
  });
  const path = join(at('escape'), 'run.json');
  const text = readFileSync(path, 'utf8').replace('"tasks":[]', '"tasks":[{"name":"../x"}]');
  writeFileSync(path, text);
  await expect(readRuns([at('escape')])).rejects.toThrow(/expected a name without "\/" and/);
});
