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
import { afterAll, describe, expect, test } from 'vitest';
import { readStoredRun } from '../../src/check/baseline.ts';
import { pairRuns } from '../../src/check/pair.ts';
import { checkRuns, THRESHOLDS } from '../../src/check/verdict.ts';
import { isLmEvalOutput } from '../../src/lm-eval/output.ts';
import { openRun } from '../../src/lm-eval/read.ts';
import { sampleOf } from '../../src/lm-eval/sample.ts';
import { writeLmEval } from '../../src/lm-eval/write.ts';
import { mergeRuns } from '../../src/report/merge.ts';
import { readTaskItems } from '../../src/report/task-items.ts';
import { isOfLmEval } from '../../src/store/spec-file.ts';

/** A real run, see tests/vectors/make_lm_eval.sh. */
const output = fileURLToPath(new URL('../vectors/lm-eval', import.meta.url));
const theirs = JSON.parse(readFileSync(join(output, 'results_2026-01-01T00-00-00.000000.json'), 'utf8'));
const parent = mkdtempSync(join(tmpdir(), 'evalgpt-lm-eval-test-'));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

describe("lm-eval's output as a run", () => {
  test('has the results that lm-eval found', async () => {
    const run = await openRun(output);
    try {
      const value = (task: string, metric: string): number | undefined =>
        run.record.results.find((r) => r.task === task)?.metrics[metric]?.value;
      const found = theirs.results;
      expect(value('own_choice', 'acc')).toBe(found.own_choice['acc,none']);
      expect(value('own_choice', 'acc_norm')).toBe(found.own_choice['acc_norm,none']);
      expect(value('own_word', 'acc')).toBe(found.own_word['acc,none']);
      expect((value('own_word', 'ppl_word') ?? 0) / found.own_word['perplexity,none']).toBeCloseTo(1, 9);
      expect(value('own_sums', 'em')).toBe(found.own_sums['exact_match,none']);
      expect((value('own_pages', 'ppl_word') ?? 0) / found.own_pages['word_perplexity,none']).toBeCloseTo(
        1,
        9,
      );
      expect((value('own_pages', 'ppl_byte') ?? 0) / found.own_pages['byte_perplexity,none']).toBeCloseTo(
        1,
        9,
      );
      expect((value('own_pages', 'bpb') ?? 0) / found.own_pages['bits_per_byte,none']).toBeCloseTo(1, 9);
      expect(run.record.results.map((r) => [r.task, r.n])).toEqual([
        ['own_choice', 4],
        ['own_pages', 2],
        ['own_sums', 2],
        ['own_word', 3],
      ]);
      expect(isOfLmEval(run.record.spec)).toBe(true);
      expect(run.record.spec.models[0]).toMatchObject({ ref: 'model', architecture: 'hf' });
    } finally {
      await run.close();
    }
  });

  test('is what the report reads: samples by item, and how they read', async () => {
    const run = await openRun(output);
    try {
      const { cells } = mergeRuns([{ name: 'lm-eval', folder: run.folder, record: run.record }]);
      const choice = cells.filter(({ result }) => result.task === 'own_choice');
      const read = await readTaskItems(choice, undefined);
      expect(read.ids).toEqual(['0', '1', '2', '3']);
      expect(read.cells[0]?.values.every((value) => value === 0 || value === 1)).toBe(true);
      const texts = readFileSync(join(run.folder, 'prompts', 'own_choice.jsonl'), 'utf8').split('\n');
      expect(JSON.parse(texts[1] ?? '')).toMatchObject({ id: '0', choices: [' drawer', ' garden'] });
    } finally {
      await run.close();
    }
    expect(existsSync(run.folder)).toBe(false);
  });

  test('is checked against itself', async () => {
    const before = await readStoredRun(output, '--baseline');
    const same = checkRuns(pairRuns(before, await readStoredRun(output, '--candidate')), THRESHOLDS);
    // Scores are equal; of a written answer lm-eval keeps no log-probability, and two answers prove nothing.
    const verdicts = same.cells.map(({ task, verdict }) => [task, verdict]);
    expect(verdicts).toEqual([
      ['own_choice', 'pass'],
      ['own_pages', 'pass'],
      ['own_sums', 'inconclusive'],
      ['own_word', 'pass'],
    ]);
  });

  test('the parts of what is asked for', async () => {
    expect(await isLmEvalOutput(output)).toBe(true);
    expect(await isLmEvalOutput(parent)).toBe(false);
    const bare = join(parent, 'bare');
    mkdirSync(bare);
    writeFileSync(join(bare, 'results_2026-01-01T00-00-00.json'), '{"results": {}, "config": {}}');
    await expect(openRun(bare)).rejects.toThrow('run lm-eval with --log_samples');
    for (const name of ['a', 'b']) {
      mkdirSync(join(parent, 'two', name), { recursive: true });
      writeFileSync(join(parent, 'two', name, 'results_2026-01-01T00-00-00.json'), '{}');
    }
    await expect(openRun(join(parent, 'two'))).rejects.toThrow('holds results of 2 models');
  });
});

