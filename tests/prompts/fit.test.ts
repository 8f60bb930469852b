import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { gpt2Tokenizer } from '../../src/models/tokenizers/gpt2.ts';
import { generatedTokens, type Prompt, type PromptOptions, promptBuilder } from '../../src/prompts/fit.ts';
import { random } from '../../src/stats/random.ts';
import type {
  ChoiceProtocol,
  GenerateProtocol,
  Protocol,
  RollingProtocol,
  SpanProtocol,
} from '../../src/task.ts';
import type { Example, Overflow } from '../../src/types.ts';
import { adversarialTexts } from '../helpers/adversarial.ts';

interface Question extends Example {
  readonly question: string;
  readonly answers: readonly string[];
}

const tokenizer = gpt2Tokenizer();
const span: SpanProtocol<Question> = {
  kind: 'span',
  source: 'test',
  context: (e) => `Q: ${e.question}\nA:`,
  continuation: (e) => ` ${e.answers[0]}`,
  shot: (e) => `Q: ${e.question}\nA: ${e.answers[0]}`,
  separator: '\n\n',
  draw: 'fixed',
  metrics: ['acc'],
};
const choice: ChoiceProtocol<Question> = {
  ...span,
  kind: 'choice',
  description: (shots) => (shots === 0 ? '' : `Here are ${shots} answered questions.\n\n`),
  choices: (e) => e.answers,
  gold: () => 0,
  delimiter: ' ',
};
const protocols = [span, choice] as unknown as readonly Protocol<Example>[];

/** Questions of 1 to 60 words, some of them hard to tokenise, with answers of 1 to 6. */
const pool: readonly Question[] = (() => {
  const source = random('questions');
  const hard = adversarialTexts(400).filter((text) => text.length < 40 && text.trim() !== '');
  const words = (n: number): string =>
    Array.from({ length: n }, () => (source.below(8) === 0 ? hard[source.below(hard.length)] : 'word')).join(
      ' ',
    );
  return Array.from({ length: 60 }, (_, i) => ({
    id: `q${i}`,
    question: words(1 + source.below(60)),
    answers: ['yes', words(1 + source.below(6)), 'no idea at all'],
  }));
})();

const build = (
  protocol: Protocol<Example>,
  overflow: Overflow,
  contextLength: number,
): ReturnType<typeof promptBuilder> =>
  promptBuilder(protocol, tokenizer, { contextLength, overflow } satisfies PromptOptions);
const comparable = ({ requests, ...prompt }: Prompt): unknown => ({
  ...prompt,
  requests: requests.map((r) => ({ ...r, tokens: [...r.tokens] })),
});

describe('drop-shots', () => {
  test('uses the most shots that fit, as found by trying every number', () => {
    const met = new Set<string>();
    fc.assert(
      fc.property(
        fc.constantFrom(...protocols),
        fc.integer({ min: 20, max: 700 }),
        fc.nat(pool.length - 1),
        fc.integer({ min: 0, max: 20 }),
        fc.nat(20),
        (protocol, contextLength, at, k, from) => {
          const item = pool[at]!;
          const shots = pool.filter((e) => e !== item).slice(from, from + k);
          const plain = build(protocol, 'truncate', contextLength);
          // An item that can't be scored at all uses none.
          let fitting = plain(item, []).unscored === undefined ? shots.length : 0;
          while (fitting > 0 && plain(item, shots.slice(0, fitting)).truncated > 0) fitting--;
          const wanted = plain(item, shots.slice(0, fitting));
          const found = build(protocol, 'drop-shots', contextLength)(item, shots);
          expect(comparable(found)).toEqual(comparable(wanted));
          expect(found.shotIds).toEqual(shots.slice(0, fitting).map((s) => s.id));
          for (const request of found.requests)
            expect(request.tokens.length).toBeLessThanOrEqual(contextLength + 1);
          met.add(
            found.truncated > 0 ? 'cut' : fitting === shots.length ? 'all' : fitting === 0 ? 'none' : 'some',
          );
        },
      ),
      { numRuns: 150, seed: 1 },
    );
    expect([...met].sort()).toEqual(['all', 'cut', 'none', 'some']);
  });

  test('one token of room decides: at the exact length all shots stay, at one less the last goes', () => {
    const item = pool[0]!;
    const shots = pool.slice(1, 6);
    for (const protocol of protocols) {
      const whole = build(protocol, 'truncate', 100_000)(item, shots);
      const exact = Math.max(...whole.requests.map((r) => r.tokens.length)) - 1;
      expect(build(protocol, 'drop-shots', exact)(item, shots)).toMatchObject({
        truncated: 0,
        hash: whole.hash,
      });
      expect(build(protocol, 'drop-shots', exact)(item, shots).shotIds).toHaveLength(5);
      const less = build(protocol, 'drop-shots', exact - 1)(item, shots);
      expect(less.truncated).toBe(0);
      expect(less.shotIds).toHaveLength(4);
    }
  });

  test('shots that fit are the first, even where a later one is shorter', () => {
    const shots = ['short', 'long '.repeat(300), 'x'].map((question, i) => ({ ...pool[i + 1]!, question }));
    const item = { ...pool[0]!, question: 'short too' };
    expect(build(protocols[0]!, 'drop-shots', 200)(item, shots).shotIds).toEqual(['q1']);
  });

  test('no shot fits and the question is too long: cut from the left, answer kept', () => {
    const item = { ...pool[0]!, question: 'many '.repeat(500) };
    const prompt = build(protocols[0]!, 'drop-shots', 50)(item, pool.slice(1, 4));
    expect(prompt.shotIds).toEqual([]);
    const [request] = prompt.requests;
    expect(request!.tokens).toHaveLength(51);
    expect(tokenizer.decode([...request!.tokens])).toMatch(/^( many)+ \nA: yes$/);
    expect(prompt.truncated).toBe(request!.truncated);
    expect(request!.truncated).toBe(tokenizer.encode(`Q: ${item.question}\nA: yes`).length - 51);
  });
});

