import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BeamGenerated, type BeamOptions, beam } from '../../src/scoring/beam.ts';
import { type Generated, type GenerationRequest, generate } from '../../src/scoring/generate.ts';
import { hashBackend, hashTopK } from '../helpers/backends.ts';

const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);

function request(prompt: readonly number[], maxTokens: number, stopAt?: number): GenerationRequest {
  return { prompt: Int32Array.from(prompt), maxTokens, stop: (ids) => ids.at(-1) === stopAt };
}

interface Text {
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly hits: boolean[];
  readonly sum: number;
}

/** Beam search by the book, of one prompt and without any cache: every text is looked at from its first token on. */
function expected({ prompt, maxTokens, stop }: GenerationRequest, options: BeamOptions): BeamGenerated {
  const { width, alpha, penalty, endTokens, contextLength, earlyStopping, vocabularySize } = options;
  const most = Math.min(maxTokens, contextLength - prompt.length + 1);
  if (most < 1) return { tokens: [], logprobs: [], hits: [], score: 0, reason: 'length' };
  const scoreOf = (sum: number, n: number): number =>
    sum / (penalty === 'gnmt' ? ((5 + n) / 6) ** alpha : n ** alpha);
  const kept = width * (endTokens.length > 1 ? 1 + endTokens.length : 2);
  let beams: Text[] = [{ tokens: [], logprobs: [], hits: [], sum: 0 }];
  const done: BeamGenerated[] = [];
  for (;;) {
    const grown: Text[] = [];
    for (const text of beams) {
      const visible = [...prompt, ...text.tokens].map((id, position) => [id, position] as const);
      const { ids, logprobs } = hashTopK(visible, Math.min(vocabularySize, kept));
      for (const [i, id] of ids.entries()) {
        grown.push({
          tokens: [...text.tokens, id],
          logprobs: [...text.logprobs, logprobs[i]!],
          hits: [...text.hits, i === 0],
          sum: text.sum + logprobs[i]!,
        });
      }
    }
    // A stable sort: of equal ones the earlier beam, then the lower token, stays first.
    grown.sort((a, b) => b.sum - a.sum);
    const candidates = grown.slice(0, kept).map((text) => {
      const isEnd = endTokens.includes(text.tokens.at(-1)!);
      const isStop = !isEnd && stop(text.tokens);
      const isLong = text.tokens.length >= most;
      const reason: Generated['reason'] | undefined = isEnd
        ? 'end'
        : isStop
          ? 'stop'
          : isLong
            ? 'length'
            : undefined;
      return { ...text, reason };
    });
    for (const { tokens, logprobs, hits, sum, reason } of candidates.slice(0, width)) {
      if (reason === undefined) continue;
      const n = reason === 'end' ? tokens.length - 1 : tokens.length;
      const score = scoreOf(sum, tokens.length);
      done.push({
        tokens: tokens.slice(0, n),
        logprobs: logprobs.slice(0, n),
        hits: hits.slice(0, n),
        score,
        reason,
      });
    }
    done.sort((a, b) => b.score - a.score);
    done.splice(width);
    beams = candidates.filter(({ reason }) => reason === undefined).slice(0, width);
    const full = done.length === width;
    if (beams.length === 0 || (full && earlyStopping === true)) return done[0]!;
    const length = earlyStopping === 'never' ? most : beams[0]!.tokens.length;
    if (full && scoreOf(beams[0]!.sum, length) <= done.at(-1)!.score) return done[0]!;
  }
}

async function all(
  requests: readonly GenerationRequest[],
  options: BeamOptions,
  backend = hashBackend(),
): Promise<BeamGenerated[]> {
  const found: BeamGenerated[] = [];
  for await (const [i, generated] of beam(requests, backend, options)) {
    expect(found[i]).toBeUndefined();
    found[i] = generated;
  }
  expect(backend.open.size).toBe(0);
  return found;
}

const OPTIONS: BeamOptions = {
  width: 4,
  alpha: 0.6,
  penalty: 'gnmt',
  endTokens: [],
  contextLength: 1024,
  vocabularySize: 1000,
};

const someOptions = fc.record({
  width: fc.integer({ min: 1, max: 5 }),
  alpha: fc.constantFrom(0, 0.6, 1, 2),
  penalty: fc.constantFrom('gnmt', 'length'),
  endTokens: fc.constantFrom([], [2], [2, 3], [0, 1, 2]),
  earlyStopping: fc.constantFrom<NonNullable<BeamOptions['earlyStopping']>>(false, true, 'never'),
  batch: fc.integer({ min: 1, max: 20 }),
  vocabularySize: fc.constantFrom(2, 5, 1000),
  contextLength: fc.constant(40),
}) satisfies fc.Arbitrary<BeamOptions>;

