import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS, type PlanLimits, planScoring } from '../../src/scoring/plan.ts';
import { score } from '../../src/scoring/score.ts';
import type { Request } from '../../src/types.ts';
import { hashBackend, hashScores } from '../helpers/backends.ts';

function request(tokens: readonly number[], start: number): Request {
  return { tokens: Int32Array.from(tokens), start, truncated: 0, merged: false };
}

const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);

/** Few token ids, so that prefixes are shared, and shared preambles of several lengths. */
const requests = fc
  .tuple(
    fc.array(fc.array(fc.nat(3), { maxLength: 40 }), { minLength: 1, maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(3), fc.array(fc.nat(3), { minLength: 2, maxLength: 12 }), fc.nat(100)), {
      minLength: 1,
      maxLength: 30,
    }),
  )
  .map(([preambles, suffixes]) =>
    suffixes.map(([which, suffix, at]) => {
      const tokens = [...(preambles[which % preambles.length] ?? []), ...suffix];
      return request(tokens, 1 + (at % (tokens.length - 1)));
    }),
  );

const limits: fc.Arbitrary<PlanLimits> = fc.record({
  treeTokens: fc.integer({ min: 1, max: 40 }),
  stepTokens: fc.integer({ min: 1, max: 60 }),
  stepRows: fc.integer({ min: 1, max: 20 }),
  pairCost: fc.constantFrom(0, 1 / 4608, 1),
  stepCost: fc.constantFrom(0, 5, 50),
  trunkCost: fc.constantFrom(0, 5, 50),
  trunkTokens: fc.constantFrom(0, 10, 1000),
  shares: fc.boolean(),
});

