import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Model, openModel } from '../../src/models/open.ts';
import { type BeamGenerated, type BeamOptions, beam } from '../../src/scoring/beam.ts';
import { missing, python, shared } from '../helpers/shared.ts';

/** Beam search against transformers' own in this very run: trained models, and one of GPT-2's shape. */
const makeCheckpoint = join(shared, 'peers', 'make_checkpoint.py');
const reason = missing(python, makeCheckpoint, join(shared, 'models'));
if (reason) console.log(`beam search against transformers ${reason}`);

const script = fileURLToPath(new URL('beam.py', import.meta.url));
const exporter = fileURLToPath(new URL('../vectors/export_onnx.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evalgpt-beam-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Case extends Pick<BeamOptions, 'width' | 'alpha' | 'penalty' | 'endTokens'> {
  readonly earlyStopping: boolean | 'never';
  readonly stop: readonly string[];
}

interface Answer {
  readonly tokens: number[];
  readonly score: number;
}

/** Tokens that end a text, by how they read: a model that was trained on one stream seldom writes a true end. */
const MODELS: Readonly<
  Record<string, { readonly ends: readonly string[]; readonly stop: readonly string[] }>
> = {
  'shakespeare-char-gpt': { ends: ['\n', '.'], stop: ['\n', 'th'] },
  stories260K: { ends: ['.', ','], stop: ['and', '.'] },
  gpt2: { ends: [], stop: ['e'] },
};
const MOST = 24;
/** Of the scores. */
const BOUND = 1e-3;

const TEXTS = [
  'ROMEO:',
  'Once upon a time',
  'The king of the north said to his daughter that',
  'My lord, I pray you',
  'One day, a little girl named Lily',
  'a',
  'She looked at the big dog and',
  'What is the matter',
  'It was a dark',
  'To be or not to be',
  'Tom and his mom went to the park to',
  'I will not go to the sea',
  'There was a bird who wanted to fly over the hill',
  'Why do you weep',
  'The sun',
  'Good morrow, cousin',
  'He said',
  'They played together all day, and',
  'O',
  // Of the smallest window it leaves little.
  'The end of the story is that nobody knew what to do with the ball, so they went home and then came back',
];

function cases(ends: readonly number[], stop: readonly string[]): Case[] {
  const plain = { width: 4, endTokens: ends, stop: [] };
  const length = [0.6, 1, 0].flatMap((alpha) =>
    [false, true].map((earlyStopping) => ({ ...plain, penalty: 'length' as const, alpha, earlyStopping })),
  );
  const gnmt = [false, true, 'never' as const].map((earlyStopping) => ({
    ...{ ...plain, penalty: 'gnmt' as const, alpha: 0.6, earlyStopping },
  }));
  return [
    ...length,
    ...gnmt,
    { ...length[0]!, earlyStopping: 'never' },
    { ...length[2]!, endTokens: ends.slice(0, 1) },
    { ...length[0]!, endTokens: [] },
    { ...gnmt[0]!, endTokens: [], stop },
    { ...length[2]!, endTokens: ends.slice(0, 1), stop },
  ];
}

const nameOf = (c: Case): string =>
  `${c.penalty} alpha ${c.alpha}, early stopping ${c.earlyStopping}, ends ${c.endTokens.length}, stops ${c.stop.length}`;

/** The texts found, their end tokens taken off, and how many tokens were computed. */
async function search(
  model: Model,
  requests: readonly [number[], number][],
  { stop, ...options }: Case,
): Promise<{ found: BeamGenerated[]; computed: number }> {
  const { tokenizer, contextLength, architecture } = model;
  const stops = (ids: readonly number[]): boolean => {
    const text = tokenizer.decode(ids);
    return stop.some((s) => text.includes(s));
  };
  const backend = await model.open({ device: 'cpu', dtype: 'fp32', tokensToCompute: 0 });
  const found: BeamGenerated[] = [];
  let computed = 0;
  const list = requests.map(([prompt]) => ({
    prompt: Int32Array.from(prompt),
    maxTokens: MOST,
    stop: stop.length > 0 ? stops : () => false,
  }));
  const { vocabularySize } = architecture;
  const onStep = (tokens: number): void => {
    computed += tokens;
  };
  try {
    for await (const [i, text] of beam(list, backend, { ...options, contextLength, vocabularySize, onStep }))
      found[i] = text;
  } finally {
    await backend.close();
  }
  return { found, computed };
}

/** Largest difference of a score; the tokens are the same. */
function expectSame(
  found: readonly BeamGenerated[],
  answers: readonly Answer[],
  { endTokens }: Case,
): number {
  expect(found).toHaveLength(answers.length);
  let largest = 0;
  for (const [i, { tokens, score }] of answers.entries()) {
    const text = found[i]!;
    const ended = text.reason === 'end';
    expect(endTokens.includes(tokens.at(-1)!)).toBe(ended);
    expect(text.tokens).toEqual(ended ? tokens.slice(0, -1) : tokens);
    largest = Math.max(largest, Math.abs(text.score - score));
  }
  return largest;
}

describe.skipIf(reason)('20 prompts against transformers', { timeout: 600_000 }, () => {
  const jobs: { folder: string; requests: [number[], number][]; cases: Case[] }[] = [];
  const models: Model[] = [];
  let answers: Answer[][][];
  beforeAll(async () => {
    const shape = ['n_layer=3', 'n_embd=60', 'n_head=5', 'n_inner=130', 'n_positions=257'];
    const gpt2 = join(folder, 'gpt2');
    const made = [makeCheckpoint, 'gpt2', gpt2, '--seed', '7', '--scale', '4', '--set', ...shape];
    execFileSync(python, made, { stdio: 'pipe' });
    for (const [name, { ends, stop }] of Object.entries(MODELS)) {
      const path = name === 'gpt2' ? gpt2 : join(shared, 'models', name);
      const model = await openModel(path);
      const { tokenizer, contextLength } = model;
      const requests = TEXTS.map((text): [number[], number] => {
        const ids = tokenizer.encode(text, { prefix: true });
        return [ids, Math.min(MOST, contextLength - ids.length + 1)];
      });
      const last = (text: string): number => tokenizer.encode(text).at(-1)!;
      const list = cases(ends.length > 0 ? ends.map(last) : [...model.endTokens], stop);
      models.push(model);
      jobs.push({ folder: path, requests, cases: list });
    }
    const [input, output] = [join(folder, 'jobs.json'), join(folder, 'answers.json')];
    writeFileSync(input, JSON.stringify(jobs));
    execFileSync(python, ['-W', 'ignore', script, input, output], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 600_000,
    });
    answers = JSON.parse(readFileSync(output, 'utf8')) as Answer[][][];
  }, 600_000);

  test.each(Object.keys(MODELS).map((name, i) => [name, i] as const))('%s', async (name, i) => {
    const { cases: list, requests } = jobs[i]!;
    expect(requests).toHaveLength(20);
    const reasons: Record<string, number> = {};
    for (const [c, options] of list.entries()) {
      const { found, computed } = await search(models[i]!, requests, options);
      for (const { reason: why } of found) reasons[why] = (reasons[why] ?? 0) + 1;
      const largest = expectSame(found, answers[i]![c]!, options);
      console.log(
        `${name}, ${nameOf(options)}: ${largest.toExponential(1)} of a score, ${computed} tokens computed`,
      );
      expect(largest).toBeLessThan(BOUND);
    }
    console.log(`${name}: ${JSON.stringify(reasons)}`);
    expect(Object.keys(reasons).length).toBeGreaterThanOrEqual(name === 'gpt2' ? 2 : 3);
  });

  test.each(['plain', 'past', 'merged'])('shakespeare-char-gpt exported, %s', async (kind) => {
    const { folder: path, cases: list, requests } = jobs[0]!;
    const file = join(folder, 'exported', `${kind}.onnx`);
    const code = `
import os, shutil, sys
sys.path.insert(0, os.path.dirname(sys.argv[1]))
from export_onnx import run
checkpoint, kind, file = sys.argv[2:]
os.makedirs(os.path.dirname(file), exist_ok=True)
for name in ["config.json", "tokenizer.json", "tokenizer_config.json"]:
    shutil.copy(os.path.join(checkpoint, name), os.path.dirname(file))
run(checkpoint, kind, file)`;
    execFileSync(python, ['-W', 'ignore', '-c', code, exporter, path, kind, file], { stdio: 'pipe' });
    const model = await openModel(file);
    for (const c of [0, 6]) {
      const { found } = await search(model, requests, list[c]!);
      const largest = expectSame(found, answers[0]![c]!, list[c]!);
      console.log(`export ${kind}, ${nameOf(list[c]!)}: ${largest.toExponential(1)} of a score`);
      expect(largest).toBeLessThan(BOUND);
    }
  });
});
