import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  DEFAULT_LIMITS,
  neededSteps,
  type Plan,
  type PlanLimits,
  planLimits,
  planScoring,
} from '../../src/scoring/plan.ts';
import { random } from '../../src/stats/random.ts';
import type { Request } from '../../src/types.ts';

/**
 * Plans of made requests, written out: a change of the planner's choices is a change of tests/golden/plans.txt, which
 * EVALGPT_GOLDEN=1 writes anew. That plans are right whatever they choose, plan.test.ts shows.
 */
const golden = fileURLToPath(new URL('../golden/plans.txt', import.meta.url));

const request = (tokens: readonly number[], start: number): Request => ({
  ...{ tokens: Int32Array.from(tokens), start, truncated: 0, merged: false },
});
const range = (n: number, from: number): number[] => Array.from({ length: n }, (_, i) => from + i);

/** A preamble, questions behind it and choices behind each, all of the given lengths. */
function family(preamble: number, questions: readonly number[], choices: readonly number[]): Request[] {
  return questions.flatMap((length, q) =>
    choices.map((own, c) => {
      const tokens = [
        ...range(preamble, 1000),
        100 + q,
        ...range(length - 1, 200),
        10 + c,
        ...range(own - 1, 20),
      ];
      return request(tokens, tokens.length - own);
    }),
  );
}
/** Few token ids: prefixes are shared by chance. */
function byChance(seed: number, n: number): Request[] {
  const source = random('plans', seed);
  return Array.from({ length: n }, () => {
    const tokens = Array.from({ length: 2 + source.below(14) }, () => source.below(3));
    return request(tokens, 1 + source.below(tokens.length - 1));
  });
}

const small: PlanLimits = {
  ...{ treeTokens: 16, stepTokens: 40, stepRows: 8, pairCost: 1 / 48 },
  ...{ stepCost: 4, trunkCost: 6, trunkTokens: 64, shares: true },
};
const REQUESTS: readonly (readonly [string, readonly Request[]])[] = [
  ['none', []],
  ['one', [request([7, 8, 9], 1)]],
  ['the same twice', [request([7, 8, 9], 2), request([7, 8, 9], 1)]],
  ['a prefix of another', [request([7, 8, 9, 10], 3), request([7, 8], 1), request([7, 8, 11], 2)]],
  ['two choices of one token', family(0, [6], [1, 1])],
  ['many questions, a short preamble', family(4, [3, 5, 7, 2, 9, 6], [2, 1])],
  ['many questions, a long preamble', family(30, [3, 5, 7, 2, 9, 6], [2, 1])],
  ['few questions, a preamble beyond trunks', family(70, [5, 6, 7], [3, 3])],
  ['long questions', family(10, [45, 20, 60], [4, 2])],
  ['by chance', byChance(1, 12)],
  ['by chance, many', byChance(2, 40)],
];
const LIMITS: readonly (readonly [string, PlanLimits])[] = [
  ['small', small],
  ['dear steps', { ...small, stepCost: 60 }],
  ['dear trunks', { ...small, trunkCost: 200 }],
  ['dear pairs', { ...small, pairCost: 1 }],
  ['few rows', { ...small, stepRows: 3 }],
  ['no trunks', { ...small, trunkTokens: 0 }],
  ['large trees', { ...small, treeTokens: 38 }],
  ['nothing shared', { ...small, shares: false }],
];

function written({ steps, ...counts }: Plan): string {
  const lines = steps.map(
    ({ past, keep, ids, positions, enter, exit, rows, pairRow, pairTarget, ...own }) => {
      const pairs = Array.from(pairRow, (row, i) =>
        [row, pairTarget[i], own.pairRequest[i], own.pairSlot[i]].join('.'),
      );
      return `  ${past}>${keep} ids ${ids} positions ${positions} enter ${enter} exit ${exit} rows ${rows} pairs ${pairs.join(' ')}`;
    },
  );
  return [Object.values(counts).join(' '), ...lines].join('\n');
}

test('the plans of made requests are those that were looked at', () => {
  const text = REQUESTS.flatMap(([name, requests]) =>
    LIMITS.map(([limits, l]) => `${name}, ${limits}: ${written(planScoring(requests, l))}\n`),
  ).join('');
  if (process.env.EVALGPT_GOLDEN !== undefined) {
    mkdirSync(dirname(golden), { recursive: true });
    writeFileSync(golden, text);
  }
  expect(text).toBe(readFileSync(golden, 'utf8'));
});

test('a part of the requests needs the steps that ask for it, and the trunks below those', () => {
  const requests = family(30, [3, 5, 7, 2, 9, 6], [2, 1]);
  const plan = planScoring(requests, small);
  expect(plan.steps.length).toBeGreaterThan(3);
  expect(neededSteps(plan, () => true)).toEqual(plan.steps);
  expect(neededSteps(plan, () => false)).toEqual([]);
  for (const wanted of requests.keys()) {
    const needed = neededSteps(plan, (r) => r === wanted);
    expect(needed.length).toBeLessThan(plan.steps.length);
    const asks = (s: (typeof needed)[number]): boolean => s.pairRequest.includes(wanted);
    expect(needed.filter(asks)).toEqual(plan.steps.filter(asks));
    // Each of the others holds a trunk that a later one stands on.
    for (const [i, step] of needed.entries())
      if (!asks(step)) expect(needed.slice(i + 1).some(({ past }) => past === step.keep)).toBe(true);
    for (const [i, { past }] of needed.entries())
      if (past >= 0) expect(needed.slice(0, i).some(({ keep }) => keep === past)).toBe(true);
  }
});

test("a model's limits follow from its shape", () => {
  const shape = { layers: 24, keyValueHeads: 16, headSize: 64 };
  // 24 layers of keys and values of 1,024 numbers take 192 KiB a token, of 256 MiB.
  expect(planLimits(shape)).toEqual({
    ...DEFAULT_LIMITS,
    pairCost: 1 / 6144,
    trunkTokens: 1365,
    shares: true,
  });
  expect(planLimits({ ...shape, shares: false }).shares).toBe(false);
});