describe('truncate, skip, error', () => {
  const item = pool[0]!;
  const shots = pool.slice(1, 9);
  const room = 100;
  const protocol = protocols[1]!;

  test('truncate keeps all shots and cuts from the left', () => {
    const prompt = build(protocol, 'truncate', room)(item, shots);
    const whole = build(protocol, 'truncate', 100_000)(item, shots);
    expect(prompt.shotIds).toEqual(shots.map((s) => s.id));
    expect(prompt.hash).toBe(whole.hash);
    for (const [i, request] of prompt.requests.entries()) {
      expect([...request.tokens]).toEqual([...whole.requests[i]!.tokens].slice(-(room + 1)));
      expect(request.truncated).toBe(whole.requests[i]!.tokens.length - room - 1);
    }
    expect(prompt.truncated).toBe(Math.max(...prompt.requests.map((r) => r.truncated)));
  });

  test('skip leaves the item unscored and says by how much it is too long', () => {
    const prompt = build(protocol, 'skip', room)(item, shots);
    const { truncated } = build(protocol, 'truncate', room)(item, shots);
    expect(prompt.requests).toEqual([]);
    expect(prompt.unscored).toBe(`${truncated} tokens too long for the window of 100 at 8 shots`);
  });

  test('error stops with the item, the option and the window', () => {
    expect(() => build(protocol, 'error', room)(item, shots)).toThrow(UserError);
    expect(() => build(protocol, 'error', room)(item, shots)).toThrow(
      /^--overflow error: item q0 is \d+ tokens too long for the window of 100 at 8 shots$/,
    );
  });

  test.each(['drop-shots', 'truncate', 'skip', 'error'] as const)('%s: what fits is the same', (overflow) => {
    const prompt = build(protocol, overflow, 2000)(item, shots);
    expect(comparable(prompt)).toEqual(comparable(build(protocol, 'truncate', 100_000)(item, shots)));
    expect(prompt.unscored).toBeUndefined();
    expect(prompt.requests).toHaveLength(3);
  });
});

