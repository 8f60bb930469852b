import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type ArithmeticSet, generateArithmetic } from '../../datasets/generate/arithmetic.ts';

/** The sets never change: SHA-256 of each as JSON lines. */
const PINNED: Readonly<Record<ArithmeticSet, string>> = {
  two_digit_addition: '3a7773ccbfe132e29b47f4c62cf135db903a987b8f70ac3dc39dab36520775e4',
  two_digit_subtraction: '5711b6475d1aa93860b95166b5ad008af08124ddfa316f2823463e69e1bf9d1f',
  three_digit_addition: 'dc9966f94bc7db4bb306f7fa74fea44fc41f55e738f97530c2032858056e3e70',
  three_digit_subtraction: 'b8950b565c17c5d78e4448fd584fefb5a8b18fbd073cee4a75eff52d2668259e',
  four_digit_addition: '7a17af3d3ff702ad42d1d2b4a7270a27c5520728eaba50d96c399edf9923d876',
  four_digit_subtraction: '85632fbcbe02d739f5e903e789eb89b50f97c2cd3ebf1c2ebb2e2f2317ceeab3',
  five_digit_addition: '58772cfd3de944ca9cf3126a89d730760aa249379ef5ef80dde5470017f4c0d2',
  five_digit_subtraction: '8d297bfd29b2f2e4577798aa2793e1085d53a8c0e40a6fce476dc0181f511895',
  two_digit_multiplication: 'f8afdf903cafa6deb359155de2d32a1aeedcf4c021607c195fba08582f91f444',
  single_digit_three_ops: 'f16233d8bbef36ad4dae8a704e18883005743f4239c82f2bea5878195e4dd8d2',
};
const sets = Object.keys(PINNED) as ArithmeticSet[];
const DIGITS: Readonly<Record<string, number>> = { two: 2, three: 3, four: 4, five: 5 };

/** The value of "3 plus 4", "(1 + 2) * 3" and their like, by a reading of its own. */
function value(question: string): number {
  const match =
    /^\((.+)\) ([-+*]) (\d+)$/.exec(question) ?? /^(\d+) (plus|minus|times|[-+*]) (\d+)$/.exec(question);
  if (!match) throw new Error(`not a problem: ${question}`);
  const [, left, sign, right] = match as unknown as [string, string, string, string];
  const a = /^\d+$/.test(left) ? Number(left) : value(left);
  const b = Number(right);
  if (sign === 'plus' || sign === '+') return a + b;
  return sign === 'minus' || sign === '-' ? a - b : a * b;
}

test('the reader reads: (2 - 9) * 3 is -21', () => {
  expect(value('(2 - 9) * 3')).toBe(-21);
  expect(value('98 plus 45')).toBe(143);
  expect(() => value('1 + x')).toThrow();
});

describe.each(sets)('%s', (set) => {
  const records = generateArithmetic(set);
  const questions = records.map((r) => /^\n\nQ: What is (.+)\?\n\nA:$/.exec(r.context)?.[1] ?? '');

  test('is 2,000 distinct problems with right answers, in the released form', () => {
    expect(new Set(questions).size).toBe(2000);
    expect(records.filter((r, i) => r.completion !== ` ${value(questions[i]!)}`)).toEqual([]);
  });

  test('is the same on every machine', () => {
    const text = records.map((r) => `${JSON.stringify(r)}\n`).join('');
    expect(createHash('sha256').update(text).digest('hex')).toBe(PINNED[set]);
    expect(generateArithmetic(set)).toEqual(records);
  });

  test('has operands of its size, spread over their range', () => {
    const [size, , kind] = set.split('_') as [string, string, string];
    const numbers = questions.map((q) => (q.match(/\d+/g) ?? []).map(Number));
    if (set === 'single_digit_three_ops') {
      expect(questions.every((q) => /^\([1-9] [-+*] [1-9]\) [-+*] [1-9]$/.test(q))).toBe(true);
      expect(new Set(questions.map((q) => q.replace(/\d/g, ''))).size).toBe(9);
      return;
    }
    const below = 10 ** DIGITS[size]!;
    const word = { addition: 'plus', subtraction: 'minus', multiplication: 'times' }[kind];
    expect(questions.every((q) => q.split(' ')[1] === word)).toBe(true);
    expect(Math.max(...numbers.flat())).toBeLessThan(below);
    expect(Math.max(...numbers.flat())).toBeGreaterThan(0.98 * below);
    for (const side of [0, 1]) {
      const mean = numbers.reduce((sum, n) => sum + n[side]!, 0) / numbers.length;
      expect(Math.abs(mean / below - 0.5)).toBeLessThan(0.03);
    }
  });
});

test('no two sets hold the same problems', () => {
  const starts = sets.map((set) => (generateArithmetic(set)[0]!.context.match(/\d+/g) ?? []).join());
  expect(new Set(starts).size).toBe(sets.length);
});
