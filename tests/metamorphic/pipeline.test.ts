import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { evaluate, evaluateWith } from '../../src/evaluate/evaluate.ts';
import type { Model } from '../../src/models/open.ts';
import type { RunRecord, RunSpec } from '../../src/record.ts';
import { disk } from '../../src/store/disk.ts';
import { samplesPath } from '../../src/store/run-folder.ts';
import type { Sample } from '../../src/types.ts';
import { hashModel } from '../helpers/hash-model.ts';

/**
 * What must stay the same when a run's input changes in a way that has no say in it, over the whole pipeline but the
 * weights: the model's scores come from a hash of the tokens before and are the same to the last bit.
 */

const root = mkdtempSync(join(tmpdir(), 'evalgpt-metamorphic-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let runs = 0;

interface Item {
  readonly id: string;
  readonly context: string;
  readonly choices: readonly string[];
  readonly answer: number;
}

const WORDS = 'river lamp stone letter winter bread copper garden signal harbour'.split(' ');
const ITEMS: readonly Item[] = Array.from({ length: 12 }, (_, i) => ({
  id: `item ${i}`,
  context: `Which one goes with ${WORDS[i % 10]} and ${WORDS[(3 * i + 1) % 10]}, the ${i}th time?`,
  choices: [0, 1, 2, 3].map((c) => `${WORDS[(i + c) % 10]} ${WORDS[(2 * i + 3 * c) % 10]}`),
  answer: i % 4,
}));

interface Done {
  readonly record: RunRecord;
  readonly samples: ReadonlyMap<string, Sample>;
}

async function run(items: readonly Item[], spec: Partial<RunSpec> = {}, ref = 'hash'): Promise<Done> {
  const folder = join(root, String(runs++));
  const file = join(root, 'own-items.jsonl');
  writeFileSync(file, items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  const record = await evaluateWith(
    { openModel: async (name) => (name === 'uniform' ? uniformModel() : hashModel(name)), disk, flushMs: 0 },
    { models: [ref], tasks: [], taskFiles: [file], shots: [0], ...spec },
    { offline: true, out: folder },
  );
  const [{ model, task, shots, draw = 0 }] = record.results as [RunRecord['results'][number]];
  const lines = readFileSync(join(folder, samplesPath({ model, task, shots, draw })), 'utf8')
    .trimEnd()
    .split('\n');
  const samples = lines.map((line) => JSON.parse(line) as Sample);
  return { record, samples: new Map(samples.map((sample) => [sample.id, sample])) };
}

/** Every token is as probable as any other: what a head of zeros computes. */
function uniformModel(): Model {
  const model = hashModel('uniform');
  const { vocabularySize } = model.tokenizer;
  return {
    ...model,
    open: async (options) => {
      const backend = await model.open(options);
      return {
        ...backend,
        forward: async (step) => {
          const found = await backend.forward(step);
          return { ...found, logprobs: found.logprobs.fill(-Math.log(vocabularySize)) };
        },
      };
    },
  };
}

const reversed = [...ITEMS].reverse();

test('permuted choices give permuted predictions and the same score', async () => {
  const order = [2, 0, 3, 1];
  const permuted = ITEMS.map((item) => ({
    ...item,
    choices: order.map((c) => item.choices[c] as string),
    answer: order.indexOf(item.answer),
  }));
  const [one, other] = [await run(ITEMS), await run(permuted)];
  for (const [id, { prediction, spans }] of one.samples) {
    const changed = other.samples.get(id) as Sample;
    expect(order[changed.prediction as number]).toBe(prediction);
    expect(changed.spans).toEqual(order.map((c) => spans?.[c]));
  }
  expect(other.record.results[0]?.metrics.acc).toEqual(one.record.results[0]?.metrics.acc);
});

test('items in another order have the same samples and the same score', async () => {
  const [one, other] = [await run(ITEMS), await run(reversed)];
  expect(new Map([...other.samples].sort())).toEqual(new Map([...one.samples].sort()));
  expect(other.record.results[0]?.metrics.acc).toEqual(one.record.results[0]?.metrics.acc);
});

test('another item changes no score of the others', async () => {
  const more = { id: 'more', context: 'Something else entirely?', choices: ['yes', 'no'], answer: 0 };
  const [one, other] = [await run(ITEMS), await run([...ITEMS.slice(0, 5), more, ...ITEMS.slice(5)])];
  expect(other.samples.size).toBe(ITEMS.length + 1);
  for (const [id, sample] of one.samples) expect(other.samples.get(id)).toEqual(sample);
});

test.each([1, 3])('%i shots are the prompt that is written by hand', async (k) => {
  const shot = await run(ITEMS, { shots: [k] });
  const byHand = ITEMS.map((item) => {
    const before = (shot.samples.get(item.id)?.shots ?? []).map((id) => {
      const { context, choices, answer } = ITEMS.find((one) => one.id === id) as Item;
      return `${context} ${choices[answer]}\n\n`;
    });
    expect(before).toHaveLength(k);
    return { ...item, context: before.join('') + item.context };
  });
  const plain = await run(byHand);
  for (const [id, { spans, prediction }] of shot.samples) {
    expect(plain.samples.get(id)?.spans).toEqual(spans);
    expect(plain.samples.get(id)?.prediction).toBe(prediction);
  }
});

test('a limit takes a part of what a larger one takes', async () => {
  const all = await run(ITEMS, { shots: [2] });
  let former = new Map<string, Sample>();
  for (const limit of [3, 7, 12]) {
    const { samples } = await run(ITEMS, { shots: [2], limit });
    expect(samples.size).toBe(limit);
    for (const [id, sample] of former) expect(samples.get(id)).toEqual(sample);
    for (const [id, sample] of samples) expect(all.samples.get(id)).toEqual(sample);
    former = new Map(samples);
  }
});

test('a model to which all tokens are equal ties everywhere, which is counted, and scores by chance', async () => {
  const digits = ITEMS.map((item) => ({ ...item, choices: ['1', '2', '3', '4'] }));
  const { record, samples } = await run(digits, {}, 'uniform');
  const [cell] = record.results;
  expect(cell?.ties).toBe(ITEMS.length);
  for (const { flags } of samples.values()) expect(flags).toContain('tie');
  expect(cell?.chance).toBe(0.25);
  expect(cell?.metrics.acc?.value).toBeCloseTo(0.25, 12);
  expect(cell?.centred).toBeCloseTo(0, 12);
});

test('two names of one model have the same scores', async () => {
  const { record } = await run(ITEMS, { models: ['a', 'b'], shots: [0, 2] });
  const of = (model: string): unknown =>
    record.results.filter((r) => r.model === model).map(({ model: _, ...rest }) => rest);
  expect(of('a')).toEqual(of('b'));
});

test('another number of threads moves no log-probability by more than 1e-4 nats, and the same command by none', async () => {
  const spans = async (threads: number): Promise<number[]> => {
    const folder = join(root, String(runs++));
    const { results } = await evaluate(
      { models: ['demo-small'], tasks: ['demo-lambada'], shots: [2], limit: 10, threads },
      { offline: true, out: folder },
    );
    const [{ model, task, shots, draw = 0 }] = results as [RunRecord['results'][number]];
    const lines = readFileSync(join(folder, samplesPath({ model, task, shots, draw })), 'utf8').trimEnd();
    const samples = lines.split('\n').map((line) => JSON.parse(line) as Sample);
    samples.sort((a, b) => (a.id < b.id ? -1 : 1));
    return samples.flatMap(({ spans: own = [] }) => own.flatMap(({ logprobs }) => logprobs));
  };
  const [one, again, two] = [await spans(1), await spans(1), await spans(2)];
  expect(one.length).toBeGreaterThan(9);
  expect(again).toEqual(one);
  for (const [i, logprob] of one.entries()) expect(Math.abs(logprob - (two[i] ?? 0))).toBeLessThan(1e-4);
});
