import { describe, expect, test } from 'vitest';
import { isGreedy, judge, judgeText, logprobOf, type ScoredProtocol } from '../../src/metrics/sample.ts';
import type { ChoiceProtocol, GenerateProtocol, MetricName, SpanProtocol } from '../../src/task.ts';
import type { Example, Scored } from '../../src/types.ts';

interface Item extends Example {
  readonly options: readonly string[];
  readonly right: number;
}

const scored = (logprobs: readonly number[], hits = logprobs.map(() => false)): Scored => ({
  logprobs: Float32Array.from(logprobs),
  hits,
});
const common = {
  source: 'test',
  context: () => 'Q',
  shot: () => 'Q A',
  separator: '\n',
  draw: 'fixed',
} as const;
const span: SpanProtocol<Item> = {
  ...common,
  kind: 'span',
  continuation: (e) => ` ${e.options[0]}`,
  metrics: ['acc'],
};
const choice = (...metrics: MetricName[]): ScoredProtocol =>
  ({
    ...common,
    kind: 'choice',
    choices: (e) => e.options,
    gold: (e) => e.right,
    delimiter: ' ',
    metrics,
  }) satisfies ChoiceProtocol<Item> as unknown as ScoredProtocol;
const item = (options: readonly string[], right = 0): Item => ({ id: 'i', options, right });

describe('span', () => {
  const judged = (own: Scored) => judge(span as unknown as ScoredProtocol, item(['word']), [own]);

  test('right where every token is the most probable; the log-probability is their sum', () => {
    expect(judged(scored([-0.5, -0.25], [true, true]))).toEqual({
      prediction: true,
      gold: ' word',
      tie: false,
      values: { acc: 1, acc_last: 1, logprob_gold: -0.75 },
    });
    expect(judged(scored([-0.5, -0.25, -1], [true, false, true])).values.acc).toBe(0);
    expect(judged(scored([-0.5, -1], [true, false])).values.acc_last).toBe(0);
    expect(isGreedy(scored([-1, -2], [true, true]))).toBe(true);
  });

  test('the ladder: the last token alone, and the most probable token that is allowed', () => {
    const own = scored([-0.5, -1], [false, true]);
    expect(judged({ ...own, allowedHits: [true, true] }).values).toMatchObject({
      acc: 0,
      acc_last: 1,
      acc_filtered: 1,
    });
    expect(judged({ ...own, allowedHits: [true, false] }).values.acc_filtered).toBe(0);
  });

  test('sums are taken in double precision', () => {
    expect(logprobOf(scored(new Array<number>(10_000).fill(-0.1)))).toBeCloseTo(
      10_000 * Math.fround(-0.1),
      7,
    );
    expect(logprobOf(scored([]))).toBe(0);
  });
});

describe('a text', () => {
  const protocol = {
    ...common,
    kind: 'generate',
    stop: ['\n'],
    maxTokens: 4,
    gold: (e) => e.options[0]!,
    judge: (e, text) => ({ em: text === e.options[0] ? 1 : 0 }),
    metrics: ['em'],
  } satisfies GenerateProtocol<Item>;
  test('is worth what its protocol says, and is its own prediction', () => {
    const judged = judgeText(protocol as unknown as GenerateProtocol<Example>, item(['word']), 'word');
    expect(judged).toEqual({ prediction: 'word', gold: 'word', tie: false, values: { em: 1 } });
  });
});

