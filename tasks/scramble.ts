import { defineTask, type GenerateProtocol, GPT3_BEAMS, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface ScrambledWord extends Example {
  readonly context: string;
  readonly completion: string;
}

/** lm-eval 0.4.13, tasks/unscramble: the released text, right where the first line written is the word exactly. */
const lmEval: GenerateProtocol<ScrambledWord> = {
  kind: 'generate',
  source: 'lm-eval 0.4.13 unscramble',
  context: (e) => e.context,
  // lm-eval's target delimiter, a space, stands before a completion that begins with a space itself.
  shot: (e) => `${e.context} ${e.completion}`,
  separator: '\n\n',
  draw: 'fixed',
  stop: ['\n'],
  maxTokens: 32,
  gold: (e) => e.completion,
  judge: (e, text) => ({ em: text === e.completion ? 1 : 0 }),
  metrics: ['em'],
};

/** GPT-3 paper, section 3.9.2: a description once, then the released lines. */
const gpt3: GenerateProtocol<ScrambledWord> = {
  ...lmEval,
  source: 'GPT-3 paper, section 3.9.2 and, for the beams, 2.4, and its released data',
  description: () => 'Please unscramble the letters into a word, and write that word:',
  shot: (e) => e.context + e.completion,
  separator: '',
  draw: 'per-example',
  beams: GPT3_BEAMS,
};

const SETS: readonly (readonly [name: string, split: string, title: string, published: string])[] = [
  ['cycle-letters', 'cycle_letters_in_word', 'letters of a word cycled', 'Cycled Letters'],
  ['anagrams1', 'mid_word_1_anagrams', 'all letters but the first and last shuffled', 'Anagrams 1'],
  ['anagrams2', 'mid_word_2_anagrams', 'all letters but the outer two on each side shuffled', 'Anagrams 2'],
  [
    'random-insertion',
    'random_insertion_in_word',
    'a mark or space between any two letters',
    'Symbol Insertion',
  ],
  ['reversed-words', 'reversed_words', 'a word spelled backwards', 'Reversed Words'],
];

/** The five word scrambling sets of the GPT-3 paper. */
const tasks: readonly Task[] = SETS.map(([name, split, title, published]) =>
  defineTask<ScrambledWord>({
    name: `scramble-${name}`,
    version: 2,
    title: `Word scrambling: ${title}`,
    dataset: 'gpt3-scramble',
    split,
    examples: 10_000,
    shotSplits: [],
    decode: (record) => ({
      id: String(record.line),
      context: record.string('context'),
      completion: record.string('completion'),
    }),
    protocols: { 'lm-eval': lmEval, gpt3 },
    protocol: 'lm-eval',
    chance: null,
    paperShots: 100,
    published,
  }),
);

export default tasks;
