import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { type Figure, parseFigures } from '../../src/published/figures.ts';
import { readFigures } from '../../src/published/read.ts';
import { tasks } from '../../tasks/index.ts';

const folder = fileURLToPath(new URL('../../reports/published', import.meta.url));
const figures = readFigures();

const find = (wanted: Partial<Figure>): Figure[] =>
  figures.filter((f) => Object.entries(wanted).every(([key, value]) => f[key as keyof Figure] === value));

describe('the figures that are shipped', () => {
  test('every line of every file is one', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.csv'));
    const lines = files.map(
      (name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').length - 1,
    );
    expect(Object.fromEntries(files.map((name, i) => [name, lines[i]]))).toEqual({
      'gpt2-overlap.csv': 12,
      'gpt2-paper.csv': 54,
      'gpt3-contamination.csv': 377,
      'gpt3-paper.csv': 1529,
      'lm-eval.csv': 18,
      'open-llm-leaderboard.csv': 6,
      'third-party.csv': 13,
    });
    expect(figures).toHaveLength(2009);
  });

  /** Chosen by hand from the figures, some of each source. */
  test.each([
    ['GPT-2 paper', 'GPT-2 117M', 'LAMBADA', 'acc_filtered', 'zero', 0.4599],
    ['GPT-2 paper', 'GPT-2 117M', 'LAMBADA', 'ppl', 'zero', 35.13],
    ['GPT-2 paper', 'GPT-2 1542M', 'LAMBADA', 'acc_filtered', 'zero', 0.6324],
    ['GPT-2 paper', 'GPT-2 1542M', 'LAMBADA', 'acc', 'zero', 0.5266],
    ['GPT-2 paper', 'GPT-2 1542M', 'CBT-NE', 'acc', 'zero', 0.8905],
    ['GPT-2 paper', 'GPT-2 1542M', 'WikiText103', 'ppl', 'zero', 17.48],
    ['GPT-2 paper', 'GPT-2 762M', 'enwik8', 'bpb', 'zero', 0.97],
    ['GPT-2 paper', 'GPT-2 1542M', 'CoQA', 'f1', 'zero', 0.55],
    ['GPT-2 paper', 'GPT-2 1542M', 'Fr->En 14', 'bleu', 'few', 11.5],
    ['GPT-3 paper', 'GPT-3 175B', 'LAMBADA', 'acc', 'zero', 0.762],
    ['GPT-3 paper', 'GPT-3 175B', 'LAMBADA', 'acc', 'one', 0.725],
    ['GPT-3 paper', 'GPT-3 175B', 'LAMBADA', 'acc', 'few', 0.864],
    ['GPT-3 paper', 'GPT-3 175B', '2D+', 'acc', 'few', 1],
    ['GPT-3 paper', 'GPT-3 Small', 'CB', 'acc', 'zero', 0],
    ['GPT-3 paper', 'GPT-3 175B', 'En->Fr 14', 'bleu_mb', 'few', 32.6],
    ['GPT-3 paper', 'GPT-3 175B', 'En->Fr 14', 'bleu_sb', 'few', 39.9],
    ['lm-eval', 'gpt2', 'LAMBADA', 'acc', 'zero', 0.3256],
    ['lm-eval', 'gpt2-xl', 'LAMBADA', 'ppl_word', 'zero', 10.634],
    ['third party', 'gpt2', 'CBT-CN', 'acc', 'zero', 0.8435],
    ['Open LLM Leaderboard v1', 'gpt2', 'HellaSwag', 'acc_norm', 'few', 0.3153],
  ] as const)('%s, %s: %s %s at %s shots is %d', (source, model, task, metric, shots, value) => {
    expect(find({ source, model, task, metric, shots }).map((f) => f.value)).toEqual([value]);
  });

  test('shares are shares, whatever their unit in the file', () => {
    const shares = figures.filter((f) => /^(acc|em|f1|mc2|average)/.test(f.metric));
    expect(shares.length).toBeGreaterThan(1300);
    expect(shares.filter(({ value }) => value < 0 || value > 1)).toEqual([]);
    // None was divided twice: every model is better than 1 % somewhere.
    for (const model of new Set(shares.map((f) => f.model)))
      expect(Math.max(...shares.filter((f) => f.model === model).map((f) => f.value)), model).toBeGreaterThan(
        0.25,
      );
  });

  test('shots and k agree, and sizes are those of the names', () => {
    for (const { shots, k, where } of figures) {
      if (shots === 'zero') expect(k, where).toBe(0);
      if (shots === 'one') expect(k, where).toBe(1);
      if (shots === 'few' && k !== null) expect(k, where).toBeGreaterThan(1);
    }
    expect(find({ model: 'GPT-2 117M' })[0]?.parameters).toBe(117e6);
    expect(find({ model: 'GPT-3 XL' })[0]?.parameters).toBe(1.3e9);
    expect(find({ model: '' }).every((f) => f.parameters === null)).toBe(true);
  });

  test('one key a benchmark, however its sources name it', () => {
    const sources = (task: string): string[] => [...new Set(find({ task }).map((f) => f.source))];
    expect(sources('LAMBADA')).toEqual(['GPT-2 paper', 'GPT-3 paper', 'lm-eval', 'third party']);
    expect(find({ task: 'LAMBADA', named: 'lambada_openai' })).toHaveLength(3);
    expect(sources('CBT-CN')).toEqual(['GPT-2 paper', 'third party']);
    expect(sources('HellaSwag')).toContain('Open LLM Leaderboard v1');
    expect(sources('ARC (Challenge)')).toEqual(['GPT-3 paper', 'lm-eval', 'Open LLM Leaderboard v1']);
    for (const task of ['Winograd', 'CoQA', 'NQs', 'En->Fr 14', 'Fr->En 14'])
      expect(sources(task).slice(0, 2), task).toEqual(['GPT-2 paper', 'GPT-3 paper']);
    // Keys of table C.1 are keys of table H.1.
    const scored = new Set(figures.filter((f) => f.where === 'Table H.1').map((f) => f.task));
    const checked = figures.filter((f) => f.where === 'Table C.1').map((f) => f.task);
    expect(checked.filter((task) => !scored.has(task))).toEqual([]);
  });

  test.each(tasks.filter((task) => task.published !== undefined).map((task) => [task.name, task.published]))(
    '%s: there are figures of %s',
    (_, key) => {
      expect(figures.filter((f) => f.task === key && f.shots === 'zero').length).toBeGreaterThan(0);
    },
  );

  test("a task's k is that of the GPT-3 paper's figures", () => {
    for (const { name, published, paperShots } of tasks) {
      const few = figures.filter(
        (f) => f.task === published && f.source === 'GPT-3 paper' && f.shots === 'few' && f.k !== null,
      );
      if (few.length > 0) expect([...new Set(few.map((f) => f.k))], name).toEqual([paperShots]);
    }
  });
});

