import type { DataRecord } from '../src/data/records.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Problem extends Example {
  readonly goal: string;
  readonly solutions: readonly string[];
  readonly answer: number;
}

const question = (e: Problem): string => `Question: ${e.goal}\nAnswer:`;
const solution = (e: Problem): string => e.solutions[e.answer] as string;

/** lm-eval 0.4.13, tasks/piqa. */
const lmEval: ChoiceProtocol<Problem> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 piqa',
  context: question,
  shot: (e) => `${question(e)} ${solution(e)}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: (e) => e.solutions,
  gold: (e) => e.answer,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

/** GPT-3 paper, figure G.4: the goal and its solution, nothing between. */
const gpt3: ChoiceProtocol<Problem> = {
  ...lmEval,
  source: 'GPT-3 paper, figure G.4; compared per token (section 2.4)',
  context: (e) => e.goal,
  shot: (e) => `${e.goal} ${solution(e)}`,
  draw: 'per-example',
  metrics: ['acc_token', 'acc', 'acc_norm', 'logprob_gold'],
};

/** The problem and its label stand in two files, line beside line. */
function decode(record: DataRecord): Problem {
  const problem = record.json('problem');
  return {
    id: String(record.line),
    goal: problem.string('goal'),
    solutions: [problem.string('sol1'), problem.string('sol2')],
    answer: Number(record.oneOf('label', ['0', '1'])),
  };
}

/** PIQA (Bisk et al. 2020): physical common sense. */
const piqa: Task = defineTask<Problem>({
  name: 'piqa',
  version: 1,
  title: 'PIQA: which of two solutions reaches an everyday goal?',
  dataset: 'piqa',
  split: 'validation',
  examples: 1838,
  shotSplits: ['train'],
  decode,
  fields: (e) => ({ question: e.goal, answer: solution(e) }),
  protocols: { 'lm-eval': lmEval, gpt3 },
  protocol: 'lm-eval',
  chance: 1 / 2,
  paperShots: 50,
  published: 'PIQA',
});

export default piqa;
