import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Claim extends Example {
  readonly premise: string;
  readonly hypothesis: string;
  readonly label: number;
}

const LABELS = ['entails', 'neutral'] as const;
const ANSWERS = ['True', 'False'];

function worded(source: string, context: (e: Claim) => string): ChoiceProtocol<Claim> {
  return {
    kind: 'choice',
    source,
    context,
    shot: (e) => `${context(e)} ${ANSWERS[e.label]}`,
    separator: '\n\n',
    draw: 'fixed',
    choices: () => ANSWERS,
    gold: (e) => e.label,
    delimiter: ' ',
    metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
  };
}

/** SciTail (Khot et al. 2018): does a sentence of the web entail the answer to a science question? */
const scitail: Task = defineTask<Claim>({
  name: 'scitail',
  version: 1,
  title: 'SciTail: does a sentence entail the answer to a science question?',
  dataset: 'scitail',
  split: 'test',
  examples: 2126,
  shotSplits: ['train'],
  decode: (record) => ({
    id: String(record.line),
    premise: record.string('premise'),
    hypothesis: record.string('hypothesis'),
    label: LABELS.indexOf(record.oneOf('label', LABELS)),
  }),
  fields: (e) => ({ context: e.premise, question: e.hypothesis }),
  protocols: {
    'lm-eval': worded(
      "evalgpt's own, in the wording of lm-eval 0.4.13 sglue_rte",
      (e) => `${e.premise}\nQuestion: ${e.hypothesis} True or False?\nAnswer:`,
    ),
  },
  protocol: 'lm-eval',
  chance: 1 / 2,
});

export default scitail;
