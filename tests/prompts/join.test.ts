import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { gpt2Tokenizer } from '../../src/models/tokenizers/gpt2.ts';
import { type JoinOptions, pairEncoder } from '../../src/prompts/join.ts';
import { random } from '../../src/stats/random.ts';
import type { Request, Tokenizer } from '../../src/types.ts';
import { adversarialTexts } from '../helpers/adversarial.ts';

const END = 50256;
const tokenizer = gpt2Tokenizer();
const { encode, decode } = tokenizer;
/**
 * [c for c in range(0x110000) if chr(c).isspace()] in Python 3: with U+0085 and U+001C to U+001F, unlike JavaScript;
 * without U+FEFF, unlike JavaScript; without U+180E and U+200B, like it.
 */
const PYTHON_SPACE: readonly number[] = [
  ...[9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xa0, 0x1680],
  ...[0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a],
  ...[0x2028, 0x2029, 0x202f, 0x205f, 0x3000],
];

function join(context: string, continuation: string, options: Partial<JoinOptions> = {}): Request {
  return pairEncoder(tokenizer, { contextLength: 1024, ...options })({ context, continuation });
}
const given = (r: Request): number[] => [...r.tokens.subarray(0, r.start)];
const scored = (r: Request): number[] => [...r.tokens.subarray(r.start)];

describe('where context ends and continuation begins', () => {
  test('a plain pair: the tokens of both together, cut behind those of the context', () => {
    const request = join('The cat sat on the', ' mat');
    expect([given(request), scored(request)]).toEqual([encode('The cat sat on the'), encode(' mat')]);
    expect(request).toMatchObject({ start: 5, truncated: 0, merged: false });
  });

  test.each([
    ['Answer: ', 'True', 'Answer:', ' True'],
    ['Answer:', ' True', 'Answer:', ' True'],
    ['a \n\t ', 'b', 'a', ' \n\t b'],
    ['a\u00a0\u3000', 'b', 'a', '\u00a0\u3000b'],
    ['a \x1c\x85 ', 'b', 'a', ' \x1c\x85 b'],
    ['a\u2028', ' b', 'a', '\u2028 b'],
  ])('white space at the end of %j moves to %j', (context, continuation, head, tail) => {
    const request = join(context, continuation);
    expect([decode(given(request)), decode(scored(request))]).toEqual([head, tail]);
    expect([...request.tokens]).toEqual(encode(context + continuation));
    expect(request).toEqual(join(head, tail));
  });

  test('white space is what Python strips, for every character of the basic plane', () => {
    const moved: number[] = [];
    for (let code = 0; code < 0x10000; code++) {
      if (code >= 0xd800 && code < 0xe000) continue;
      if (decode(given(join(`a${String.fromCharCode(code)}`, 'b'))) === 'a') moved.push(code);
    }
    expect(moved).toEqual(PYTHON_SPACE);
  });

  test('a token across the boundary: the continuation is encoded alone and the request says so', () => {
    // " world" is one token; " wor" and "ld" are what stands on either side.
    expect(encode('Hello world')).toHaveLength(2);
    const request = join('Hello wor', 'ld');
    expect([given(request), scored(request)]).toEqual([encode('Hello wor'), encode('ld')]);
    expect(request.merged).toBe(true);
    expect(join('Hello', ' world').merged).toBe(false);
    // The whole has the context's tokens at its head, but none of its own behind them.
    expect(join('a b', '\u0301').merged).toBe(
      encode('a b\u0301').slice(0, 2).join() !== encode('a b').join(),
    );
  });

  test('any text cut anywhere: the context is stripped, nothing is lost, unmerged tokens are those of the whole', () => {
    const source = random('cuts');
    let [merged, moved] = [0, 0];
    for (const text of adversarialTexts(3000)) {
      const characters = [...text];
      if (characters.length > 200) continue;
      const at = source.below(characters.length);
      const [context, continuation] = [characters.slice(0, at).join(''), characters.slice(at).join('')];
      let end = at;
      while (end > 0 && PYTHON_SPACE.includes(characters[end - 1]!.codePointAt(0)!)) end--;
      if (end < at) moved++;
      const head = characters.slice(0, end).join('');
      const request = join(context, continuation);
      expect(given(request)).toEqual(head === '' ? [END] : encode(head));
      expect(decode(scored(request))).toBe(characters.slice(end).join(''));
      if (request.merged) merged++;
      else if (head !== '') expect([...request.tokens]).toEqual(encode(text));
      expect(request.merged).toBe(
        head !== '' && encode(text).slice(0, request.start).join() !== encode(head).join(),
      );
    }
    expect(merged).toBeGreaterThan(100);
    expect(moved).toBeGreaterThan(100);
  });

  test('the encoder remembers the last context and nothing else', () => {
    const encodePair = pairEncoder(tokenizer, { contextLength: 64 });
    const pairs = ['one', 'one', 'two ', 'one', '', 'two', ' '].flatMap((context) =>
      [' x', 'y'].map((continuation) => ({ context, continuation })),
    );
    for (const pair of [...pairs, ...pairs.reverse()])
      expect(encodePair(pair)).toEqual(pairEncoder(tokenizer, { contextLength: 64 })(pair));
  });

  test('choices share their context: it is encoded once', () => {
    let calls = 0;
    const counting: Tokenizer = {
      ...tokenizer,
      encode(text, options) {
        calls++;
        return encode(text, options);
      },
    };
    const encodePair = pairEncoder(counting, { contextLength: 64 });
    for (const continuation of ['True', 'Neither', 'False'])
      encodePair({ context: 'Q\nAnswer: ', continuation });
    expect(calls).toBe(1 + 3);
  });

  test('where the whole has no token behind the context’s, the continuation is encoded alone', () => {
    // A tokenizer that loses something: runs of a character are one token.
    const collapsing: Tokenizer = {
      ...tokenizer,
      encode: (text) => [...text.replace(/(.)\1+/gu, '$1')].map((c) => c.charCodeAt(0)),
    };
    const request = pairEncoder(collapsing, { contextLength: 64 })({ context: 'xa', continuation: 'aa' });
    expect([given(request), scored(request), request.merged]).toEqual([[120, 97], [97], true]);
  });
});