describe('planScoring on the prefix-hash backend', () => {
  test('gives every request exactly its own scores, whatever the requests and limits', async () => {
    await fc.assert(
      fc.asyncProperty(requests, limits, async (list, l) => {
        const plan = planScoring(list, l);
        const backend = hashBackend();
        let found = 0;
        for await (const [index, scored] of score(list, plan, backend)) {
          found++;
          const expected = hashScores(list[index]!);
          expect([...scored.logprobs]).toEqual(expected.logprobs);
          expect(scored.hits).toEqual(expected.hits);
        }
        expect(found).toBe(list.length);
        expect(backend.open.size).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  test('computes at least the distinct prefixes and says how many it computes', async () => {
    await fc.assert(
      fc.asyncProperty(requests, limits, async (list, l) => {
        const plan = planScoring(list, l);
        const prefixes = new Set<string>();
        for (const r of list) {
          for (let n = 1; n < r.tokens.length; n++) prefixes.add(r.tokens.subarray(0, n).join());
        }
        expect(plan.tokensDistinct).toBe(prefixes.size);
        expect(plan.tokensComputed).toBe(plan.steps.reduce((sum, s) => sum + s.ids.length, 0));
        expect(plan.tokensComputed).toBeGreaterThanOrEqual(plan.tokensDistinct);
        for (const step of plan.steps) {
          expect(step.ids.length).toBeGreaterThan(0);
          if (l.shares) expect(step.ids.length).toBeLessThanOrEqual(Math.max(l.stepTokens, l.treeTokens));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('does not depend on the order of the requests', () => {
    fc.assert(
      fc.property(requests, limits, (list, l) => {
        const shape = (plan: ReturnType<typeof planScoring>): unknown =>
          plan.steps.map((s) => [[...s.ids], [...s.exit], s.past, s.keep, [...s.rows]]);
        expect(shape(planScoring([...list].reverse(), l))).toEqual(shape(planScoring(list, l)));
      }),
    );
  });
});

describe('what a plan costs', () => {
  test('ten choices behind one context compute the context once', () => {
    const context = range(400, 1000);
    const list = range(10).map((c) => request([...context, ...range(20, 100 * c)], 400));
    const plan = planScoring(list);
    expect(plan.tokensDistinct).toBe(400 + 10 * 19);
    expect(plan.tokensComputed).toBe(plan.tokensDistinct);
  });

  test('200 items behind one preamble compute the preamble once', () => {
    const preamble = range(500, 1000);
    const list = range(200).map((i) => request([...preamble, i, ...range(14, 2000)], 510));
    const plan = planScoring(list);
    expect(plan.tokensComputed).toBe(500 + 200 * 14);
    expect(plan.steps.filter((s) => s.keep >= 0)).toHaveLength(1);
    expect(Math.max(...plan.steps.map((s) => s.ids.length))).toBeLessThanOrEqual(500);
  });

  test('one shot nested in 32: the shared shot and the preamble are computed once', () => {
    const shots = range(480, 1000);
    const list = range(100).flatMap((i) => [
      request([...shots.slice(0, 15), i, ...range(10, 3000)], 20),
      request([...shots, i, ...range(10, 3000)], 485),
    ]);
    const plan = planScoring(list);
    expect(plan.tokensDistinct).toBe(480 + 2 * 100 * 10);
    expect(plan.tokensComputed).toBeLessThanOrEqual(plan.tokensDistinct + 15 * 6);
  });

  test('requests with nothing in common pay nothing', () => {
    const list = range(60).map((i) => request(range(80, 100 * i), 78));
    const plan = planScoring(list);
    expect(plan.tokensComputed).toBe(plan.tokensRequested);
    expect(plan.steps.every((s) => s.past < 0 && s.keep < 0)).toBe(true);
    expect(plan.steps).toHaveLength(60 / Math.floor(DEFAULT_LIMITS.treeTokens / 79));
  });

  test('a text longer than a step goes through in pieces, each computed once', () => {
    const plan = planScoring([request(range(3000), 1)]);
    expect(plan.tokensComputed).toBe(2999);
    expect(Math.max(...plan.steps.map((s) => s.rows.length))).toBeLessThanOrEqual(DEFAULT_LIMITS.stepRows);
  });

  test('a model that shares nothing gets each distinct sequence whole and alone', () => {
    const context = range(700, 1000);
    const list = [
      ...range(4).map((c) => request([...context, 5, c], 701)),
      request([...context, 5, 6, 7], 700),
      request(context, 1),
    ];
    const plan = planScoring(list, { ...DEFAULT_LIMITS, shares: false });
    expect(plan.steps.map((s) => s.ids.length).sort()).toEqual([699, 701, 702]);
    expect(plan.steps.every((s) => s.past < 0 && s.keep < 0)).toBe(true);
    expect(plan.tokensDistinct).toBe(702);
  });

  test('no requests, no steps', () => {
    expect(planScoring([]).steps).toEqual([]);
  });
});

test('a score that is not a number is an error naming the request', async () => {
  const list = [request([1, 2, 3], 1)];
  const backend = hashBackend();
  const broken = {
    ...backend,
    forward: async (step: Parameters<typeof backend.forward>[0]) => {
      const result = await backend.forward(step);
      result.logprobs[1] = Number.NaN;
      return result;
    },
  };
  const all = async (): Promise<void> => {
    for await (const _ of score(list, planScoring(list), broken, { describe: () => 'task anli-r1, item 7' }));
  };
  await expect(all()).rejects.toThrow(
    'task anli-r1, item 7: the model gives token 3 a log-probability of NaN',
  );
});

test('an aborted run stops with the reason', async () => {
  const list = range(60).map((i) => request(range(80, 100 * i), 78));
  const controller = new AbortController();
  const seen: number[] = [];
  const run = async (): Promise<void> => {
    for await (const [index] of score(list, planScoring(list), hashBackend(), {
      signal: controller.signal,
    })) {
      seen.push(index);
      controller.abort(new Error('stopped'));
    }
  };
  await expect(run()).rejects.toThrow('stopped');
  expect(seen.length).toBeLessThan(60);
});
