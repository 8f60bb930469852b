import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCheckpoint } from '../../src/models/checkpoint.ts';
import { inspectModel, openModel } from '../../src/models/open.ts';
import { pairEncoder } from '../../src/prompts/join.ts';
import { planLimits, planScoring } from '../../src/scoring/plan.ts';
import { score } from '../../src/scoring/score.ts';
import { random } from '../../src/stats/random.ts';
import type { Request } from '../../src/types.ts';
import { HARD_TEXTS } from '../helpers/adversarial.ts';
import { missing, python, shared } from '../helpers/shared.ts';

/** Every architecture against transformers in this very run: random checkpoints of odd shapes, and trained ones. */
const makeCheckpoint = join(shared, 'peers', 'make_checkpoint.py');
const reason = missing(python, makeCheckpoint);
if (reason) console.log(`architectures against transformers ${reason}`);

const script = fileURLToPath(new URL('architectures.py', import.meta.url));
const ARCHITECTURES = [
  'gpt2',
  'openai-gpt',
  'pythia-14m',
  'gpt-neo-tiny',
  'llama-tiny',
  'mistral',
  'qwen2',
  'qwen3',
];
const DTYPES = ['float32', 'float16', 'bfloat16'];
const TRAINED = ['shakespeare-char-gpt', 'stories260K', 'babyllama-tok105'];
const ROWS = ARCHITECTURES.flatMap((name) =>
  DTYPES.flatMap((dtype) => ['single', 'sharded'].map((files) => `${name}.${dtype}.${files}`)),
);
/** Largest difference of a request's log-probability, in nats. */
const BOUND = 2e-3;

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-live-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = (...args: string[]): void =>
  void execFileSync(python, [script, ...args], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 600_000 });

const pathOf = (name: string): string =>
  TRAINED.includes(name) ? join(shared, 'models', name) : join(folder, name);

/** Token ids with and without a shared beginning, from one token to the whole window. */
function drawn(name: string, vocabulary: number, window: number): Request[] {
  const draw = random('architectures', name);
  const ids = (n: number): number[] => Array.from({ length: n }, () => draw.below(vocabulary));
  const trunk = ids(Math.min(120, window - 40));
  return Array.from({ length: 20 }, (_, i) => {
    const tokens = i === 0 ? ids(window + 1) : [...(i % 2 ? trunk : []), ...ids(2 + draw.below(30))];
    const start = i === 0 ? 1 : tokens.length - 1 - draw.below(Math.min(tokens.length - 1, 8));
    return { tokens: Int32Array.from(tokens), start, truncated: 0, merged: false };
  });
}

/** Texts through the model's own tokenizer, empty contexts and its token for the start of a text included. */
async function worded(path: string): Promise<Request[]> {
  const { tokenizer, architecture } = await inspectModel(path);
  const encode = pairEncoder(tokenizer, architecture);
  const story = 'Once upon a time there was a little girl who lived in a house by the sea.';
  const texts = [
    '',
    story.slice(0, 30),
    story,
    `${story} `.repeat(12),
    ...HARD_TEXTS.filter((text) => text.trim() !== '').slice(0, 12),
  ];
  return texts.flatMap((context) =>
    [' She was happy.', 'the', `${story} And then`].flatMap((continuation) => {
      try {
        return [encode({ context, continuation })];
      } catch {
        return [];
      }
    }),
  );
}

const requests = new Map<string, Request[]>();

describe.skipIf(reason)('against transformers', { timeout: 600_000 }, () => {
  beforeAll(async () => {
    run('make', folder, makeCheckpoint);
    for (const name of [...ROWS, ...TRAINED]) {
      const path = pathOf(name);
      const { config } = await readCheckpoint(path);
      const window = (config.n_positions ?? config.max_position_embeddings) as number;
      const list = TRAINED.includes(name)
        ? await worded(path)
        : drawn(name.split('.')[0]!, config.vocab_size as number, window);
      requests.set(name, list);
      const lines = list.map(({ tokens, start }) => [[...tokens], start]);
      writeFileSync(join(folder, `${name}.ids.json`), JSON.stringify({ folder: path, requests: lines }));
    }
    run('score', folder);
  }, 600_000);

  test.each([...ROWS, ...TRAINED])('%s', async (name) => {
    if (name.endsWith('.sharded')) {
      const shards = readdirSync(pathOf(name)).filter((file) => file.endsWith('.safetensors'));
      expect(shards.length).toBeGreaterThan(1);
    }
    const list = requests.get(name)!;
    const references = JSON.parse(readFileSync(join(folder, `${name}.scores.json`), 'utf8')) as [
      number[],
      boolean[],
    ][];
    const model = await openModel(pathOf(name));
    const backend = await model.open({ device: 'cpu', dtype: 'fp32', tokensToCompute: 0 });
    let [largest, flags, seen] = [0, 0, 0];
    const plan = planScoring(list, planLimits(model.architecture));
    for await (const [i, scored] of score(list, plan, backend)) {
      const [logprobs, hits] = references[i]!;
      const sum = scored.logprobs.reduce((total, l, t) => total + l - logprobs[t]!, 0);
      largest = Math.max(largest, Math.abs(sum));
      if (scored.hits.some((hit, t) => hit !== hits[t])) flags++;
      seen++;
    }
    await backend.close();
    console.log(`${name.padEnd(32)} ${seen} requests, largest difference ${largest.toExponential(1)} nats`);
    expect(seen).toBe(list.length);
    expect(seen).toBeGreaterThanOrEqual(20);
    expect(largest).toBeLessThan(BOUND);
    expect(flags).toBe(0);
  });
});
