import { describe, expect, test } from 'vitest';
import type { BlockContext, Item } from '../../src/evaluate/blocks.ts';
import { generateBlock } from '../../src/evaluate/generate-block.ts';
import { promptBuilder } from '../../src/prompts/fit.ts';
import { beam } from '../../src/scoring/beam.ts';
import { defineTask, type GenerateProtocol } from '../../src/task.ts';
import type { Backend, Example, Sample } from '../../src/types.ts';
import { hashModel } from '../helpers/hash-model.ts';

const BEAMS = { width: 4, alpha: 0.6 };
const protocol: GenerateProtocol<Example> = {
  kind: 'generate',
  source: 'a test',
  context: ({ id }) => `Q: ${id} is how many?\n\nA:`,
  shot: ({ id }) => id,
  separator: '\n\n',
  draw: 'fixed',
  metrics: ['em'],
  stop: ['#'],
  maxTokens: 12,
  gold: () => '!',
  judge: (_, text) => ({ em: text === '!' ? 1 : 0 }),
  beams: BEAMS,
};
const ITEMS = 70;
const model = hashModel('hash', 100);
const build = promptBuilder(protocol, model.tokenizer, { contextLength: 100, overflow: 'error' });
const cell = { shots: 0, draw: 0, path: '', finished: new Map() };
const block = Array.from({ length: ITEMS }, (_, i): Item => ({ cell, prompt: build({ id: `${i}` }, []) }));

/** A backend whose log-probabilities, all a little, depend on how much its step computes. */
async function open(): Promise<Backend> {
  const backend = await model.open({ device: 'cpu', dtype: 'fp32', tokensToCompute: 0 });
  return {
    ...backend,
    async forward(step) {
      const result = await backend.forward(step);
      return { ...result, topLogprobs: result.topLogprobs.map((l) => l - step.ids.length / 1000) };
    },
  };
}

/** The samples of the open items, by id, and what was counted. */
async function write(
  isOpen: (i: number) => boolean,
  own: GenerateProtocol<Example> = protocol,
): Promise<{ samples: Map<string, Sample>; counts: BlockContext['counts']; computed: number }> {
  const samples = new Map<string, Sample>();
  const counts = { requested: 0, planned: 0, computed: 0, scored: 0, items: 0 };
  let computed = 0;
  const context: Partial<BlockContext> = {
    ...{ model, backend: open, counts },
    finish: (_, sample) => void samples.set(sample.id, sample),
    onStep: (tokens) => {
      computed += tokens;
    },
  };
  const flags = block.map((_, i) => isOpen(i));
  await generateBlock(block, flags, own, context as BlockContext);
  return { samples, counts, computed };
}

describe('a protocol with beams', () => {
  test('writes the texts of beam search with their tokens, scores and hits', async () => {
    const { samples, counts, computed } = await write(() => true);
    expect(samples.size).toBe(ITEMS);
    const requests = block.slice(0, 64).map(({ prompt }) => ({
      prompt: prompt.requests[0]!.tokens,
      maxTokens: protocol.maxTokens,
      stop: (ids: readonly number[]) => model.tokenizer.decode(ids).includes('#'),
    }));
    const { contextLength, endTokens } = model;
    const { vocabularySize } = model.architecture;
    const options = { ...BEAMS, penalty: 'gnmt', contextLength, endTokens, vocabularySize } as const;
    let missed = 0;
    for await (const [i, { tokens, logprobs, hits }] of beam(requests, await open(), options)) {
      const sample = samples.get(`${i}`)!;
      expect(sample.spans).toEqual([
        { tokens, logprobs: logprobs.map((l) => Number(l.toPrecision(9))), hits },
      ]);
      expect(sample.prediction).toBe(model.tokenizer.decode(tokens).split('#')[0]);
      missed += hits.filter((hit) => !hit).length;
    }
    expect(missed).toBeGreaterThan(0);
    expect(computed).toBeLessThanOrEqual(counts.planned);
  });

  test('writes a group again whole, to the same digits', async () => {
    const { samples } = await write(() => true);
    for (const isOpen of [(i: number) => i === 5, (i: number) => i > 50, (i: number) => i % 3 === 0]) {
      const again = await write(isOpen);
      expect(again.samples.size).toBe(block.filter((_, i) => isOpen(i)).length);
      for (const [id, sample] of again.samples)
        expect(JSON.stringify(sample)).toBe(JSON.stringify(samples.get(id)));
    }
    expect((await write((i) => i >= 64)).computed).toBeLessThan((await write((i) => i === 5)).computed);
  });

  test('is greedy without them', async () => {
    const { beams: _, ...greedy } = protocol;
    const texts = await write(() => true, greedy);
    expect([...texts.samples.values()].every(({ spans }) => spans![0]!.hits.every((hit) => hit))).toBe(true);
    expect([...texts.samples]).not.toEqual([...(await write(() => true)).samples]);
  });

  test('has a whole number of them and no negative alpha', () => {
    const define = (beams: { width: number; alpha: number }) => () =>
      defineTask({
        ...{ name: 'a', version: 1, title: '', dataset: '', split: '', shotSplits: [], chance: null },
        decode: () => ({ id: '' }),
        protocols: { gpt3: { ...protocol, beams } },
        protocol: 'gpt3',
      });
    expect(define(BEAMS)).not.toThrow();
    expect(define({ width: 2.5, alpha: 1 })).toThrow(
      'task "a", protocol "gpt3": expected a whole number of beams, found 2.5',
    );
    expect(define({ width: 0, alpha: 1 })).toThrow('found 0');
    expect(define({ width: 4, alpha: -1 })).toThrow('an alpha of at least 0, found -1');
  });
});
