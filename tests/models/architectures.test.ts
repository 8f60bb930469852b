import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { openScorer } from '../../src/evaluate/scorer.ts';
import { inspectModel } from '../../src/models/open.ts';
import { contract, expectReference, vectors } from '../helpers/contract.ts';
import { TINY, writeTiny } from '../helpers/tiny-checkpoints.ts';

/** Largest difference allowed for one token, in nats. */
const TOLERANCE = 2e-5;

contract('cpu', Object.keys(TINY), TOLERANCE);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalgpt-architectures-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('every tiny checkpoint has reference values', () => {
  expect(Object.keys(vectors.checkpoints).sort()).toEqual(Object.keys(TINY).sort());
});

test('a continuation ends before its stop string', async () => {
  const scorer = await openScorer(writeTiny('plain', folder));
  const [whole] = await scorer.generate(['The cat'], { maxTokens: 12 });
  const stop = whole!.text.slice(4, 6);
  const [cut] = await scorer.generate(['The cat'], { maxTokens: 12, stop: [stop] });
  await scorer.close();
  expect(cut!.text).toBe(whole!.text.slice(0, whole!.text.indexOf(stop)));
  expect(cut!.reason).toBe('stop');
});

test('a hub cache of symlinks and a read-only folder score alike, and nothing is written there', async () => {
  const source = writeTiny('untied-sharded', join(folder, 'plain-copy'));
  // The hub's layout: blobs beside snapshots, every file of a snapshot a relative symlink.
  const cache = join(folder, 'models--owner--name');
  const blobs = join(cache, 'blobs');
  const snapshot = join(cache, 'snapshots', '0123abcd');
  for (const path of [blobs, snapshot]) mkdirSync(path, { recursive: true });
  for (const file of readdirSync(source)) {
    cpSync(join(source, file), join(blobs, `blob-${file}`));
    symlinkSync(relative(snapshot, join(blobs, `blob-${file}`)), join(snapshot, file));
  }
  for (const path of [blobs, snapshot]) chmodSync(path, 0o555);
  const before = readdirSync(blobs).length + readdirSync(snapshot).length;
  const scorer = await openScorer(snapshot);
  await expectReference(scorer, vectors.checkpoints['untied-sharded']!, TOLERANCE).finally(() =>
    scorer.close(),
  );
  expect(readdirSync(blobs).length + readdirSync(snapshot).length).toBe(before);
  for (const path of [blobs, snapshot]) chmodSync(path, 0o755);
});

test('a checkpoint can be moved after another was opened from the same place', async () => {
  const first = writeTiny('plain', join(folder, 'moving'));
  const moved = join(folder, 'moved');
  renameSync(first, moved);
  const scorer = await openScorer(moved);
  await expectReference(scorer, vectors.checkpoints.plain!, TOLERANCE).finally(() => scorer.close());
});

function refuses(name: string, change: (config: Record<string, unknown>) => void): Promise<unknown> {
  const checkpoint = writeTiny(name, join(folder, 'changed'));
  const path = join(checkpoint, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  change(config);
  writeFileSync(path, JSON.stringify(config));
  return inspectModel(checkpoint).then(
    () => 'accepted',
    (error: unknown) => (error instanceof UserError ? error.message.replace(`${checkpoint}/`, '') : error),
  );
}

test.each<[string, Record<string, unknown>, string]>([
  [
    'plain',
    { model_type: 'mamba' },
    'config.json: model_type "mamba" is not supported, expected gpt2, openai-gpt',
  ],
  [
    'plain',
    { new_switch: 2 },
    'config.json: "new_switch" (2) is a switch that evalgpt does not know for model_type "gpt2"',
  ],
  ['plain', { quantization_config: { bits: 4 } }, '"quantization_config"'],
  ['plain', { activation_function: 'mish' }, '"activation_function" expected one of gelu_new'],
  [
    'llama',
    { rope_scaling: { rope_type: 'longrope', factor: 2 } },
    '"rope_type" to be one of default, linear',
  ],
  [
    'llama',
    { rope_scaling: { rope_type: 'linear', factor: 2, beta: 3 } },
    'expected no "beta" for the kind "linear"',
  ],
  ['llama', { rope_scaling: { rope_type: 'linear' } }, '"factor" to be a number'],
  [
    'llama',
    { num_key_value_heads: 3 },
    '"num_attention_heads" expected a multiple of "num_key_value_heads" 3',
  ],
  ['gpt-neo', { attention_types: [[['global', 'near'], 2]] }, '"attention_types" expected a list like'],
  [
    'gpt-neo',
    { attention_types: [[['global'], 3]] },
    '"attention_types" expected one kind for each of 4 layers',
  ],
  ['gpt-neox', { rotary_pct: 0.1 }, 'dimensions of a head would be rotated'],
  ['qwen2', { layer_types: ['full_attention', 'chunked', 'full_attention'] }, '"layer_types" expected'],
])('%s with %o is refused by name', async (name, change, message) => {
  expect(await refuses(name, (config) => Object.assign(config, change))).toContain(message);
});

test('switches that change nothing, or are off, are no obstacle', async () => {
  const harmless = {
    _name_or_path: 'x',
    resid_pdrop: 0.1,
    summary_type: 'cls_index',
    use_cache: true,
    new_switch: false,
  };
  expect(await refuses('plain', (config) => Object.assign(config, harmless))).toBe('accepted');
});

test('a checkpoint that lacks a tensor is refused before its weights are loaded', async () => {
  const checkpoint = writeTiny('plain', join(folder, 'lacking'));
  const path = join(checkpoint, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify({ ...config, n_layer: 4 }));
  await expect(openScorer(checkpoint)).rejects.toThrow('has no tensor "transformer.h.3.ln_1.weight"');
});
