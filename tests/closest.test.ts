import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closest, didYouMean, editDistance } from '../src/closest.ts';
import { tasks } from '../tasks/index.ts';

/** Few letters, so that swaps and repeats are common. */
const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 7 });

describe('edit distance', () => {
  test.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['lambda', 'lambada', 1],
    ['rnu', 'run', 1],
    ['ca', 'abc', 2],
    ['kitten', 'sitting', 3],
    ['a cat', 'an act', 2],
  ])('"%s" to "%s" is %i', (a, b, distance) => expect(editDistance(a, b)).toBe(distance));

  test('is a metric: zero for equal texts alone, symmetric, and no detour is shorter', () => {
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
      { numRuns: 500 },
    );
  });

  test('every single edit is at distance one', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...'abcdefgh'), { minLength: 2 }),
        fc.nat(),
        (letters, n) => {
          const at = n % (letters.length - 1);
          const text = letters.join('');
          const swapped = letters.with(at, letters[at + 1] as string).with(at + 1, letters[at] as string);
          for (const other of [swapped, letters.toSpliced(at, 1), letters.toSpliced(at, 0, 'z')])
            expect(editDistance(text, other.join(''))).toBe(1);
          expect(editDistance(text, letters.with(at, 'z').join(''))).toBe(1);
        },
      ),
    );
  });
});

describe('what may be meant', () => {
  test('the nearest names first, three at most', () => {
    expect(closest('shot', ['short', 'shots', 'slot', 'shut', 'seed'])).toHaveLength(3);
    expect(closest('lambda', ['lambada-standard', 'demo-lambada', 'lambada'])).toEqual([
      'lambada',
      'lambada-standard',
    ]);
    expect(closest('lamda', ['cola', 'lambada', 'anli'])).toEqual(['lambada']);
    expect(closest('GPT2-medum', ['gpt2-large', 'gpt2-medium'])).toEqual(['gpt2-medium']);
  });

  test('what begins with the word, before what is near; else what it begins', () => {
    expect(closest('anli', ['mnli', 'anli-r1', 'anli-r2'])).toEqual(['anli-r1', 'anli-r2', 'mnli']);
    expect(closest('sup', ['superglue', 'rte'])).toEqual(['superglue']);
  });

  test('nothing where nothing is near', () => {
    expect(didYouMean('quite another thing', ['run', 'report'])).toBe('');
    expect(didYouMean('', ['run'])).toBe('');
    expect(didYouMean('x', [])).toBe('');
    expect(didYouMean('rum', ['run', 'rub'])).toBe(' (did you mean run, rub?)');
  });

  test('every task is found by its name with two neighbours swapped', () => {
    const names = tasks.map(({ name }) => name);
    for (const name of names) {
      const typed = `${name[1]}${name[0]}${name.slice(2)}`;
      if (name[0] !== name[1] && !names.includes(typed)) expect(closest(typed, names), typed).toContain(name);
    }
  });
});
