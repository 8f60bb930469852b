import { defineTask, type Protocol, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface WnliExample extends Example {
  readonly first: string;
  readonly second: string;
  readonly label: number;
}

const ANSWERS = ['False', 'True'];
const question = (e: WnliExample): string => `${e.first}\nQuestion: ${e.second} True or False?\nAnswer:`;

/** lm-eval 0.4.13, tasks/glue/wnli. */
const lmEval: Protocol<WnliExample> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 wnli',
  context: question,
  shot: (e) => `${question(e)} ${ANSWERS[e.label]}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: () => ANSWERS,
  gold: (e) => e.label,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

/** Winograd NLI (Wang et al. 2018): is a sentence still true when its pronoun is replaced by one of two nouns? */
const task: Task = defineTask<WnliExample>({
  name: 'wnli',
  version: 2,
  title: 'Winograd NLI: is the sentence with its pronoun replaced still true?',
  dataset: 'glue-wnli',
  split: 'validation',
  examples: 71,
  shotSplits: ['train'],
  decode: (record) => ({
    id: record.string('index'),
    cluster: record.string('sentence1'),
    first: record.string('sentence1'),
    second: record.string('sentence2'),
    label: Number(record.oneOf('label', ['0', '1'])),
  }),
  fields: (e) => ({ context: e.first, question: e.second }),
  protocols: { 'lm-eval': lmEval },
  protocol: 'lm-eval',
  chance: 1 / 2,
});

export default task;
