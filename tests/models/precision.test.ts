import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openModel } from '../../src/models/open.ts';
import { pairEncoder } from '../../src/prompts/join.ts';
import { planLimits, planScoring } from '../../src/scoring/plan.ts';
import { score } from '../../src/scoring/score.ts';
import type { Dtype, Request } from '../../src/types.ts';
import { vectors } from '../helpers/contract.ts';
import { writeTiny } from '../helpers/tiny-checkpoints.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-precision-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Log-probabilities of the reference pairs, all in one plan or each by itself. */
async function logprobs(
  name: string,
  dtype: Dtype,
  ways: readonly ('together' | 'alone')[],
): Promise<number[][][]> {
  const model = await openModel(writeTiny(name, folder));
  const encode = pairEncoder(model.tokenizer, { contextLength: model.contextLength });
  const requests = vectors.checkpoints[name]!.map(encode);
  const limits = planLimits(model.architecture);
  const backend = await model.open({ device: 'cpu', dtype, tokensToCompute: 0 });
  const run = async (list: readonly Request[]): Promise<number[][]> => {
    const found: number[][] = [];
    for await (const [i, scored] of score(list, planScoring(list, limits), backend))
      found[i] = [...scored.logprobs];
    return found;
  };
  try {
    const results: number[][][] = [];
    for (const way of ways) {
      if (way === 'together') results.push(await run(requests));
      else results.push((await Promise.all(requests.map((request) => run([request])))).flat());
    }
    return results;
  } finally {
    await backend.close();
  }
}

function distance(found: readonly number[][], name: string): number {
  const references = vectors.checkpoints[name]!;
  return Math.max(
    ...references.flatMap(({ logprobs: r }, i) => r.map((l, t) => Math.abs(l - found[i]![t]!))),
  );
}

// What rounding to 8 bits costs on random weights of a spread that no trained model has: bounds of the kind that a
// wrong scale, block or transposition breaks at once.
describe.each([
  ['plain', 0.5],
  ['gpt1', 0.5],
  ['gpt-neo', 0.5],
  ['gpt-neox', 0.5],
  ['llama', 0.5],
  ['qwen3', 0.5],
] as const)('int8, "%s"', (name, bound) => {
  test('stays near float32, and a score does not move at all in other company', async () => {
    const [together, alone] = await logprobs(name, 'int8', ['together', 'alone']);
    const off = distance(together!, name);
    expect(off).toBeLessThan(bound);
    expect(off).toBeGreaterThan(0);
    expect(together).toEqual(alone);
  });
});

test('int8 leaves no file behind', () => {
  expect(readdirSync(tmpdir()).filter((file) => file.startsWith(`evalgpt-int8-${process.pid}`))).toEqual([]);
});

// The CPU has no float16 products: it computes them in float32 between the same roundings.
test.each(['plain', 'half', 'gpt-neox', 'llama', 'qwen2'])('fp16, "%s": stays near float32', async (name) => {
  const [together] = await logprobs(name, 'fp16', ['together']);
  const off = distance(together!, name);
  expect(off).toBeLessThan(0.05);
  expect(off).toBeGreaterThan(0);
});
