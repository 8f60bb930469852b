import { describe, expect, test } from 'vitest';
import { notesOf, resultTable } from '../../src/report/table.ts';
import { cell, published, record } from '../helpers/record.ts';

describe('resultTable', () => {
  test('draws, their mean, and means over tasks', () => {
    const acc = { acc: { value: 0.5, stderr: 0.1, ci95: [0.4, 0.6] as const } };
    const results = [cell({ shots: 2, draw: 0, metrics: acc }), cell({ shots: 2, draws: 3, metrics: acc })];
    const group = { model: './gpt2', group: 'anli', shots: 2, metric: 'acc', tasks: 3, ...acc.acc };
    const text = resultTable({ ...record(results), groups: [group] });
    expect(text).toMatch(/^\.\/gpt2 +anli-r1 +2 \(0 used\) +0 +200 +acc +50\.0/m);
    expect(text).toMatch(/^\.\/gpt2 +anli-r1 +2 \(0 used\) +mean of 3 +200 +acc +50\.0/m);
    expect(text).toMatch(
      /\n\nmodel +mean of +shots +tasks +metric +value +95 % interval\n[- ]+\n\.\/gpt2 +anli +2 +3 +acc +50\.0 +40\.0 – 60\.0$/,
    );
  });

  test('to the letter: a row a cell, a perplexity on a row of its own, an unscored cell said', () => {
    const results = [
      cell(),
      cell({
        task: 'lambada',
        shots: 32,
        shots_used: { min: 11, mean: 11, max: 11 },
        chance: 0,
        ties: 2,
        metrics: {
          acc: { value: 0.5, stderr: 0.1, ci95: [0.4, 0.6] },
          ppl_word: { value: 1234.5, stderr: 1, ci95: null },
          logprob_gold: { value: -7.1, stderr: 1, ci95: null },
        },
      }),
      cell({ task: 'anli-r2', n: 0, unscored: 3, metrics: {} }),
    ];
    expect(resultTable(record(results)).split('\n')).toEqual([
      'model   task     shots         n    metric    value     95 % interval  chance  notes',
      '------  -------  ------------  ---  --------  --------  -------------  ------  ----------',
      './gpt2  anli-r1  0             200  acc       34.5      28.3 – 41.3    33.3',
      './gpt2  lambada  32 (11 used)  200  acc       50.0      40.0 – 60.0            2 ties',
      './gpt2  lambada  32 (11 used)  200  ppl_word  1234.5                           2 ties',
      './gpt2  anli-r2  0             0    acc       unscored                 33.3    3 unscored',
    ]);
  });

  test('published figures have a column where there are any: those of the model, else one of comparable size', () => {
    const other = { same: false, model: 'GPT-3 Small', source: 'GPT-3 paper' };
    const results = [
      cell({
        published: [
          published(),
          published({ ...other, value: 0.427, difference: -0.082 }),
          published({ source: 'lm-eval', model: 'gpt2', value: 0.3256, difference: 0.0194 }),
          published({ source: 'third party', model: 'gpt2' }),
          published({ metric: 'ppl_word', value: 35.13, difference: 4.87 }),
          published({ metric: 'acc_filtered' }),
        ],
        metrics: { acc: cell().metrics.acc!, ppl_word: { value: 40, stderr: 1, ci95: null } },
      }),
      cell({
        task: 'rte',
        published: [published({ ...other, value: 0.477, difference: 0 }), published(other)],
      }),
      cell({ task: 'wnli', ties: 1 }),
    ];
    expect(resultTable(record(results)).split('\n')).toEqual([
      'model   task     shots  n    metric    value   95 % interval  chance  published                                            notes',
      '------  -------  -----  ---  --------  ------  -------------  ------  ---------------------------------------------------  ------',
      './gpt2  anli-r1  0      200  acc       34.5    28.3 – 41.3    33.3    46.0 GPT-2 117M (-11.5); 32.6 gpt2 (lm-eval) (+1.9)',
      './gpt2  anli-r1  0      200  ppl_word  40.000                         35.130 GPT-2 117M (+4.870)',
      './gpt2  rte      0      200  acc       34.5    28.3 – 41.3    33.3    ~47.7 GPT-3 Small (+0.0)',
      './gpt2  wnli     0      200  acc       34.5    28.3 – 41.3    33.3                                                         1 ties',
    ]);
    expect(resultTable(record([cell()]))).not.toContain('published');
  });

  test('columns begin at the same place in every row, whatever the widths', () => {
    const results = [1, 12, 123].flatMap((n) =>
      ['m', 'a/long-model-name'].map((model) =>
        cell({ model, task: 't'.repeat(n % 20), n, alarms: ['alarm'] }),
      ),
    );
    const [header = '', rule = '', ...rows] = resultTable(record(results)).split('\n');
    const starts = [...rule.matchAll(/-+/g)].map((m) => m.index);
    expect(starts).toHaveLength(9);
    expect(rows).toHaveLength(6);
    for (const line of [header, ...rows]) {
      for (const start of starts) expect(line.slice(0, start).at(-1) ?? ' ').toBe(' ');
      for (const start of starts) expect(line[start]).toMatch(/\S/);
      expect(line).toBe(line.trimEnd());
    }
  });

  test('draws have a column of their own only where there are several', () => {
    const [first, second] = [0, 1].map((draw) =>
      cell({ shots: 1, draw, shots_used: { min: 1, mean: 1, max: 1 } }),
    );
    const lines = resultTable(record([cell(), first!, second!])).split('\n');
    expect(lines[0]).toMatch(/ shots {2}draw {2}n /);
    expect(lines.slice(2).map((line) => line.split(/ {2,}/).slice(2, 4))).toEqual([
      ['0', '200'],
      ['1', '0'],
      ['1', '1'],
    ]);
    expect(resultTable(record([cell()]))).not.toContain('draw');
  });

  test('no cells: a header', () => {
    expect(resultTable(record([])).split('\n')).toHaveLength(2);
  });
});

test('notes say what a reader must know, in order', () => {
  expect(notesOf(cell())).toBe('');
  expect(notesOf(cell({ unscored: 3, tokens_dropped: 40, ties: 2, alarms: ['odd', 'odder'] }))).toBe(
    '3 unscored; 40 tokens cut; 2 ties; odd; odder',
  );
});
