import type { DataRecord } from '../src/data/records.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface ScienceQuestion extends Example {
  readonly question: string;
  readonly options: readonly string[];
  readonly answer: number;
}

const question = (e: ScienceQuestion): string => `Question: ${e.question}\nAnswer:`;

/** lm-eval 0.4.13, tasks/arc. */
const lmEval: ChoiceProtocol<ScienceQuestion> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 arc_easy, arc_challenge',
  context: question,
  shot: (e) => `${question(e)} ${e.options[e.answer]}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: (e) => e.options,
  gold: (e) => e.answer,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

/** The wording is lm-eval's; options are compared by what the question adds to their probability. */
const gpt3: ChoiceProtocol<ScienceQuestion> = {
  ...lmEval,
  source: 'GPT-3 paper, figures G.11 and G.16, section 2.4',
  draw: 'per-example',
  unconditional: 'Answer:',
  metrics: ['acc_uncond', 'acc_token', 'acc', 'acc_norm', 'logprob_gold'],
};

function decode(record: DataRecord): ScienceQuestion {
  if (record.has('query')) {
    const options = record.strings('choices');
    const answer = record.count('gold');
    if (!(answer in options))
      record.fail(`"gold" expected one of ${options.length} choices, found ${answer}`);
    return {
      id: String(record.line),
      question: record.string('query').replace(/^Question: /, ''),
      options,
      answer,
    };
  }
  const asked = record.object('question');
  const choices = asked.objects('choices');
  const labels = choices.map((choice) => choice.string('label'));
  return {
    id: record.string('id'),
    question: asked.string('stem'),
    options: choices.map((choice) => choice.string('text')),
    answer: labels.indexOf(record.oneOf('answerKey', labels)),
  };
}

/** ARC, the AI2 Reasoning Challenge (Clark et al. 2018): science questions of American schools. */
const tasks: readonly Task[] = (
  [
    ['easy', 2376, 'ARC (Easy)', 'those that simple methods answer'],
    ['challenge', 1172, 'ARC (Challenge)', 'those that simple methods fail at'],
  ] as const
).map(([set, examples, published, which]) =>
  defineTask<ScienceQuestion>({
    name: `arc-${set}`,
    version: 1,
    title: `ARC, science questions of schools: ${which}`,
    dataset: `arc-${set}`,
    split: 'test',
    examples,
    shotSplits: ['train'],
    decode,
    fields: (e) => ({ question: e.question, answer: e.options[e.answer] as string }),
    protocols: { 'lm-eval': lmEval, gpt3 },
    protocol: 'lm-eval',
    // A few questions have three options or five.
    chance: 1 / 4,
    paperShots: 50,
    published,
  }),
);

export default tasks;