test.each(['drop-shots', 'truncate', 'skip', 'error'] as const)(
  '%s: an answer longer than the window leaves only its item unscored',
  (overflow) => {
    const item: Question = { ...pool[0]!, answers: ['yes', 'no '.repeat(60)] };
    const prompt = build(protocols[1]!, overflow, 50)(item, []);
    expect(prompt.requests).toEqual([]);
    expect(prompt.unscored).toMatch(/^the continuation has \d+ tokens, but the model's window holds 50$/);
    expect(prompt.truncated).toBe(0);
  },
);

test('an error that is not the user’s is not an unscored item', () => {
  const broken = {
    ...span,
    continuation: () => {
      throw new TypeError('bug');
    },
  } as unknown as Protocol<Example>;
  expect(() => build(broken, 'drop-shots', 50)(pool[0]!, [])).toThrow(TypeError);
});

test('the hash is of the text: equal for equal pairs, whatever the window; another for another shot', () => {
  const [item, a, b] = pool as [Question, Question, Question];
  const hash = (shots: readonly Question[], window = 5000): string =>
    build(protocols[0]!, 'truncate', window)(item, shots).hash;
  expect(hash([a])).toMatch(/^[0-9a-f]{16}$/);
  expect(hash([a], 20)).toBe(hash([a]));
  expect(new Set([hash([]), hash([a]), hash([b]), hash([a, b]), hash([b, a])]).size).toBe(5);
});

describe('prompts to be continued', () => {
  const generate = {
    ...span,
    kind: 'generate',
    maxTokens: 20,
    stop: ['\n'],
  } as unknown as GenerateProtocol<Question>;
  const protocol = generate as unknown as Protocol<Example>;
  const [first, ...others] = pool as [Question, ...Question[]];

  test('room is kept for the answer: all that may be written, at most half of the window', () => {
    expect(generatedTokens(generate as never, 1024)).toBe(20);
    expect(generatedTokens(generate as never, 31)).toBe(15);
    const whole = tokenizer.encode(`Q: ${first.question}\nA:`);
    const fits = build(protocol, 'truncate', whole.length + 20)(first, []);
    expect(fits.requests).toEqual([
      { tokens: Int32Array.from(whole), start: whole.length, truncated: 0, merged: false },
    ]);
    const cut = build(protocol, 'truncate', whole.length + 17)(first, []);
    expect([...cut.requests[0]!.tokens]).toEqual(whole.slice(3));
    expect([cut.truncated, cut.requests[0]!.start]).toEqual([3, whole.length - 3]);
  });

  test('shots are dropped until prompt and answer fit, as found by trying every number', () => {
    const shots = others.slice(0, 8);
    const met = new Set<number>();
    for (let contextLength = 45; contextLength < 2500; contextLength += 37) {
      const found = build(protocol, 'drop-shots', contextLength)(first, shots);
      const lengths = shots.map((_, k) => {
        const text = [...shots.slice(0, k + 1).map((s) => generate.shot(s)), `Q: ${first.question}\nA:`];
        return tokenizer.encode(text.join('\n\n')).length;
      });
      const room = contextLength - generatedTokens(generate as never, contextLength);
      const most = lengths.findIndex((length) => length > room);
      expect(found.shotIds.length).toBe(most < 0 ? shots.length : most);
      met.add(found.shotIds.length);
    }
    expect(met.size).toBeGreaterThan(4);
  });

  test('an empty prompt is the start of text; without one it is unscored', () => {
    const empty = { ...generate, context: () => '', shot: () => '' } as unknown as Protocol<Example>;
    const started = build(empty, 'drop-shots', 64)(first, []);
    expect([...started.requests[0]!.tokens]).toEqual([tokenizer.startOfText]);
    const bare = { ...tokenizer, startOfText: null };
    const found = promptBuilder(empty, bare, { contextLength: 64, overflow: 'drop-shots' })(first, []);
    expect(found.requests).toEqual([]);
    expect(found.unscored).toMatch(/the prompt is empty, and the model has neither/);
  });
});

describe('texts that are rolled over', () => {
  const rolling = {
    kind: 'rolling',
    source: 'test',
    text: (e: Question) => e.question,
    metrics: ['ppl_word'],
  };
  const protocol = rolling as unknown as RollingProtocol<Example> as Protocol<Example>;
  const long = { ...(pool[0] as Question), question: 'one two three four five six seven eight nine ten' };

  test('windows of the stride, by default of the whole window', () => {
    const ids = [tokenizer.startOfText as number, ...tokenizer.encode(long.question, { prefix: false })];
    const starts = (stride: number | null): number[][] =>
      promptBuilder(protocol, tokenizer, { contextLength: 6, overflow: 'drop-shots', stride })(
        long,
        [],
      ).requests.map(({ tokens, start }) => [tokens.length, start]);
    expect(ids.length).toBe(11);
    expect(starts(null)).toEqual([
      [7, 1],
      [7, 3],
    ]);
    expect(starts(2)).toEqual([
      [7, 1],
      [7, 5],
      [7, 5],
    ]);
    const prompt = build(protocol, 'drop-shots', 6)(long, []);
    expect([prompt.shotIds, prompt.truncated, prompt.unscored]).toEqual([[], 0, undefined]);
    expect(prompt.example).toBe(long);
    const other = build(protocol, 'drop-shots', 6)({ ...long, question: 'one' } as Question, []);
    expect(prompt.hash).toMatch(/^[0-9a-f]{16}$/);
    expect(other.hash).not.toBe(prompt.hash);
  });

  test('an empty text is unscored', () => {
    const empty = build(protocol, 'drop-shots', 6)({ ...long, question: '' } as Question, []);
    expect(empty).toMatchObject({ requests: [], unscored: 'the text is empty' });
  });
});

test('an error that is no bad input comes through', () => {
  const broken = {
    ...tokenizer,
    encode: () => {
      throw new TypeError('a bug');
    },
  };
  const builder = promptBuilder(protocols[0]!, broken as never, { contextLength: 64, overflow: 'truncate' });
  expect(() => builder(pool[0] as Question, [])).toThrow(TypeError);
});