describe('choice', () => {
  test('acc_uncond takes off what each choice is worth without the question', () => {
    const relative = { ...choice('acc_uncond'), unconditional: 'Answer:' } as ScoredProtocol;
    const pairs = [[-2], [-3], [-1], [-4]].map((l) => scored(l, [true]));
    // -2 + 1 = -1 against -3 + 4 = 1.
    const judged = judge(relative, item(['a', 'b'], 1), pairs);
    expect(judged.prediction).toBe(1);
    expect(judged.values).toMatchObject({ acc: 0, acc_uncond: 1 });
  });

  test('lengths: tokens scored, code points and UTF-8 bytes of the choice without its delimiter', () => {
    // "😀é" has 2 code points (3 UTF-16 units) and 6 bytes; "abcd" has 4 of each.
    const options = ['😀é', 'abcd'];
    const metrics = (a: number, b: number) =>
      judge(choice('acc'), item(options), [scored([a / 4, a / 4, a / 4, a / 4]), scored([b])]).values;
    // By character -2.4 / 2 against -4.4 / 4; counted in UTF-16 units, -2.4 / 3 would win.
    expect(metrics(-2.4, -4.4).acc_norm).toBe(0);
    expect(metrics(-2, -4.4).acc_norm).toBe(1);
    // By byte -2.4 / 6 against -4.4 / 4; by token -2.4 / 4 against -4.4 / 1.
    expect(metrics(-2.4, -4.4)).toMatchObject({ acc: 1, acc_byte: 1, acc_token: 1 });
    expect(metrics(-6.7, -4.4)).toMatchObject({ acc: 0, acc_byte: 0, acc_token: 1 });
    // The delimiter counts nowhere: with it these two would tie no longer.
    expect(metrics(-2, -4).acc_norm).toBe(0.5);
  });

  test('prediction, gold, credit and tie', () => {
    const options = ['a', 'b', 'c'];
    expect(
      judge(
        choice('acc'),
        item(options, 1),
        [-3, -2, -4].map((l) => scored([l])),
      ),
    ).toEqual({
      prediction: 1,
      gold: 1,
      tie: false,
      values: { acc: 1, acc_norm: 1, acc_token: 1, acc_byte: 1, logprob_gold: -2 },
    });
    const tied = judge(
      choice('acc'),
      item(options, 2),
      [-2, -5, -2 - 1e-4].map((l) => scored([l])),
    );
    expect(tied).toMatchObject({ prediction: 0, gold: 2, tie: true, values: { acc: 0.5 } });
    expect(tied.values.logprob_gold).toBeCloseTo(-2.0001, 6);
  });

  // Sums choose the first, per token the second, per character and per byte the third.
  const options = ['yy', 'no no', '長い選択肢なのだ'];
  const parts = [scored([-2]), scored([-0.8, -0.8, -0.8]), scored([-1.3, -1.3])];
  test.each([
    ['acc', 0],
    ['acc_token', 1],
    ['acc_norm', 2],
  ] as const)('the prediction and the tie are those of the primary metric: %s', (metric, best) => {
    expect(judge(choice(metric), item(options), parts)).toMatchObject({ prediction: best, tie: false });
    const even = [scored([-4]), scored([-2, -2]), scored([-9])];
    expect(judge(choice(metric), item(['aaaa', 'bb', 'c']), even).tie).toBe(metric === 'acc');
  });

  test('acc_byte as primary metric predicts by byte too', () => {
    expect(judge(choice('acc_byte'), item(options), parts).values.acc_byte).toBe(0);
    expect(judge(choice('acc_byte'), item(options), parts).prediction).toBe(2);
  });
});

describe('choices that are more than right or wrong', () => {
  const protocol = (more: Partial<ChoiceProtocol<Item>>): ScoredProtocol =>
    ({ ...choice('em'), ...more }) as unknown as ScoredProtocol;
  const own = [scored([-3, -1], [true, false]), scored([-2], [true]), scored([-9])];

  test('a judge is told the best choice, by the length that is asked, and what the model would say', () => {
    const told: unknown[] = [];
    const judged = judge(
      protocol({
        judge: (_, best, greedy) => {
          told.push(best, greedy);
          return { em: 0.5 };
        },
      }),
      item(['a', 'b', 'c']),
      own,
    );
    expect(told).toEqual([1, [false, true, false]]);
    expect(judged.values.em).toBe(0.5);
    const byToken = judge(protocol({ by: 'token' }), item(['a', 'b', 'c']), [
      scored([-3, -0.5]),
      scored([-2]),
      scored([-9]),
    ]);
    expect([judged.prediction, byToken.prediction]).toEqual([1, 0]);
  });

  test('a scale: the mean of the numbers, weighted by probability', () => {
    const { values } = judge(protocol({ scale: { values: [0, 5], gold: () => 4.2 } }), item(['0', '5']), [
      scored([Math.log(0.03)]),
      scored([Math.log(0.01)]),
    ]);
    expect(values.predicted).toBeCloseTo(5 * 0.25, 6);
    expect(values.wanted).toBe(4.2);
  });

  test('a span that may be accepted has its mean log-probability and whether it should be', () => {
    const accepting = { ...span, accepts: { share: 0.7, gold: () => true } };
    const { values } = judge(accepting as unknown as ScoredProtocol, item(['x']), [scored([-1, -2])]);
    expect(values).toMatchObject({ logprob_mean: -1.5, wanted: 1, share: 0.7 });
  });

  test('a text in units of its own', () => {
    const rolling = { kind: 'rolling', source: '', text: () => 'a b', metrics: ['ppl_word'] };
    const units = { words: 7, bytes: 8, characters: 9 };
    const of = (protocol: object) =>
      judge(protocol as unknown as ScoredProtocol, item(['x']), [scored([-1, -2])]).values;
    expect(of(rolling)).toEqual({ logprob: -3, tokens: 2, words: 2, bytes: 3, characters: 3 });
    expect(of({ ...rolling, units: () => units })).toEqual({ logprob: -3, tokens: 2, ...units });
  });
});
