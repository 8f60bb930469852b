import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Generated, type GenerationRequest, generate } from '../../src/scoring/generate.ts';
import { hashBackend, hashLogprob, hashTop } from '../helpers/backends.ts';

const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);

function request(prompt: readonly number[], maxTokens: number, stopAt?: number): GenerationRequest {
  return { prompt: Int32Array.from(prompt), maxTokens, stop: (ids) => ids.at(-1) === stopAt };
}

/** What the hash backend must generate, one sequence by itself. */
function expected(r: GenerationRequest, contextLength: number, endTokens: readonly number[]): Generated {
  const visible = Array.from(r.prompt, (id, position) => [id, position] as const);
  const tokens: number[] = [];
  for (;;) {
    if (r.maxTokens < 1) return { tokens, logprobs: [], reason: 'length' };
    const id = hashTop(visible);
    if (endTokens.includes(id)) return { tokens, logprobs: tokens.map(() => -1), reason: 'end' };
    tokens.push(id);
    const logprobs = tokens.map(() => -1);
    if (r.stop(tokens)) return { tokens, logprobs, reason: 'stop' };
    if (tokens.length >= r.maxTokens || visible.length >= contextLength)
      return { tokens, logprobs, reason: 'length' };
    visible.push([id, visible.length]);
  }
}

describe('generate on the prefix-hash backend', () => {
  test('continues every prompt exactly as it would alone, and frees every cache', async () => {
    const prompts = fc
      .tuple(
        fc.array(fc.nat(3), { maxLength: 30 }),
        fc.array(fc.tuple(fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }), fc.nat(12), fc.nat(5)), {
          minLength: 1,
          maxLength: 20,
        }),
        fc.boolean(),
      )
      .map(([preamble, list, share]) =>
        list.map(([own, max, stopAt]) => request(share ? [...preamble, ...own] : own, max, stopAt)),
      );
    await fc.assert(
      fc.asyncProperty(
        prompts,
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom(null, 2),
        async (list, batch, endToken) => {
          const endTokens = endToken === null ? [] : [endToken];
          const backend = hashBackend();
          const contextLength = 40;
          const found = new Map<number, Generated>();
          for await (const [i, generated] of generate(list, backend, { contextLength, endTokens, batch }))
            found.set(i, generated);
          expect(found.size).toBe(list.length);
          for (const [i, r] of list.entries())
            expect(found.get(i)).toEqual(expected(r, contextLength, endTokens));
          expect(backend.open.size).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('long prompts, many pieces and growing caches', async () => {
    const list = range(5).map((i) => request([...range(600), 1000 + i, ...range(i)], 60));
    const backend = hashBackend();
    for await (const [i, generated] of generate(list, backend, {
      contextLength: 1024,
      endTokens: [],
      batch: 2,
    })) {
      expect(generated).toEqual(expected(list[i]!, 1024, []));
    }
  });

  test('a prompt shared by all is computed once, and shared turns of a story once a group', async () => {
    const list = range(40).map((i) => request([...range(500), 1000 + i], 3));
    const backend = hashBackend();
    for await (const _ of generate(list, backend, { contextLength: 1024, endTokens: [] }));
    const computed = backend.steps.reduce((sum, s) => sum + s.ids.length, 0);
    expect(computed).toBe(500 + 40 + 40 * 2);

    const turns = range(10).map((i) => request(range(300 + 10 * i), 1));
    const again = hashBackend();
    for await (const _ of generate(turns, again, { contextLength: 1024, endTokens: [] }));
    expect(again.steps.reduce((sum, s) => sum + s.ids.length, 0)).toBe(390);
  });
});

test('the log-probabilities of the hash backend depend on the target', () => {
  expect(hashLogprob([[1, 0]], 2)).not.toBe(hashLogprob([[1, 0]], 3));
});