describe("lines of lm-eval's samples", () => {
  const line = (differs: object) => ({
    doc_id: 7,
    target: '1',
    filtered_resps: [],
    arguments: {},
    ...differs,
  });

  test('older versions: numbers in place of text, lists of arguments, targets by their text', () => {
    const { sample, text, kind } = sampleOf(
      line({
        target: 'b',
        arguments: [
          ['Q:', ' a'],
          ['Q:', ' b'],
        ],
        filtered_resps: [
          [-3.5, false],
          [-1.25, true],
        ],
        acc: true,
      }),
      2,
    );
    expect(kind).toBe('choice');
    expect(sample).toMatchObject({
      id: '7',
      gold: 1,
      prediction: 1,
      shots_used: 2,
      values: { acc: 1, logprob_gold: -1.25 },
    });
    expect(text.choices).toEqual([' a', ' b']);
  });

  test('a number that a model wrote is no log-probability', () => {
    const { sample, kind } = sampleOf(
      line({
        target: '-4',
        arguments: { gen_args_0: { arg_0: '1 - 5 is', arg_1: { until: ['\n'] } } },
        filtered_resps: ['-4'],
        metrics: ['exact_match'],
        exact_match: 1,
      }),
      0,
    );
    expect(kind).toBe('generate');
    expect(sample).toMatchObject({ prediction: '-4', gold: '-4', values: { em: 1 } });
  });
});

describe('written as lm-eval writes', () => {
  test('and read again, a run is what it was', async () => {
    const run = await openRun(output);
    const out = join(parent, 'written');
    const files = await writeLmEval(run.folder, run.record, out, new Date('2026-02-03T04:05:06.789Z'));
    expect(files).toEqual([join(out, 'model', 'results_2026-02-03T04-05-06.789000.json')]);
    const again = await openRun(out);
    const numbers = ({ record }: typeof run): object =>
      record.results.map(({ task, n, metrics, primary }) => [
        task,
        n,
        primary,
        metrics.acc?.value,
        metrics.em?.value,
        metrics.logprob_gold?.value,
      ]);
    expect(numbers(again)).toEqual(numbers(run));
    const written = JSON.parse(readFileSync(files[0] as string, 'utf8'));
    // All that lm-eval's own tools look up in a results file.
    for (const key of [
      'results',
      'configs',
      'versions',
      'n-shot',
      'higher_is_better',
      'n-samples',
      'config',
      'model_name',
      'model_source',
    ])
      expect(Object.keys(theirs)).toContain(key);
    for (const [task, metrics] of Object.entries(theirs.results as Record<string, Record<string, unknown>>)) {
      for (const [name, value] of Object.entries(metrics)) {
        if (typeof value !== 'number' || !name.endsWith(',none') || name.includes('stderr')) continue;
        expect(written.results[task][name] / value || 1, `${task} ${name}`).toBeCloseTo(1, 9);
      }
    }
    const names = (folder: string): string[] =>
      readdirSync(folder)
        .map((name) => name.replace(/_2026-.*/, ''))
        .sort();
    expect(names(join(out, 'model'))).toEqual(names(output));
    await Promise.all([run.close(), again.close()]);
  });
});
