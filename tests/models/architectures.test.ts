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
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openScorer, type PairScore, type Scorer } from '../../src/evaluate/scorer.ts';
import { openModel } from '../../src/models/open.ts';
import { pairEncoder } from '../../src/prompts/join.ts';
import { planScoring } from '../../src/scoring/plan.ts';
import { score } from '../../src/scoring/score.ts';
import { TINY, writeTiny } from '../helpers/tiny-checkpoints.ts';

interface Reference {
  readonly context: string;
  readonly continuation: string;
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly hits: boolean[];
  readonly truncated: number;
  readonly top3: number[][];
  /** The most probable byte but for a space and an e. */
  readonly not_e_or_space: number[];
}

/** Made with transformers: see make_architectures.py beside the file. */
const vectors = JSON.parse(
  readFileSync(new URL('../vectors/architectures.json', import.meta.url), 'utf8'),
) as {
  checkpoints: Record<string, Reference[]>;
  generated: Record<string, { prompt: string; tokens: number[] }[]>;
};
/** Largest difference allowed for one token, in nats. */
const TOLERANCE = 2e-5;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalgpt-architectures-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function expectReference(scorer: Scorer, references: readonly Reference[]): Promise<void> {
  const scores = await scorer.score(references);
  for (const [i, reference] of references.entries()) {
    const found = scores[i] as PairScore;
    expect(found.tokens).toEqual(reference.tokens);
    expect(found.hits).toEqual(reference.hits);
    expect(found.truncated ?? 0).toBe(reference.truncated);
    const difference = Math.max(...found.logprobs.map((l, j) => Math.abs(l - reference.logprobs[j]!)));
    expect(difference, `${JSON.stringify(reference.context)}`).toBeLessThan(TOLERANCE);
  }
}

test('every tiny checkpoint has reference values', () => {
  expect(Object.keys(vectors.checkpoints).sort()).toEqual(Object.keys(TINY).sort());
});

describe.each(Object.keys(TINY))('tiny checkpoint "%s"', (name) => {
  test('scores as transformers does', async () => {
    const scorer = await openScorer(writeTiny(name, folder));
    await expectReference(scorer, vectors.checkpoints[name]!).finally(() => scorer.close());
  });
});

test.each(Object.keys(TINY))('tiny checkpoint "%s" continues prompts as transformers does', async (name) => {
  const scorer = await openScorer(writeTiny(name, folder));
  const references = vectors.generated[name]!;
  const found = await scorer
    .generate(
      references.map((r) => r.prompt),
      { maxTokens: 20 },
    )
    .finally(() => scorer.close());
  for (const [i, { tokens }] of references.entries()) {
    const end = tokens.indexOf(256);
    expect(found[i]!.tokens).toEqual(end < 0 ? tokens : tokens.slice(0, end));
  }
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

test('gives the k most probable tokens, and the most probable one that is not banned', async () => {
  const model = await openModel(writeTiny('plain', folder));
  const references = vectors.checkpoints.plain!;
  const encode = pairEncoder(model.tokenizer, { contextLength: model.contextLength });
  const requests = references.map(encode);
  const options = { topK: 3, banned: Int32Array.of(32, 101) };
  const backend = await model.open({ device: 'cpu', dtype: 'fp32', tokensToCompute: 0 });
  let seen = 0;
  for await (const [i, scored] of score(requests, planScoring(requests), backend, options)) {
    const { top3, not_e_or_space: allowed, tokens, hits } = references[i]!;
    expect([...scored.top!.ids]).toEqual(top3.flat());
    expect(scored.hits).toEqual(hits);
    expect(scored.allowedHits).toEqual(tokens.map((token, t) => token === allowed[t]));
    seen++;
  }
  await backend.close();
  expect(seen).toBe(references.length);
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
  await expectReference(scorer, vectors.checkpoints['untied-sharded']!).finally(() => scorer.close());
  expect(readdirSync(blobs).length + readdirSync(snapshot).length).toBe(before);
  for (const path of [blobs, snapshot]) chmodSync(path, 0o755);
});

test('a checkpoint can be moved after another was opened from the same place', async () => {
  const first = writeTiny('plain', join(folder, 'moving'));
  const moved = join(folder, 'moved');
  renameSync(first, moved);
  const scorer = await openScorer(moved);
  await expectReference(scorer, vectors.checkpoints.plain!).finally(() => scorer.close());
});

test('the order and company of a pair do not change its score', async () => {
  const scorer = await openScorer(writeTiny('plain', folder));
  const pairs = vectors.checkpoints.plain!;
  const alone: number[] = [];
  for (const pair of pairs) alone.push(((await scorer.score([pair]))[0] as PairScore).logprob);
  const together = (await scorer.score([...pairs].reverse())).reverse() as PairScore[];
  await scorer.close();
  for (const [i, score] of together.entries()) expect(Math.abs(score.logprob - alone[i]!)).toBeLessThan(1e-4);
});
