import { random } from '../../src/stats/random.ts';

/** The ten arithmetic sets of the GPT-3 paper (section 3.9.1), by the names of the released files. */
export type ArithmeticSet =
  | `${'two' | 'three' | 'four' | 'five'}_digit_${'addition' | 'subtraction'}`
  | 'two_digit_multiplication'
  | 'single_digit_three_ops';

/** A problem in the format of the released files. */
export interface ArithmeticRecord {
  readonly context: string;
  readonly completion: string;
}

const DIGITS: Readonly<Record<string, number>> = { two: 2, three: 3, four: 4, five: 5 };
const COUNT = 2000;

/**
 * Makes a set of 2,000 distinct problems in the form of the released files: operands uniform below 10^digits,
 * or three digits from 1 to 9 under two operators. The same on every machine.
 */
export function generateArithmetic(set: ArithmeticSet): ArithmeticRecord[] {
  const draw = random('arithmetic', 1, set);
  const seen = new Set<string>();
  const records: ArithmeticRecord[] = [];
  while (records.length < COUNT) {
    const { question, answer } = problem();
    if (seen.has(question)) continue;
    seen.add(question);
    records.push({ context: `\n\nQ: What is ${question}?\n\nA:`, completion: ` ${answer}` });
  }
  return records;

  function problem(): { question: string; answer: number } {
    if (set === 'single_digit_three_ops') {
      const [a, b, c] = [1 + draw.below(9), 1 + draw.below(9), 1 + draw.below(9)];
      const [first, second] = ['+-*'[draw.below(3)]!, '+-*'[draw.below(3)]!];
      return {
        question: `(${a} ${first} ${b}) ${second} ${c}`,
        answer: apply(second, apply(first, a, b), c),
      };
    }
    const [size, , kind] = set.split('_') as [string, string, string];
    const below = 10 ** DIGITS[size]!;
    const [a, b] = [draw.below(below), draw.below(below)];
    if (kind === 'addition') return { question: `${a} plus ${b}`, answer: a + b };
    if (kind === 'subtraction') return { question: `${a} minus ${b}`, answer: a - b };
    return { question: `${a} times ${b}`, answer: a * b };
  }
}

function apply(operator: string, a: number, b: number): number {
  return operator === '+' ? a + b : operator === '-' ? a - b : a * b;
}
