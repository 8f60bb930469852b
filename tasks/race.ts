import type { DataRecord } from '../src/data/records.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Question {
  readonly question: string;
  readonly options: readonly string[];
  readonly answer: number;
}

interface RaceExample extends Example, Question {
  readonly article: string;
  /** The article's questions before this one. */
  readonly earlier: readonly Question[];
  readonly isLast: boolean;
}

const answerOf = ({ options, answer }: Question): string => options[answer] as string;

/** A question that ends in a blank is printed as the sentence that its answer completes. */
function lmEvalQuestion(q: Question): string {
  if (q.question.endsWith('  _  .')) return `${q.question.slice(0, -5)}${answerOf(q)}\n`;
  return `Question: ${q.question}\nAnswer: ${answerOf(q)}\n`;
}

const lmEvalContext = (e: RaceExample): string =>
  `Article: ${e.article}\n\n${e.earlier.map(lmEvalQuestion).join('')}${e.question}`;

/** lm-eval 0.4.13, tasks/race: the last question of each article, without a word before the answer. */
const lmEval: ChoiceProtocol<RaceExample> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 race; it scores one question an article, 1,045 of 3,498 (RACE-h)',
  context: lmEvalContext,
  shot: (e) => `${lmEvalContext(e)} ${answerOf(e)}`,
  separator: '\n\n',
  draw: 'fixed',
  scores: (e) => e.isLast,
  draws: (e) => e.isLast,
  choices: (e) => e.options,
  gold: (e) => e.answer,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

const gpt3Context = (e: RaceExample): string =>
  `Article:\n${e.article}\n\n${e.earlier.map((q) => `Q: ${q.question}\n\nA: ${answerOf(q)}\n\n`).join('')}Q: ${e.question}\n\nA:`;

/**
 * GPT-3 paper, figures G.1 and G.3: every question, behind the article's earlier ones with their answers; choices are
 * compared by what the article adds to their probability behind "A:" (section 2.4).
 */
const gpt3: ChoiceProtocol<RaceExample> = {
  ...lmEval,
  source: 'GPT-3 paper, figures G.1 and G.3, section 2.4',
  context: gpt3Context,
  shot: (e) => `${gpt3Context(e)} ${answerOf(e)}`,
  draw: 'per-example',
  scores: () => true,
  // A shot is an article with all of its questions.
  draws: (e) => e.isLast,
  unconditional: 'A:',
  metrics: ['acc_uncond', 'acc_token', 'acc', 'acc_norm', 'logprob_gold'],
};

/** GPT-1's heuristic: the answer of highest mean log-probability of a token behind document and question. */
const gpt1: ChoiceProtocol<RaceExample> = {
  ...lmEval,
  source: 'GPT-1 paper, section 5, zero-shot behaviours; every question',
  context: (e) => `${e.article}\n${e.question}`,
  shot: (e) => `${e.article}\n${e.question} ${answerOf(e)}`,
  scores: () => true,
  metrics: ['acc_token', 'acc', 'logprob_gold'],
};

/** An article with its questions, as the official archive has it. */
function decode(record: DataRecord): RaceExample[] {
  const [article, article_id] = [record.string('article'), record.string('id')];
  const options = record.lists('options');
  const answers = record.strings('answers');
  const questions = record.strings('questions').map((question, i): Question => {
    const own = options[i] ?? [];
    const answer = 'ABCD'.indexOf(answers[i] ?? '?');
    if (own.length !== 4)
      record.fail(`question ${i + 1}: expected four options in "options", found ${own.length}`);
    if (answer < 0)
      record.fail(`question ${i + 1}: expected A, B, C or D in "answers", found ${answers[i] ?? 'nothing'}`);
    return { question, options: own, answer };
  });
  return questions.map((question, i) => ({
    ...question,
    id: `${article_id}:${i + 1}`,
    cluster: article_id,
    article,
    earlier: questions.slice(0, i),
    isLast: i === questions.length - 1,
  }));
}

/** RACE (Lai et al. 2017): English examinations of Chinese schools. */
const tasks: readonly Task[] = (
  [
    ['m', 'middle', 1436],
    ['h', 'high', 3498],
  ] as const
).map(([letter, level, examples]) =>
  defineTask<RaceExample>({
    name: `race-${letter}`,
    version: 1,
    title: `RACE, reading comprehension from ${level} school examinations`,
    dataset: 'race',
    split: `test-${level}`,
    examples,
    shotSplits: [`train-${level}`, `validation-${level}`],
    decode,
    fields: (e) => ({ context: e.article, question: e.question, answer: answerOf(e) }),
    protocols: { 'lm-eval': lmEval, gpt1, gpt3 },
    protocol: 'lm-eval',
    chance: 1 / 4,
    paperShots: 10,
    published: `RACE-${letter}`,
  }),
);

export default tasks;
