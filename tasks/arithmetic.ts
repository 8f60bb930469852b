import { defineTask, type Protocol, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface ArithmeticExample extends Example {
  readonly context: string;
  readonly completion: string;
}

/** lm-eval's process_docs: "\n\nQ: What is 98 plus 45?\n\nA:" becomes "Question: What is 98 plus 45?\nAnswer:". */
function lmEvalContext(e: ArithmeticExample): string {
  return e.context.trim().replaceAll('\n\n', '\n').replaceAll('Q:', 'Question:').replaceAll('A:', 'Answer:');
}

/** lm-eval 0.4.13, tasks/arithmetic: right where every token of the answer is the most probable one. */
const lmEval: Protocol<ArithmeticExample> = {
  kind: 'span',
  source: 'lm-eval 0.4.13 arithmetic',
  context: lmEvalContext,
  continuation: (e) => e.completion,
  shot: (e) => lmEvalContext(e) + e.completion,
  separator: '\n\n',
  draw: 'fixed',
  metrics: ['acc', 'logprob_gold'],
};

/**
 * The released files as they are: every problem begins with a blank line and ends before the space of the answer,
 * which "must be generated exactly" (section 3.9.1). `acc` takes a longer number that begins with it,
 * however it is tokenised (lm-eval's likelihoods take one whose first tokens are the answer's); `acc_stop` does not.
 * Decoded greedily: an answer has few tokens.
 */
const gpt3: Protocol<ArithmeticExample> = {
  kind: 'generate',
  source: 'GPT-3 paper, section 3.9.1, and its released data',
  context: (e) => e.context,
  shot: (e) => e.context + e.completion,
  separator: '',
  draw: 'per-example',
  stop: ['\n'],
  maxTokens: 10,
  gold: (e) => e.completion,
  judge(e, text) {
    const right = text.startsWith(e.completion);
    return { acc: right ? 1 : 0, acc_stop: right && !/^\d/.test(text.slice(e.completion.length)) ? 1 : 0 };
  },
  metrics: ['acc_stop', 'acc'],
};

const SETS: readonly (readonly [name: string, split: string, title: string, published: string])[] = [
  ['2d-add', 'two_digit_addition', 'two-digit addition', '2D+'],
  ['2d-sub', 'two_digit_subtraction', 'two-digit subtraction', '2D-'],
  ['3d-add', 'three_digit_addition', 'three-digit addition', '3D+'],
  ['3d-sub', 'three_digit_subtraction', 'three-digit subtraction', '3D-'],
  ['4d-add', 'four_digit_addition', 'four-digit addition', '4D+'],
  ['4d-sub', 'four_digit_subtraction', 'four-digit subtraction', '4D-'],
  ['5d-add', 'five_digit_addition', 'five-digit addition', '5D+'],
  ['5d-sub', 'five_digit_subtraction', 'five-digit subtraction', '5D-'],
  ['2d-mul', 'two_digit_multiplication', 'two-digit multiplication', '2Dx'],
  ['1d-three-ops', 'single_digit_three_ops', 'two operators over three single digits', '1DC'],
];

/** Released beside the ten, and in none of the paper's tables. */
const UNPUBLISHED: typeof SETS = [
  ['6d-add', 'six_digit_addition', 'six-digit addition', ''],
  ['6d-sub', 'six_digit_subtraction', 'six-digit subtraction', ''],
  ['sum-of-digits', 'sum_of_digits', 'sum of the digits of a number', ''],
];

const RELEASED = { prefix: 'arithmetic', dataset: 'gpt3-arithmetic', from: 'as released by OpenAI' };
const GENERATED = {
  prefix: 'arithmetic-gen',
  dataset: 'arithmetic-generated',
  from: 'from the seeded generator',
};

function arithmetic(
  { prefix, dataset, from }: typeof RELEASED,
  [name, split, title, published]: (typeof SETS)[number],
): Task {
  return defineTask<ArithmeticExample>({
    name: `${prefix}-${name}`,
    version: 2,
    title: `GPT-3's ${title}, ${from}`,
    dataset,
    split,
    examples: 2000,
    shotSplits: [],
    decode: (record) => ({
      id: String(record.line),
      context: record.string('context'),
      completion: record.string('completion'),
    }),
    protocols: { 'lm-eval': lmEval, gpt3 },
    protocol: 'lm-eval',
    chance: null,
    paperShots: 50,
    ...(dataset === RELEASED.dataset && published !== '' ? { published } : {}),
  });
}

/** The ten sets of the GPT-3 paper. */
export const paperSets: readonly Task[] = SETS.map((set) => arithmetic(RELEASED, set));

/** The released files, and the paper's sets from the seeded generator. */
const sets: readonly Task[] = [
  ...paperSets,
  ...UNPUBLISHED.map((set) => arithmetic(RELEASED, set)),
  ...SETS.map((set) => arithmetic(GENERATED, set)),
];

export default sets;
