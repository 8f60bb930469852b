import { createHash } from 'node:crypto';
import { type ChoiceProtocol, defineTask, type MetricName, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Pair extends Example {
  readonly premise: string;
  readonly hypothesis: string;
  readonly label: number;
}
interface Question extends Example {
  readonly passage: string;
  readonly question: string;
  readonly label: number;
}

const METRICS: readonly MetricName[] = ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'];
const GPT3_METRICS: readonly MetricName[] = ['acc_token', 'acc', 'logprob_gold'];
const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** Both wordings of a task: they differ in capitals only, and in what choices are compared by (section 2.4). */
function protocols<E extends Example & { readonly label: number }>(
  name: string,
  figure: string,
  wordings: {
    readonly 'lm-eval': { question: (e: E) => string; answers: readonly string[] };
    readonly gpt3: { question: (e: E) => string; answers: readonly string[] };
  },
  more: readonly MetricName[] = [],
): { readonly 'lm-eval': ChoiceProtocol<E>; readonly gpt3: ChoiceProtocol<E> } {
  const of = ({ question, answers }: { question: (e: E) => string; answers: readonly string[] }) => ({
    kind: 'choice' as const,
    context: question,
    shot: (e: E) => `${question(e)} ${answers[e.label]}`,
    separator: '\n\n',
    choices: () => answers,
    gold: (e: E) => e.label,
    delimiter: ' ',
  });
  return {
    'lm-eval': {
      ...of(wordings['lm-eval']),
      source: `lm-eval 0.4.13 ${name}`,
      draw: 'fixed',
      metrics: [...METRICS, ...more],
    },
    gpt3: {
      ...of(wordings.gpt3),
      source: `GPT-3 paper, figure ${figure}; compared per token (section 2.4)`,
      draw: 'per-example',
      metrics: [...GPT3_METRICS, ...more],
    },
  };
}

const rte = defineTask<Pair>({
  name: 'rte',
  version: 2,
  title: 'Recognising Textual Entailment: does the premise entail the hypothesis?',
  dataset: 'superglue-rte',
  split: 'validation',
  examples: 277,
  shotSplits: ['train'],
  decode: (record) => pair(record, ['entailment', 'not_entailment']),
  fields: (e) => ({ context: e.premise, question: e.hypothesis }),
  protocols: protocols<Pair>('sglue_rte', 'G.31', {
    'lm-eval': {
      question: (e) => `${e.premise}\nQuestion: ${e.hypothesis} True or False?\nAnswer:`,
      answers: ['True', 'False'],
    },
    gpt3: {
      question: (e) => `${e.premise}\nquestion: ${e.hypothesis} True or False?\nanswer:`,
      answers: ['True', 'False'],
    },
  }),
  protocol: 'lm-eval',
  chance: 1 / 2,
  paperShots: 32,
  published: 'RTE',
});

const cb = defineTask<Pair>({
  name: 'cb',
  version: 2,
  title: 'CommitmentBank: does the speaker hold the hypothesis for true, for false, or neither?',
  dataset: 'superglue-cb',
  split: 'validation',
  examples: 56,
  shotSplits: ['train'],
  decode: (record) => pair(record, ['entailment', 'contradiction', 'neutral']),
  fields: (e) => ({ context: e.premise, question: e.hypothesis }),
  protocols: protocols<Pair>(
    'cb',
    'G.30',
    {
      'lm-eval': {
        question: (e) => `${e.premise}\nQuestion: ${e.hypothesis}. True, False, or Neither?\nAnswer:`,
        answers: ['True', 'False', 'Neither'],
      },
      gpt3: {
        question: (e) => `${e.premise}\nquestion: ${e.hypothesis}. true, false, or neither?\nanswer:`,
        answers: ['true', 'false', 'neither'],
      },
    },
    ['f1_macro'],
  ),
  protocol: 'lm-eval',
  chance: 1 / 3,
  paperShots: 32,
  published: 'CB',
});

const boolq = defineTask<Question>({
  name: 'boolq',
  version: 2,
  title: 'BoolQ: yes or no, by a passage',
  dataset: 'superglue-boolq',
  split: 'validation',
  examples: 3270,
  shotSplits: ['train'],
  decode(record) {
    const passage = record.string('passage');
    return {
      id: String(record.count('idx')),
      cluster: digest(passage),
      passage,
      question: record.string('question'),
      label: record.flag('label') ? 1 : 0,
    };
  },
  fields: (e) => ({ context: e.passage, question: e.question }),
  protocols: protocols<Question>('boolq', 'G.29', {
    'lm-eval': {
      question: (e) => `${e.passage}\nQuestion: ${e.question}?\nAnswer:`,
      answers: ['no', 'yes'],
    },
    gpt3: { question: (e) => `${e.passage}\nquestion: ${e.question}?\nanswer:`, answers: ['no', 'yes'] },
  }),
  protocol: 'lm-eval',
  chance: 1 / 2,
  paperShots: 32,
  published: 'BoolQ',
});

function pair(record: Parameters<Task['decode']>[0], labels: readonly string[]): Pair {
  const premise = record.string('premise');
  return {
    id: String(record.count('idx')),
    cluster: digest(premise),
    premise,
    hypothesis: record.string('hypothesis'),
    label: labels.indexOf(record.oneOf('label', labels)),
  };
}

const tasks: readonly Task[] = [rte, cb, boolq];
export default tasks;
