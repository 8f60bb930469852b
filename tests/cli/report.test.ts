import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evalgpt } from '../helpers/cli.ts';
import { writeRunFolder } from '../helpers/run-folders.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-report-'));
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  const base = { seed: 1, tasks: ['rte'], shots: [0, 1], items: 10 };
  writeRunFolder(at('a'), { ...base, models: [{ ref: 'small', parameters: 1000 }] });
  writeRunFolder(at('b'), { ...base, models: [{ ref: 'large', parameters: 9000 }] });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('evalgpt report', () => {
  test('one page from several folders, the same again to the byte', async () => {
    const made = await evalgpt(['report', at('a'), at('b'), '--out', at('new/board.html')]);
    expect(made).toEqual({ code: 0, stdout: `${at('new/board.html')}\n`, stderr: '' });
    const page = readFileSync(at('new/board.html'), 'utf8');
    for (const name of ['small', 'large', 'rte']) expect(page).toContain(name);
    await evalgpt(['report', at('a'), at('b'), '--out', at('again.html')]);
    expect(readFileSync(at('again.html'), 'utf8')).toBe(page);
  });

  test('tables to stdout or by the name of the file; charts into a folder', async () => {
    const csv = await evalgpt(['report', at('a'), '--format', 'csv']);
    expect(csv.stdout.split('\n')[0]).toMatch(/^model,parameters,task,/);
    await evalgpt(['report', at('a'), at('b'), '--out', at('board.md')]);
    expect(readFileSync(at('board.md'), 'utf8')).toMatch(/^\| task \| metric \| chance \| small, k = 0 /);
    await evalgpt(['report', at('a'), at('b'), '--format', 'svg', '--out', at('charts')]);
    expect(readdirSync(at('charts'))).toEqual([
      'mean-k.svg',
      'mean-size.svg',
      'task-0-k.svg',
      'task-0-size.svg',
    ]);
  });

  test("lm-eval's output by its own name, and no command of ours", async () => {
    const output = fileURLToPath(new URL('../vectors/lm-eval', import.meta.url));
    const { code } = await evalgpt(['report', output, '--out', at('theirs.html')]);
    expect(code).toBe(0);
    const page = readFileSync(at('theirs.html'), 'utf8');
    expect(page).toContain(`<h3>${output}</h3>`);
    expect(page).toContain('<dt>made by</dt><dd>lm-eval');
    expect(page).not.toContain('evalgpt-lm-eval-');
    expect(page).not.toContain('<dt>command</dt>');
  });

  test.each<[string, string[], RegExp]>([
    ['no folder', [], /Not enough non-option arguments/],
    ['no run in it', ['.'], /run\.json: expected a run folder, found no run\.json/],
    [
      'a name without a known ending',
      ['a', '--out', 'x.pdf'],
      /--out .*x\.pdf: expected a name that ends in/,
    ],
    ['charts without a folder', ['a', '--format', 'svg'], /--format svg: expected --out and a folder/],
    [
      'examples in a table',
      ['a', '--format', 'csv', '--samples', 'all'],
      /--samples all: expected --format html/,
    ],
    ['a file in the way', ['a', '--out', 'a/run.json/x.html'], /--out .*x\.html: cannot be written: /],
  ])('%s: one sentence', async (_, args, message) => {
    const paths = args.map((arg) => (/^(a|\.|.*\.(pdf|html))$/.test(arg) ? at(arg) : arg));
    const { code, stderr } = await evalgpt(['report', ...paths]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
    expect(existsSync('leaderboard.html')).toBe(false);
  });
});
