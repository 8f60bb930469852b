import { strip } from '../src/space.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Causal extends Example {
  readonly begun: string;
  readonly endings: readonly string[];
  readonly answer: number;
}

const ending = (e: Causal): string => e.endings[e.answer] as string;

/** lm-eval 0.4.13, tasks/super_glue/copa: its choices begin with a space, and its delimiter is one more. */
const lmEval: ChoiceProtocol<Causal> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 copa, with the two spaces that it has before an answer',
  context: (e) => e.begun,
  shot: (e) => `${e.begun}  ${ending(e)}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: (e) => e.endings.map((text) => ` ${text}`),
  gold: (e) => e.answer,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

const gpt3: ChoiceProtocol<Causal> = {
  ...lmEval,
  source: 'GPT-3 paper, figure G.5; compared per token (section 2.4)',
  shot: (e) => `${e.begun} ${ending(e)}`,
  draw: 'per-example',
  choices: (e) => e.endings,
  metrics: ['acc_token', 'acc', 'logprob_gold'],
};

const CONNECTORS = { cause: 'because', effect: 'therefore' } as const;
const lowerFirst = (text: string): string => text.slice(0, 1).toLowerCase() + text.slice(1);

/** COPA (Roemmele et al. 2011), as in SuperGLUE: what was the cause, or the effect? */
const copa: Task = defineTask<Causal>({
  name: 'copa',
  version: 1,
  title: 'COPA: which of two sentences is the cause, or the effect?',
  dataset: 'superglue-copa',
  split: 'validation',
  examples: 100,
  shotSplits: ['train'],
  decode(record) {
    const connector = CONNECTORS[record.oneOf('question', ['cause', 'effect'])];
    const label = record.count('label');
    if (label > 1) record.fail(`"label" expected 0 or 1, found ${label}`);
    return {
      id: String(record.count('idx')),
      // The premise without its full stop.
      begun: `${strip(record.string('premise')).slice(0, -1)} ${connector}`,
      endings: [record.string('choice1'), record.string('choice2')].map(lowerFirst),
      answer: label,
    };
  },
  fields: (e) => ({ question: e.begun, answer: ending(e) }),
  protocols: { 'lm-eval': lmEval, gpt3 },
  protocol: 'lm-eval',
  chance: 1 / 2,
  paperShots: 32,
  published: 'Copa',
});

export default copa;