const HEADER = 'source,model,params,task,named,metric,shots,k,value,unit,split,where,note,confidence';
const LINE = 'GPT-3 paper,GPT-3 XL,1.3B,RTE,,acc,few,32,57.1,percent,dev,Table H.1,"a, b",high';

describe('parseFigures', () => {
  test('a line, with the decimal point moved and not divided', () => {
    expect(parseFigures('f.csv', `${HEADER}\n\n${LINE}\n`)).toEqual([
      {
        ...{
          source: 'GPT-3 paper',
          model: 'GPT-3 XL',
          parameters: 1.3e9,
          task: 'RTE',
          named: '',
          metric: 'acc',
        },
        ...{ shots: 'few', k: 32, value: 0.571, split: 'dev', where: 'Table H.1', note: 'a, b' },
        confidence: 'high',
      },
    ]);
    const values = ['0', '-3', '28.9', '100', '57.99'].map(
      (text) => parseFigures('f.csv', `${HEADER}\n${LINE.replace('57.1', text)}`)[0]!.value,
    );
    expect(values).toEqual([0, -0.03, 0.289, 1, 0.5799]);
  });

  test.each([
    ['nothing', '', `f.csv:1: expected the columns ${HEADER}, found nothing`],
    ['another header', 'model,value\n', `f.csv:1: expected the columns ${HEADER}, found model,value`],
    [
      'a column less',
      `${HEADER}\n${LINE}\n${LINE.replace(',,', ',')}`,
      'f.csv:3: expected 14 columns, found 13',
    ],
    [
      'a comma without quotes',
      `${HEADER}\n${LINE.replaceAll('"', '')}`,
      'f.csv:2: expected 14 columns, found 15',
    ],
    ['a value', `${HEADER}\n\n${LINE.replace('57.1', '57,1')}`, 'f.csv:3: expected 14 columns, found 15'],
    [
      'no number',
      `${HEADER}\n${LINE.replace('57.1', 'n/a')}`,
      'f.csv:2: "value" expected a number, found "n/a"',
    ],
    [
      'an empty value',
      `${HEADER}\n${LINE.replace('57.1', '')}`,
      'f.csv:2: "value" expected a number, found ""',
    ],
    [
      'a source',
      `${HEADER}\n${LINE.replace('GPT-3 paper', 'hearsay')}`,
      'f.csv:2: "source" expected one of GPT-2 paper, GPT-3 paper, lm-eval, Open LLM Leaderboard v1, third party, found "hearsay"',
    ],
    [
      'a unit',
      `${HEADER}\n${LINE.replace('percent', '%')}`,
      '"unit" expected one of percent, share, number, found "%"',
    ],
    [
      'shots',
      `${HEADER}\n${LINE.replace('few', 'two')}`,
      '"shots" expected one of zero, one, few, nothing, found "two"',
    ],
    ['k', `${HEADER}\n${LINE.replace('32', 'many')}`, '"k" expected a whole number or nothing, found "many"'],
    [
      'a size',
      `${HEADER}\n${LINE.replace('1.3B', 'XL')}`,
      '"params" expected a number such as 117M of a model, found "XL"',
    ],
    ['no task', `${HEADER}\n${LINE.replace('RTE', '')}`, '"task" expected a text, found ""'],
    ['an open quote', `${HEADER}\n"${LINE}`, 'f.csv: not CSV: '],
  ])('%s is an error', (_, text, message) => {
    expect(() => parseFigures('f.csv', text)).toThrow(UserError);
    expect(() => parseFigures('f.csv', text)).toThrow(message);
  });

  test('a folder is read whole, in order of name; an error names the file', () => {
    const made = mkdtempSync(join(tmpdir(), 'evalgpt-published-'));
    try {
      writeFileSync(join(made, 'b.csv'), `${HEADER}\n${LINE.replace('57.1', '2')}\n`);
      writeFileSync(join(made, 'a.csv'), `${HEADER}\n${LINE.replace('57.1', '1')}\n`);
      writeFileSync(join(made, 'README.md'), 'no figures');
      expect(readFigures(made).map((f) => f.value)).toEqual([0.01, 0.02]);
      writeFileSync(join(made, 'c.csv'), `${HEADER}\n${LINE.replace('57.1', '?')}\n`);
      expect(() => readFigures(made)).toThrow(
        new UserError(`${join(made, 'c.csv')}:2: "value" expected a number, found "?"`),
      );
    } finally {
      rmSync(made, { recursive: true });
    }
  });
});
