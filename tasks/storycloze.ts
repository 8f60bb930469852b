import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Story extends Example {
  readonly story: string;
  readonly endings: readonly string[];
  readonly answer: number;
}

/** lm-eval 0.4.13, tasks/storycloze. */
const lmEval: ChoiceProtocol<Story> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 storycloze_2016, storycloze_2018',
  context: (e) => e.story,
  shot: (e) => `${e.story} ${e.endings[e.answer]}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: (e) => e.endings,
  gold: (e) => e.answer,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

const gpt3: ChoiceProtocol<Story> = {
  ...lmEval,
  source: 'GPT-3 paper, figure G.17; compared per token (section 2.4)',
  draw: 'per-example',
  metrics: ['acc_token', 'acc', 'acc_norm', 'logprob_gold'],
};

/** Story Cloze Test (Mostafazadeh et al. 2016): which ending does a story of four sentences have? */
const tasks: readonly Task[] = (
  [
    ['2016', 'test', 1871, ['validation']],
    // The labels of its test set are not published.
    ['2018', 'validation', 1571, []],
  ] as const
).map(([year, split, examples, shotSplits]) =>
  defineTask<Story>({
    name: `storycloze-${year}`,
    version: 1,
    title: `Story Cloze Test of ${year}: which ending does a story have?`,
    dataset: `storycloze-${year}`,
    split,
    examples,
    shotSplits,
    decode: (record) => ({
      id: record.string('InputStoryid'),
      story: [1, 2, 3, 4].map((i) => record.string(`InputSentence${i}`)).join(' '),
      endings: [record.string('RandomFifthSentenceQuiz1'), record.string('RandomFifthSentenceQuiz2')],
      answer: Number(record.oneOf('AnswerRightEnding', ['1', '2'])) - 1,
    }),
    fields: (e) => ({ context: e.story, answer: e.endings[e.answer] as string }),
    protocols: { 'lm-eval': lmEval, gpt3 },
    protocol: 'lm-eval',
    chance: 1 / 2,
    paperShots: 70,
    ...(year === '2016' ? { published: 'StoryCloze' } : {}),
  }),
);

export default tasks;
