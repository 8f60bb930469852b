import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readRuns, writeLeaderboard } from '../../src/report/report.ts';
import { chromiumPath } from '../helpers/chromium.ts';
import { hostileFolder } from '../helpers/hostile.ts';
import { writeRunFolder } from '../helpers/run-folders.ts';

const why = chromiumPath === undefined ? 'skipped: needs a Chromium, which is not here' : undefined;
const folder = mkdtempSync(join(tmpdir(), 'evalgpt-browser-'));
const at = (name: string): string => join(folder, name);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let browser: Browser;

describe.skipIf(why)(why ?? 'the leaderboard in Chromium', () => {
  beforeAll(async () => {
    writeRunFolder(at('sizes'), {
      ...{ seed: 1, shots: [0, 1, 8], items: 120, dirty: 4, tasks: ['rte', 'boolq', 'anli-r1', 'race-h'] },
      models: [
        { ref: 'demo-small', parameters: 1_400_000 },
        { ref: 'demo-large', parameters: 12_600_000 },
      ],
      result: ({ task }) => (task === 'boolq' ? { alarms: ['every item is answered with choice 1'] } : {}),
    });
    hostileFolder(at('hostile'));
    await writeLeaderboard(await readRuns([at('sizes')]), at('few.html'));
    await writeLeaderboard(await readRuns([at('sizes')]), at('all.html'), { samples: 'all' });
    await writeLeaderboard(await readRuns([at('hostile')]), at('hostile.html'));
    browser = await chromium.launch({ executablePath: chromiumPath as string, args: ['--no-sandbox'] });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  let problems: string[] = [];
  afterEach(() => {
    const found = problems;
    problems = [];
    expect(found).toEqual([]);
  });

  /** Opens a page from the disk; whatever it logs as an error, asks for over the network or throws is a problem. */
  async function open(
    name: string,
    options: BrowserContextOptions & { readonly hash?: string } = {},
  ): Promise<Page> {
    const { hash = '', ...rest } = options;
    const context = await browser.newContext(rest);
    const page = await context.newPage();
    page.on('pageerror', (error) => problems.push(`thrown in the page: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(`logged by the page: ${message.text()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith('file:') && !request.url().startsWith('blob:'))
        problems.push(`the page asked for ${request.url()}`);
    });
    await page.goto(`${pathToFileURL(at(name)).href}${hash}`);
    if (rest.javaScriptEnabled !== false) await page.waitForSelector('html[data-ready]');
    return page;
  }

  const tasksOf = (page: Page): Promise<string[]> =>
    page.locator('#grid tbody:first-of-type tr:visible th a').allTextContents();

  test('sorts by a column, both ways, and back to the order of the runs', async () => {
    const page = await open('few.html');
    const values = async (): Promise<number[]> =>
      (
        await page
          .locator('#grid tbody:first-of-type td[data-model="1"][data-k="2"] .value')
          .allTextContents()
      ).map(Number);
    const [names, before] = [await tasksOf(page), await values()];
    const head = page.locator('#grid th[data-sort="1.2"]');
    await head.getByRole('button').click();
    expect(await values()).toEqual(before.toSorted((a, b) => b - a));
    expect(await head.getAttribute('aria-sort')).toBe('descending');
    await head.getByRole('button').focus();
    await page.keyboard.press('Enter');
    expect(await values()).toEqual(before.toSorted((a, b) => a - b));
    expect(page.url()).toContain('#sort=demo-large+k%3D8');
    await head.getByRole('button').click();
    expect(await tasksOf(page)).toEqual(names);
    await page.locator('#grid th.first button').click();
    expect(await tasksOf(page)).toEqual(names.toSorted());
  });

  test('searches, filters, and chooses metric, shots and models', async () => {
    const page = await open('few.html');
    await page.getByLabel('Search tasks').fill('rt');
    expect(await tasksOf(page)).toEqual(['rte']);
    expect(await page.locator('#status').textContent()).toBe('1 of 4 tasks shown.');
    expect(await page.locator('details.task:visible').count()).toBe(1);
    await page.getByLabel('Search tasks').fill('');
    await page.getByLabel('Show', { exact: true }).selectOption('seen');
    expect(await tasksOf(page)).toHaveLength(4);
    const primary = await page.locator('#grid td[data-cell] .value').first().textContent();
    await page.getByLabel('Metric', { exact: true }).selectOption('metric acc_norm');
    expect(await page.locator('#grid td[data-cell] .value').first().textContent()).not.toBe(primary);
    expect(await page.locator('#grid .bar:visible').count()).toBe(0);
    await page.getByLabel('Metric', { exact: true }).selectOption('zero');
    expect(await page.locator('#grid td[data-cell] .value').first().textContent()).toBe('–');
    await page.getByLabel('Metric', { exact: true }).selectOption('primary');
    expect(await page.locator('#grid td[data-cell] .value').first().textContent()).toBe(primary);
    await page.getByRole('checkbox', { name: '8' }).uncheck();
    await page.getByRole('checkbox', { name: 'demo-small' }).uncheck();
    expect(await page.locator('#grid thead tr:last-child th:visible').allTextContents()).toEqual([
      'k = 0',
      'k = 1',
    ]);
    expect(new URL(page.url()).hash).toBe('#filter=seen&no-k=8&no-model=demo-small');
    await page.reload();
    await page.waitForSelector('html[data-ready]');
    expect(await page.locator('#grid thead tr:last-child th:visible').count()).toBe(2);
    expect(await page.getByRole('checkbox', { name: 'demo-small' }).isChecked()).toBe(false);
  });

  test('opens an example down to its tokens, and another cell of it, by the keyboard alone', async () => {
    const page = await open('few.html');
    const section = page.locator('#task-0');
    await section.locator('> summary').focus();
    await page.keyboard.press('Enter');
    const row = section.locator('.examples > ol > li > button').first();
    await row.waitFor();
    expect(await section.locator('.examples [role=status]').textContent()).toBe('50 of 120 examples');
    await row.focus();
    await page.keyboard.press('Enter');
    const example = section.locator('.example');
    expect(await example.locator('pre').textContent()).toMatch(/Question: what of rte/);
    expect(await example.locator('tbody').first().locator('tr').count()).toBe(6);
    expect(await example.locator('.token').count()).toBeGreaterThan(8);
    await example.getByRole('button', { name: 'Look into demo-large, k = 8' }).click();
    expect(await example.locator('h4').first().textContent()).toBe('Prompt of demo-large, k = 8');
    expect((await example.locator('pre').textContent())?.split('Question:').length).toBe(10);
    const [id] = (await row.locator('.line').textContent())?.split('  ') ?? [];
    expect(new URL(page.url()).hash).toBe(`#task=rte&example=${id}`);
    await section.getByLabel('Examples of a kind').selectOption('tie');
    expect(await section.locator('.examples > ol > li').count()).toBeLessThan(10);
    await section.getByLabel('Search these examples').fill('no such text');
    expect(await section.locator('.examples > ol > li').count()).toBe(0);
  });

  test.each(['few.html', 'all.html'])('a deep link opens its example: %s', async (name) => {
    const page = await open(name, { hash: '#task=race-h&example=race-h-97' });
    const open97 = page.locator('#task-3 li[data-id="race-h-97"] .example');
    await open97.waitFor();
    expect(await open97.locator('pre').textContent()).toContain('Question: what of race-h 97?');
    await page.goto(`${page.url().split('#')[0]}#task-1`);
    await page.locator('#task-1[open] .examples > ol').waitFor();
  });

  test('saves the numbers and each chart', async () => {
    const page = await open('few.html');
    const saved = async (click: () => Promise<void>): Promise<[string, string]> => {
      const [download] = await Promise.all([page.waitForEvent('download'), click()]);
      return [download.suggestedFilename(), readFileSync(await download.path(), 'utf8')];
    };
    const [csv, rows] = await saved(() => page.getByRole('button', { name: 'CSV' }).click());
    expect(csv).toBe('leaderboard.csv');
    expect(rows.split('\n')).toHaveLength(4 * 6 * 3 + 2);
    const [chart, svg] = await saved(() =>
      page
        .getByRole('button', { name: /^Save as SVG/ })
        .first()
        .click(),
    );
    expect(chart).toBe('mean-k.svg');
    expect(svg).toMatch(/^<svg /);
    expect(svg).not.toContain('var(');
  });

  test.each(['light', 'dark'] as const)('axe finds nothing serious: %s', async (colorScheme) => {
    // axe is put into the page, which its policy would not allow.
    const page = await open('few.html', { colorScheme, bypassCSP: true });
    await page.locator('#task-0 > summary').click();
    await page.locator('#task-0 .examples > ol > li > button').first().click();
    await page.evaluate(axe);
    const violations = await page.evaluate(async () => {
      const { run } = (globalThis as unknown as { axe: { run(): Promise<{ violations: unknown[] }> } }).axe;
      const found = (await run()).violations as {
        id: string;
        impact: string;
        nodes: { html: string; failureSummary: string }[];
      }[];
      return found.map(({ id, impact, nodes }) => ({ id, impact, node: nodes[0] }));
    });
    expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
  });

  test('a hostile data set is text: nothing runs, also in its examples', async () => {
    const page = await open('hostile.html');
    await page.locator('#task-0 > summary').click();
    const rows = page.locator('#task-0 .examples > ol > li > button');
    await rows.first().waitFor();
    for (const row of await rows.all()) await row.click();
    expect(await page.locator('.example').count()).toBe(12);
    expect(await page.evaluate(() => (globalThis as { ran?: number }).ran)).toBeUndefined();
    expect(await page.locator('img, iframe, b').count()).toBe(0);
    expect(await page.locator('script').count()).toBe(6);
    await page.getByLabel('Metric', { exact: true }).selectOption({ index: 7 });
  });

  test('without JavaScript tables and charts read, and what needs it is not there', async () => {
    const page = await open('few.html', { javaScriptEnabled: false });
    expect(await page.locator('#tools').isVisible()).toBe(false);
    expect(await tasksOf(page)).toEqual(['rte', 'boolq', 'anli-r1', 'race-h']);
    expect(await page.locator('figure svg:visible').count()).toBeGreaterThanOrEqual(2);
    await page.locator('#task-0 > summary').click();
    expect(await page.locator('#task-0 table').first().isVisible()).toBe(true);
    expect(await page.locator('#task-0 .examples').textContent()).toContain('does not run here');
  });

  test.each([390, 1280])('nothing is wider than a screen of %d pixels', async (width) => {
    for (const name of ['few.html', 'hostile.html']) {
      const page = await open(name, { viewport: { width, height: 800 } });
      await page.locator('#task-0 > summary').click();
      await page.locator('#task-0 .examples > ol > li > button').first().click();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    }
  });
});