describe('an empty context is the start of text', () => {
  test.each([
    ['', 'Once'],
    ['  \n', 'Once'],
    ['\x85', ' Once'],
  ])('%j + %j', (context, continuation) => {
    const request = join(context, continuation);
    expect([...request.tokens]).toEqual([END, ...encode(context + continuation)]);
    expect(request).toMatchObject({ start: 1, truncated: 0, merged: false });
  });

  test('a byte-order mark is no white space: it is the context', () => {
    expect(given(join('\ufeff', 'x'))).toEqual(encode('\ufeff'));
  });

  test('a model without a start token: a sentence, only where it is needed', () => {
    const none: Tokenizer = { ...tokenizer, startOfText: null };
    const encodePair = pairEncoder(none, { contextLength: 64 });
    expect(() => encodePair({ context: ' ', continuation: 'x' })).toThrow(
      new UserError(
        '"context" is empty, and the model has neither a beginning-of-text nor an end-of-text token',
      ),
    );
    expect(encodePair({ context: 'a', continuation: ' b' }).start).toBe(1);
  });

  test('a tokenizer with a prefix of its own gives it once, and never to a continuation', () => {
    const prefixed: Tokenizer = {
      ...tokenizer,
      prefix: END,
      encode: (text, options) => [...((options?.prefix ?? true) ? [END] : []), ...encode(text, options)],
    };
    const encodePair = pairEncoder(prefixed, { contextLength: 64 });
    for (const [context, continuation] of [
      ['', 'Once upon'],
      ['Once', ' upon'],
      ['Hello wor', 'ld'],
    ] as const) {
      const request = encodePair({ context, continuation });
      expect([...request.tokens].filter((id) => id === END)).toEqual([END]);
      expect(request.tokens[0]).toBe(END);
      expect(scored(request)).toEqual(encode(continuation));
    }
  });
});

describe('special tokens', () => {
  test('are text unless asked for', () => {
    const request = join('a<|endoftext|>', ' b');
    expect([...request.tokens]).not.toContain(END);
    expect([...join('a<|endoftext|>', ' b', { special: true }).tokens]).toEqual([
      ...[...encode('a'), END],
      ...encode(' b'),
    ]);
  });

  test('a continuation that spells the start token is its own context; the token alone is scored', () => {
    expect(join('', '<|endoftext|>Hi', { special: true })).toEqual({
      tokens: Int32Array.of(END, ...encode('Hi')),
      start: 1,
      truncated: 0,
      merged: false,
    });
    expect([...join('', '<|endoftext|>', { special: true }).tokens]).toEqual([END, END]);
  });
});

describe("--join lm-eval cuts the whole at the length of the context's tokens", () => {
  test('the same where no token spans the boundary', () => {
    for (const [context, continuation] of [
      ['The cat', ' sat'],
      ['Answer: ', 'True'],
      ['', 'Once'],
    ] as const)
      expect(join(context, continuation, { join: 'lm-eval' })).toEqual(join(context, continuation));
  });

  test('where one does, the cut falls inside the whole and the request is marked', () => {
    const [context, continuation] = ['Hello wor', 'ld, how are you'];
    const request = join(context, continuation, { join: 'lm-eval' });
    expect(scored(request)).toEqual(encode(context + continuation).slice(encode(context).length));
    expect(given(request)).toEqual(encode(context));
    expect(request.merged).toBe(true);
  });

  test('an empty remainder is an error, not a score of nothing', () => {
    expect(() => join('Hello wor', 'ld', { join: 'lm-eval' })).toThrow(
      new UserError('the continuation has no token of its own behind the context'),
    );
  });
});

describe('the window', () => {
  const context = 'one two three four five six seven eight';
  const whole = encode(`${context} nine ten`);

  test('holds the last n_ctx + 1 tokens: the last one is never fed', () => {
    expect(whole).toHaveLength(10);
    for (let contextLength = 2; contextLength <= 12; contextLength++) {
      const request = join(context, ' nine ten', { contextLength });
      expect([...request.tokens]).toEqual(whole.slice(-(contextLength + 1)));
      expect(request.truncated).toBe(Math.max(0, 9 - contextLength));
      expect(scored(request)).toEqual(encode(' nine ten'));
    }
  });

  test('the start token too is cut away, but one token always stands before the scored ones', () => {
    const request = join('', ' nine ten', { contextLength: 2 });
    expect([...request.tokens]).toEqual([END, ...encode(' nine ten')]);
    expect(request.start).toBe(1);
    expect(join(context, ' nine ten', { contextLength: 2 }).start).toBe(1);
  });

  test('a longer continuation is an error that says both numbers', () => {
    expect(() => join('a', ' nine ten eleven', { contextLength: 2 })).toThrow(
      new UserError("the continuation has 3 tokens, but the model's window holds 2"),
    );
    expect(() => join('', ' nine ten eleven', { contextLength: 2 })).toThrow(UserError);
  });

  test('an empty continuation is an error', () => {
    expect(() => join('a ', '')).toThrow(new UserError('"continuation" expected a text, found an empty one'));
  });
});
