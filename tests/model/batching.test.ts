import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TIE } from '../../src/metrics/normalise.ts';
import { openModel } from '../../src/models/open.ts';
import { pairEncoder } from '../../src/prompts/join.ts';
import { planLimits, planScoring } from '../../src/scoring/plan.ts';
import { score } from '../../src/scoring/score.ts';
import { random, shuffled } from '../../src/stats/random.ts';
import type { Pair } from '../../src/types.ts';
import { missing, shared } from '../helpers/shared.ts';

const model = join(shared, 'models', 'shakespeare-char-gpt');
const reason = missing(model, join(shared, 'data', 'lambada'));
if (reason) console.log(`batch invariance of a trained model ${reason}`);

const CHOICES = 4;

/** 125 passages behind one preamble in half of the cases, four last words each. */
function requests(): Pair[] {
  const draw = random('batching', 1);
  const texts = readFileSync(join(shared, 'data/lambada/lambada_test.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { text: string }).text.replaceAll('"', ''));
  return [...shuffled(texts.length, draw)].slice(0, 125).flatMap((index, item) => {
    const text = texts[index]!;
    const context =
      (item % 2 ? 'ROMEO:\nHere is a tale, and thus it ends.\n' : '') +
      text.slice(0, text.lastIndexOf(' ')).slice(-60);
    const words = [text.slice(text.lastIndexOf(' ')), ' love', ' the king', ' it'];
    return words.slice(0, CHOICES).map((continuation) => ({ context, continuation }));
  });
}

describe.skipIf(reason !== undefined)('a trained model', () => {
  test('500 requests one by one, shuffled and in the largest trees: the same scores', {
    timeout: 300_000,
  }, async () => {
    const opened = await openModel(model);
    const encode = pairEncoder(opened.tokenizer, { contextLength: opened.contextLength });
    const list = requests().map(encode);
    expect(list).toHaveLength(500);
    const usual = planLimits(opened.architecture);
    const backend = await opened.open({ device: 'cpu', dtype: 'fp32', tokensToCompute: 1e6 });
    const run = async (order: readonly number[], limits = usual): Promise<number[]> => {
      const own = order.map((i) => list[i]!);
      const sums: number[] = [];
      for await (const [i, scored] of score(own, planScoring(own, limits), backend)) {
        sums[order[i]!] = scored.logprobs.reduce((sum, l) => sum + l, 0);
      }
      return sums;
    };
    const all = list.map((_, i) => i);
    const alone: number[] = [];
    for (const i of all) alone[i] = (await run([i]))[i]!;
    const largest = { ...usual, treeTokens: 4096, stepTokens: 4096, stepRows: 4096, pairCost: 0 };
    const ways = {
      'as planned': await run(all),
      shuffled: await run([...shuffled(list.length, random('order', 1))]),
      'in the largest trees': await run(all, largest),
      'in small trees': await run(all, { ...usual, treeTokens: 64, trunkCost: 0, stepCost: 0 }),
    };
    await backend.close();
    for (const [way, sums] of Object.entries(ways)) {
      const difference = Math.max(...sums.map((s, i) => Math.abs(s - alone[i]!)));
      let flips = 0;
      for (let at = 0; at < list.length; at += CHOICES) {
        const best = (from: readonly number[]): number => {
          const own = from.slice(at, at + CHOICES);
          return own.indexOf(Math.max(...own));
        };
        const gap = Math.abs(alone[at + best(alone)]! - alone[at + best(sums)]!);
        if (best(alone) !== best(sums) && gap > TIE) flips++;
      }
      console.log(
        `${way}: largest difference from one by one ${difference.toExponential(1)} nats, ${flips} choices flipped`,
      );
      expect(difference).toBeLessThan(1e-4);
      expect(flips).toBe(0);
    }
  });
});
