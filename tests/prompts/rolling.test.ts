import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unitsOf } from '../../src/metrics/units.ts';
import { gpt2Tokenizer } from '../../src/models/tokenizers/gpt2.ts';
import { rollingRequests } from '../../src/prompts/rolling.ts';
import type { Tokenizer } from '../../src/types.ts';

/** A tokenizer whose tokens are the text's code units, after a start token of -1. */
const characters: Tokenizer = {
  ...gpt2Tokenizer(),
  startOfText: -1,
  encode: (text) => Array.from(text, (c) => c.charCodeAt(0)),
};

/** lm-eval's make_disjoint_window over get_rolling_token_windows with context_len 1, written out anew. */
function lmEvalWindows(ids: readonly number[], length: number): { context: number[]; scored: number[] }[] {
  const windows = [{ context: [-1], scored: ids.slice(0, length) }];
  for (let done = length; done < ids.length; ) {
    const count = Math.min(ids.length - done, length);
    const end = done + count;
    const fed = ids.slice(end - length - 1, end - 1);
    windows.push({ context: fed.slice(0, fed.length - (count - 1)), scored: ids.slice(end - count, end) });
    done = end;
  }
  return windows;
}

describe('rollingRequests', () => {
  test("with a full stride makes lm-eval's windows", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        (text, contextLength) => {
          const ids = characters.encode(text);
          const found = rollingRequests(text, characters, { contextLength, stride: contextLength }).map(
            (r) => ({
              context: [...r.tokens.subarray(0, r.start)],
              scored: [...r.tokens.subarray(r.start)],
            }),
          );
          expect(found).toEqual(lmEvalWindows(ids, contextLength));
        },
      ),
    );
  });

  test('scores every token once, fits the window, and gives later tokens the context that the stride leaves', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 80 }),
        fc.integer({ min: 2, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        (text, contextLength, s) => {
          const stride = Math.min(s, contextLength);
          const windows = rollingRequests(text, characters, { contextLength, stride });
          expect(windows.flatMap((w) => [...w.tokens.subarray(w.start)])).toEqual(characters.encode(text));
          for (const [i, w] of windows.entries()) {
            expect(w.tokens.length - 1).toBeLessThanOrEqual(contextLength);
            if (i > 0) expect(w.start).toBeGreaterThanOrEqual(contextLength - stride + 1);
          }
        },
      ),
    );
  });

  test('a stride longer than the window is an error', () => {
    expect(() => rollingRequests('abc', characters, { contextLength: 4, stride: 5 })).toThrow(
      '--stride: expected at most the window of 4 tokens, found 5',
    );
  });

  test('a model without a first token is an error', () => {
    expect(() =>
      rollingRequests('a', { ...characters, startOfText: null }, { contextLength: 4, stride: 4 }),
    ).toThrow(/neither a beginning-of-text nor an end-of-text token/);
  });
});

test('units are counted as Python counts them', () => {
  // len(re.split(r"\s+", t)), len(t), len(t.encode()) in Python 3.11
  expect(unitsOf(' two words\n')).toEqual({ words: 4, characters: 11, bytes: 11 });
  expect(unitsOf('a\u0085b\u001cc\ufeffd')).toEqual({ words: 3, characters: 7, bytes: 10 });
  expect(unitsOf('😀 é')).toEqual({ words: 2, characters: 3, bytes: 7 });
});
