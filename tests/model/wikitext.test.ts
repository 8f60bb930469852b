import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluate } from '../../src/evaluate/evaluate.ts';
import type { RunRecord } from '../../src/record.ts';
import { formatTable } from '../../src/report/table.ts';
import { samplesPath } from '../../src/store/run-folder.ts';
import type { Sample } from '../../src/types.ts';
import { missing, python, shared } from '../helpers/shared.ts';

/** WikiText-2's test articles, rolled over by lm-eval and by us in this very run: every article, every denominator. */
const data = join(shared, 'data');
const NAME = 'wikitext2/test.txt';
const makeCheckpoint = join(shared, 'peers', 'make_checkpoint.py');
const stories = join(shared, 'models', 'stories260K');
const reason = missing(python, makeCheckpoint, join(data, NAME), stories);
if (reason) console.log(`WikiText-2 against lm-eval ${reason}`);

interface Answer {
  readonly logprobs: readonly number[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly ppl_word_and_line_end: number;
}

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-wikitext-'));
const before = process.env.EVALGPT_DATA;
afterAll(() => {
  process.env.EVALGPT_DATA = before;
  if (before === undefined) delete process.env.EVALGPT_DATA;
  rmSync(folder, { recursive: true, force: true });
});

const demo = fileURLToPath(new URL('../../datasets/demo/small', import.meta.url));
const random = join(folder, 'random');
const plain = join(folder, 'data');
const part = join(folder, 'part');
/**
 * The whole file for one, parts for those that take their time (the whole was compared once: see
 * tests/bench/README.md); stories260K's tokenizer has a token that the file spells, which lm-eval takes for that token.
 */
const CASES: readonly (readonly [string, string, string])[] = [
  ['GPT-2 of random weights, window 1,024', random, part],
  ['demo-small, trained', demo, data],
  ['stories260K, trained, with "unk" for "<unk>"', stories, plain],
];

describe.skipIf(reason)('WikiText-2 as lm-eval measures it', { timeout: 600_000 }, () => {
  beforeAll(() => {
    const text = readFileSync(join(data, NAME), 'utf8');
    const made = {
      [plain]: text.slice(0, 300_000).replaceAll('<unk>', 'unk'),
      [part]: text.slice(0, 200_000),
    };
    for (const [to, changed] of Object.entries(made)) {
      mkdirSync(join(to, 'wikitext2'), { recursive: true });
      writeFileSync(join(to, NAME), changed);
    }
    const shape = ['n_layer=1', 'n_embd=32', 'n_head=2'];
    execFileSync(python, [makeCheckpoint, 'gpt2', random, '--set', ...shape], { stdio: 'ignore' });
  }, 120_000);

  test.each(CASES)('%s', async (_, model, source) => {
    process.env.EVALGPT_DATA = source;
    const answer = join(folder, 'answer.json');
    const script = join(import.meta.dirname, 'lm_eval_wikitext.py');
    execFileSync(python, [script, model, join(source, NAME), answer], { stdio: 'ignore' });
    const theirs = JSON.parse(readFileSync(answer, 'utf8')) as Answer;
    const score = async (protocol: 'lm-eval' | 'gpt2'): Promise<{ record: RunRecord; samples: Sample[] }> => {
      const out = join(folder, `${protocol}-${model.split('/').at(-1)}`);
      const spec = { models: [model], tasks: ['wikitext2-unk'], protocol };
      const record = await evaluate(spec, { out, offline: true, reuse: join(folder, 'scores') });
      const path = join(out, samplesPath({ model, task: 'wikitext2-unk', shots: 0, draw: 0 }));
      const lines = readFileSync(path, 'utf8').trim().split('\n');
      return { record, samples: lines.map((line) => JSON.parse(line) as Sample) };
    };

    const own = await score('lm-eval');
    expect(own.samples).toHaveLength(theirs.logprobs.length);
    const byId = new Map(
      own.samples.map((sample) => [Number(sample.id), sample.values?.logprob ?? Number.NaN]),
    );
    const apart = theirs.logprobs.map(
      (value, i) => Math.abs((byId.get(i + 1) ?? Number.NaN) - value) / Math.abs(value),
    );
    expect(Math.max(...apart)).toBeLessThan(1e-5);

    const { metrics } = own.record.results[0]!;
    const rows = Object.entries(theirs.metrics).map(([name, value]) => {
      const ours = metrics[name]!.value;
      expect(Math.abs(ours / value - 1), name).toBeLessThan(1e-5);
      return [name, value.toPrecision(8), ours.toPrecision(8)];
    });
    const paper = (await score('gpt2')).record.results[0]!.metrics.ppl_word!.value;
    expect(Math.abs(paper / theirs.ppl_word_and_line_end - 1)).toBeLessThan(1e-5);
    rows.push(['ppl_word, line ends too', theirs.ppl_word_and_line_end.toPrecision(8), paper.toPrecision(8)]);
    console.log(`largest relative difference of an article: ${Math.max(...apart).toExponential(1)}`);
    console.log(formatTable(['metric', 'lm-eval', 'evalgpt'], rows));
  });
});
