import { createHash } from 'node:crypto';
import type { DataRecord } from '../src/data/records.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface MultiRcExample extends Example {
  readonly passage: string;
  readonly question: string;
  readonly answer: string;
  readonly isTrue: boolean;
  readonly isFirst: boolean;
}

const lmEvalContext = (e: MultiRcExample): string => `${e.passage}\nQuestion: ${e.question}\nAnswer:`;
const lmEvalChoices = (e: MultiRcExample): string[] =>
  ['yes', 'no'].map((word) => `${e.answer}\nIs the answer correct? ${word}`);
/** lm-eval takes the label for the index of the choice, so that a right answer's gold is "no". */
const lmEvalGold = (e: MultiRcExample): number => (e.isTrue ? 1 : 0);

const lmEval: ChoiceProtocol<MultiRcExample> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 multirc, whose gold answers are the wrong way round',
  context: lmEvalContext,
  shot: (e) => `${lmEvalContext(e)} ${lmEvalChoices(e)[lmEvalGold(e)]}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: lmEvalChoices,
  gold: lmEvalGold,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

const gpt3Context = (e: MultiRcExample): string =>
  `READING COMPREHENSION ANSWER KEY\n${e.passage}\n\n${e.question}`;
const gpt3Choices = (e: MultiRcExample): string[] => [`- [True] ${e.answer}`, `- [False] ${e.answer}`];

/**
 * GPT-3 paper, figure G.15: each answer is marked true or false. SuperGLUE's metrics: F1 over all answers, and the
 * share of questions whose answers are all judged rightly. One draw of shots serves all items (section 3.7), and K
 * counts questions: a shot is a question with its first answer.
 */
const gpt3: ChoiceProtocol<MultiRcExample> = {
  ...lmEval,
  source: 'GPT-3 paper, figure G.15, section 3.7',
  context: gpt3Context,
  shot: (e) => `${gpt3Context(e)}\n${gpt3Choices(e)[e.isTrue ? 0 : 1]}`,
  draws: (e) => e.isFirst,
  choices: gpt3Choices,
  gold: (e) => (e.isTrue ? 0 : 1),
  delimiter: '\n',
  metrics: ['acc_token', 'f1_binary', 'em_group', 'acc', 'logprob_gold'],
};

function decode(record: DataRecord): MultiRcExample[] {
  const passage = record.object('passage');
  const cluster = createHash('sha256').update(passage.string('text')).digest('hex').slice(0, 12);
  return passage.objects('questions').flatMap((question) =>
    question.objects('answers').map((answer, i) => {
      const label = answer.count('label');
      if (label > 1) answer.fail(`"label" expected 0 or 1, found ${label}`);
      return {
        id: String(answer.count('idx')),
        cluster,
        group: String(question.count('idx')),
        passage: passage.string('text'),
        question: question.string('question'),
        answer: answer.string('text'),
        isTrue: label === 1,
        isFirst: i === 0,
      };
    }),
  );
}

/** MultiRC (Khashabi et al. 2018), as in SuperGLUE: is an answer to a question on a passage right? */
const multirc: Task = defineTask<MultiRcExample>({
  name: 'multirc',
  version: 1,
  title: 'MultiRC: is an answer to a question on a passage right?',
  dataset: 'superglue-multirc',
  split: 'validation',
  examples: 4848,
  shotSplits: ['train'],
  decode,
  fields: (e) => ({ context: e.passage, question: e.question, answer: e.answer }),
  protocols: { 'lm-eval': lmEval, gpt3 },
  protocol: 'lm-eval',
  chance: 1 / 2,
  paperShots: 32,
  published: 'MultiRC',
});

export default multirc;
