import { describe, expect, test } from 'vitest';
import { leaderboard } from '../../src/report/leaderboard.ts';
import { cell, published, record } from '../helpers/record.ts';

const HOSTILE = `</title></style><script>alert("x")</script><img src=x onerror='alert(1)'>&lt;b&gt;`;
/** The page's own elements; whatever else is in it came from data. */
const ELEMENTS =
  'html head meta title style body h1 h2 h3 p div table thead tbody tr th td strong dl dt dd ul li !doctype'.split(
    ' ',
  );

describe('leaderboard', () => {
  test('text from models, tasks, data and warnings is inert wherever it stands', () => {
    const hostile = cell({
      model: HOSTILE,
      task: HOSTILE,
      alarms: [HOSTILE],
      metrics: { acc: cell().metrics.acc!, [HOSTILE]: cell().metrics.acc! },
      published: [
        published({
          ...{ source: HOSTILE, model: HOSTILE, where: HOSTILE, metric: HOSTILE, why: [HOSTILE] },
        }),
      ],
    });
    const absent = cell({
      model: HOSTILE,
      task: 'none',
      n: 0,
      metrics: {},
      primary: HOSTILE,
      reasons: { [HOSTILE]: 1 },
    });
    const page = leaderboard(
      record([hostile, absent], {
        warnings: [HOSTILE],
        git: HOSTILE,
        spec: { device: HOSTILE as 'cpu', dtype: HOSTILE as 'fp32', evalgpt: HOSTILE },
      }),
    );
    expect(page).not.toMatch(/<script|<img|<b>/i);
    const elements = [...page.matchAll(/<\/?([^\s>/]*)/g)].map((m) => m[1]!.toLowerCase());
    expect(elements.filter((name) => !ELEMENTS.includes(name))).toEqual([]);
    expect(elements.filter((name) => name === 'title' || name === 'style')).toHaveLength(4);
    // Everything hostile is there, as text: model (heading, weights), task (row, name), metric, notes, reason,
    // primary, warning, git, device, precision, version; of a figure task, metric, model, source, place, reason.
    expect(page.split('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;').length - 1).toBeGreaterThanOrEqual(
      18,
    );
    expect(page).toContain('&amp;lt;b&amp;gt;');
    expect(page).not.toContain("onerror='");
  });

  test('one self-contained page: nothing is fetched, no script may run', () => {
    const page = leaderboard(record([cell()]));
    expect(page.startsWith('<!doctype html>\n<html lang="en">')).toBe(true);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(page).not.toMatch(/<script|<link|src=|href=|url\(|@import/i);
    for (const name of ['table', 'tbody', 'dl', 'body', 'html'])
      expect([...page.matchAll(new RegExp(`<${name}[ >]`, 'g'))]).toHaveLength(
        [...page.matchAll(new RegExp(`</${name}>`, 'g'))].length,
      );
  });

  test('a table a model, in the order of the run, each with its own rows', () => {
    const results = ['b', 'a'].flatMap((model, i) =>
      ['t1', 't2'].map((task, j) =>
        cell({ model, task, metrics: { acc: { value: (10 * i + j) / 100, stderr: 0, ci95: [0, 1] } } }),
      ),
    );
    const page = leaderboard(record(results));
    const tables = page.split('<h2>').slice(1);
    expect(tables.map((t) => t.slice(0, t.indexOf('<')))).toEqual(['b', 'a', 'This run']);
    const values = tables.map((t) => [...t.matchAll(/<strong>([^<]*)<\/strong>/g)].map((m) => m[1]));
    expect(values).toEqual([['0.0', '1.0'], ['10.0', '11.0'], []]);
  });

  test('the primary metric stands out with chance and notes; others follow; unscored cells give their reason', () => {
    const page = leaderboard(
      record([
        cell({ ties: 1, shots: 32, shots_used: { min: 11, mean: 11, max: 11 }, draw: 1 }),
        cell({ task: 'gone', n: 0, metrics: {}, reasons: { 'no such file': 1 } }),
      ]),
    );
    expect(page).toContain(
      '<tr><th scope="row">anli-r1</th><td>32 (11 used), draw 1</td><td class="number">200</td><td>acc</td><td class="number"><strong>34.5</strong></td><td class="number">28.3 – 41.3</td><td class="number">33.3</td><td>1 ties</td></tr>',
    );
    expect(page).toContain(
      '<td>logprob_gold</td><td class="number">-2.500</td><td class="number">-2.700 – -2.300</td><td class="number"></td><td></td></tr>',
    );
    expect(page).toMatch(/gone<\/th>.*<td>unscored<\/td>.*<td>no such file<\/td><\/tr>/);
  });

  test('published figures: value, difference, where from, and why they may differ', () => {
    const page = leaderboard(
      record([
        cell({ task: 't1', published: [published()] }),
        cell({
          task: 't2',
          shots: 32,
          shots_used: { min: 11, mean: 11, max: 11 },
          published: [
            published({ same: false, k: 50, why: [], metric: 'ppl_word', value: 8, difference: 1.5 }),
          ],
        }),
        cell({ task: 't3', model: 'other' }),
      ]),
    );
    expect(page.match(/<h3>Published figures<\/h3>/g)).toHaveLength(1);
    expect(page.indexOf('Published figures')).toBeLessThan(page.indexOf('<h2>other'));
    expect(page).toContain(
      '<tr><th scope="row">t1</th><td>0</td><td>acc</td><td class="number">34.5</td><td class="number">46.0</td><td class="number">-11.5</td><td>GPT-2 117M<div class="soft">GPT-2 paper, Table 3</div></td><td><ul><li>one reason</li><li>another</li></ul></td></tr>',
    );
    expect(page).toContain(
      '<tr><th scope="row">t2</th><td>32 (11 used); 50 there</td><td>ppl_word</td><td class="number">0.345</td><td class="number">~8.000</td><td class="number">+1.500</td>',
    );
    expect(leaderboard(record([cell()]))).not.toContain('Published');
  });

  test('what identifies the run is there: versions, hashes, seed, pool, warnings', () => {
    const page = leaderboard(record([cell()], { warnings: ['not the published file'], git: 'abc123+dirty' }));
    for (const text of [
      'sha256 aaaaaaaa',
      'sha256 cccccccc',
      '0.1.0',
      'v20.19.0',
      'onnxruntime 1.30.0',
      'abc123+dirty',
    ])
      expect(page).toContain(text);
    expect(page).toContain('<dt>seed</dt><dd>1</dd>');
    expect(page).toContain('<dt>limit</dt><dd>200</dd>');
    expect(page).toContain('shots from dev (fixed draw)');
    expect(page).toContain('<h3>Warnings</h3><ul><li>not the published file</li></ul>');
    expect(page).toContain('124,439,808 parameters');
    expect(leaderboard(record([cell()]))).not.toContain('Warnings');
  });

  test('intervals at k > 0 are of this draw, until three draws were made', () => {
    const given = 'at k &gt; 0 given this draw of shots';
    const page = (shots: number, draws: number): string =>
      leaderboard(record([cell({ shots })], { spec: { draws } })).replaceAll('k > 0', 'k &gt; 0');
    expect(page(1, 1)).toContain(given);
    expect(page(0, 1)).not.toContain(given);
    expect(page(1, 3)).not.toContain(given);
  });
});
