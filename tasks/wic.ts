import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface WordPair extends Example {
  /** The word, and as it stands in the first sentence. */
  readonly word: string;
  readonly form: string;
  readonly first: string;
  readonly second: string;
  readonly label: number;
}

const ANSWERS = ['no', 'yes'];
const lmEvalContext = (e: WordPair): string =>
  `Sentence 1: ${e.first}\nSentence 2: ${e.second}\nQuestion: Is the word '${e.form}' used in the same way in the two sentences above?\nAnswer:`;

/** lm-eval 0.4.13, tasks/super_glue/wic. */
const lmEval: ChoiceProtocol<WordPair> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 wic',
  context: lmEvalContext,
  shot: (e) => `${lmEvalContext(e)} ${ANSWERS[e.label]}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: () => ANSWERS,
  gold: (e) => e.label,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

const gpt3Context = (e: WordPair): string =>
  `${e.first}\n${e.second}\nquestion: Is the word '${e.word}' used in the same way in the two sentences above?\nanswer:`;

const gpt3: ChoiceProtocol<WordPair> = {
  ...lmEval,
  source: 'GPT-3 paper, figure G.32; compared per token (section 2.4)',
  context: gpt3Context,
  shot: (e) => `${gpt3Context(e)} ${ANSWERS[e.label]}`,
  draw: 'per-example',
  metrics: ['acc_token', 'acc', 'logprob_gold'],
};

/** WiC (Pilehvar & Camacho-Collados 2019), as in SuperGLUE: one meaning of a word, or two? */
const wic: Task = defineTask<WordPair>({
  name: 'wic',
  version: 1,
  title: 'WiC: does a word mean the same in two sentences?',
  dataset: 'superglue-wic',
  split: 'validation',
  examples: 638,
  shotSplits: ['train'],
  decode(record) {
    const first = record.string('sentence1');
    // Places count code points, as Python does.
    const form = [...first].slice(record.count('start1'), record.count('end1')).join('');
    return {
      id: String(record.count('idx')),
      word: record.string('word'),
      form,
      first,
      second: record.string('sentence2'),
      label: record.flag('label') ? 1 : 0,
    };
  },
  // The word alone is in every text; behind the sentences it is in none.
  fields: (e) => ({ context: `${e.first}\n${e.second}` }),
  protocols: { 'lm-eval': lmEval, gpt3 },
  protocol: 'lm-eval',
  chance: 1 / 2,
  paperShots: 32,
  published: 'WiC',
});

export default wic;