const prompts = fc
  .tuple(
    fc.array(fc.nat(3), { maxLength: 30 }),
    fc.array(fc.tuple(fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }), fc.nat(12), fc.nat(7)), {
      minLength: 1,
      maxLength: 12,
    }),
    fc.boolean(),
  )
  .map(([preamble, list, share]) =>
    list.map(([own, max, stopAt]) => request(share ? [...preamble, ...own] : own, max, stopAt)),
  );

describe('beam search on the prefix-hash backend', () => {
  test('finds for every prompt what a search by the book does alone, and frees every cache', async () => {
    const reasons = new Set<string>();
    await fc.assert(
      fc.asyncProperty(prompts, someOptions, async (list, options) => {
        const wanted = list.map((r) => expected(r, options));
        expect(await all(list, options)).toEqual(wanted);
        for (const { reason, hits } of wanted) reasons.add(`${reason} ${hits.every((hit) => hit)}`);
      }),
      { numRuns: 400 },
    );
    expect(reasons.size).toBe(6);
  });

  test('long prompts, many pieces and growing caches', { timeout: 60_000 }, async () => {
    const list = range(5).map((i) => request([...range(600), 1000 + i, ...range(i)], 60));
    const options = { ...OPTIONS, batch: 8, alpha: 1, penalty: 'length' } as const;
    expect(await all(list, options)).toEqual(list.map((r) => expected(r, options)));
  });

  test('of width 1, stopped early, is greedy', async () => {
    await fc.assert(
      fc.asyncProperty(prompts, fc.constantFrom([], [2]), async (list, endTokens) => {
        const greedy: Generated[] = [];
        const shape = { contextLength: 40, endTokens, batch: 3 };
        for await (const [i, generated] of generate(list, hashBackend(), shape)) greedy[i] = generated;
        const found = await all(list, { ...OPTIONS, ...shape, width: 1, earlyStopping: true });
        for (const [i, { tokens, logprobs, reason, hits }] of found.entries()) {
          expect({ tokens, logprobs, reason }).toEqual(greedy[i]);
          expect(hits).toEqual(tokens.map(() => true));
        }
      }),
      { numRuns: 100 },
    );
  });

  test('computes a prompt once and each live hypothesis one token a step, in columns used again', async () => {
    const backend = hashBackend();
    await all(
      range(8).map((i) => request([...range(500), 1000 + i], 50)),
      { ...OPTIONS, batch: 16 },
      backend,
    );
    const sizes = backend.steps.map(({ ids }) => ids.length);
    expect(sizes.reduce((sum, n) => sum + n, 0)).toBe(500 + 8 + 8 * 4 * 49);
    expect(sizes.filter((n) => n === 16)).toHaveLength(2 * 49);
    // Without reuse the last step would write to column 500 + 4 + 16 * 49 - 1.
    const columns = backend.steps.flatMap(({ write }) => [...(write ?? [])]);
    expect(Math.max(...columns)).toBeLessThan(500 + 4 + 16 * 30);
  });

  test('a hypothesis sees its own ancestors and nothing else of what was written', async () => {
    // The hash backend sorts what is seen by position: two tokens at one position would show here.
    const backend = hashBackend();
    await all([request([1, 2], 20), request([3], 20)], { ...OPTIONS, width: 3, endTokens: [2] }, backend);
    for (const step of backend.steps.slice(1)) {
      for (const [i, at] of step.enter.entries()) {
        const { enter, exit } = step.pastView!;
        const seen = [...enter.keys()].filter((c) => enter[c]! <= at && at < exit[c]!);
        expect(seen).toHaveLength(step.positions[i]!);
        expect(seen.some((c) => step.write!.includes(c))).toBe(false);
      }
    }
  });
});

test('the two penalties choose differently where length matters', async () => {
  const list = range(60).map((i) => request([i, 7], 12));
  const shape = { ...OPTIONS, endTokens: [2], alpha: 1 } as const;
  const gnmt = await all(list, shape);
  const length = await all(list, { ...shape, penalty: 'length' });
  expect(gnmt.map(({ tokens }) => tokens)).not.toEqual(length.map(({ tokens }) => tokens));
});
