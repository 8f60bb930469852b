import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openScorer, type PairScore, type Scorer } from '../../src/evaluate/scorer.ts';
import { openModel } from '../../src/models/open.ts';
import { pairEncoder } from '../../src/prompts/join.ts';
import { planScoring } from '../../src/scoring/plan.ts';
import { score } from '../../src/scoring/score.ts';
import type { Device } from '../../src/types.ts';
import { writeTiny } from './tiny-checkpoints.ts';

export interface Reference {
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

/** What transformers says of the tiny checkpoints: see make_architectures.py beside the file. */
export const vectors = JSON.parse(
  readFileSync(new URL('../vectors/architectures.json', import.meta.url), 'utf8'),
) as {
  checkpoints: Record<string, Reference[]>;
  generated: Record<string, { prompt: string; tokens: number[] }[]>;
};

export async function expectReference(
  scorer: Scorer,
  references: readonly Reference[],
  tolerance: number,
): Promise<void> {
  const scores = await scorer.score(references);
  for (const [i, reference] of references.entries()) {
    const found = scores[i] as PairScore;
    expect(found.tokens).toEqual(reference.tokens);
    expect(found.hits).toEqual(reference.hits);
    expect(found.truncated ?? 0).toBe(reference.truncated);
    const difference = Math.max(...found.logprobs.map((l, j) => Math.abs(l - reference.logprobs[j]!)));
    expect(difference, `${JSON.stringify(reference.context)}`).toBeLessThan(tolerance);
  }
}

/**
 * What every device must do with a model: transformers' scores and greedy texts, its k most probable tokens, a ban
 * mask, and scores that do not depend on company. `tolerance` is in nats for one token.
 */
export function contract(device: Device, names: readonly string[], tolerance: number): void {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'evalgpt-contract-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(names)('tiny checkpoint "%s" scores and continues as transformers does', async (name) => {
    const scorer = await openScorer(writeTiny(name, folder), { device });
    try {
      await expectReference(scorer, vectors.checkpoints[name]!, tolerance);
      const references = vectors.generated[name]!;
      const prompts = references.map((r) => r.prompt);
      const found = await scorer.generate(prompts, { maxTokens: 20 });
      for (const [i, { tokens }] of references.entries()) {
        const end = tokens.indexOf(256);
        expect(found[i]!.tokens).toEqual(end < 0 ? tokens : tokens.slice(0, end));
      }
    } finally {
      await scorer.close();
    }
  });

  test('gives the k most probable tokens, and the most probable one that is not banned', async () => {
    const model = await openModel(writeTiny('plain', folder));
    const references = vectors.checkpoints.plain!;
    const encode = pairEncoder(model.tokenizer, { contextLength: model.contextLength });
    const requests = references.map(encode);
    const options = { topK: 3, banned: Int32Array.of(32, 101) };
    const backend = await model.open({ device, dtype: 'fp32', tokensToCompute: 0 });
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

  test('the order and company of a pair do not change its score', async () => {
    const scorer = await openScorer(writeTiny('plain', folder), { device });
    const pairs = vectors.checkpoints.plain!;
    const alone: number[] = [];
    for (const pair of pairs) alone.push(((await scorer.score([pair]))[0] as PairScore).logprob);
    const together = (await scorer.score([...pairs].reverse())).reverse() as PairScore[];
    await scorer.close();
    for (const [i, { logprob }] of together.entries()) {
      expect(Math.abs(logprob - alone[i]!)).toBeLessThan(1e-4);
    }
  });
}
