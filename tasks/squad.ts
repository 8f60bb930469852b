import { createHash } from 'node:crypto';
import type { DataRecord } from '../src/data/records.ts';
import { bestOf, normaliseAnswer, squadEm, squadF1 } from '../src/metrics/text/squad.ts';
import { strip } from '../src/space.ts';
import { defineTask, type GenerateProtocol, GPT3_BEAMS, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Question {
  readonly question: string;
  /** None where the passage has no answer. */
  readonly answers: readonly string[];
}

interface SquadExample extends Example, Question {
  readonly title: string;
  readonly passage: string;
  /** The passage's questions before this one. */
  readonly earlier: readonly Question[];
  readonly isLast: boolean;
}

/** What a prompt has in place of an answer that is not there. */
const NONE = 'unanswerable';
const written = ({ answers }: Question): string => answers[0] ?? NONE;

function judge(e: SquadExample, text: string): { f1: number; em: number } {
  // As the official script has it: answers without a word are none.
  const worded = e.answers.filter((answer) => normaliseAnswer(answer) !== '');
  const golds = worded.length > 0 ? worded : [''];
  return { f1: bestOf(text, golds, squadF1), em: bestOf(text, golds, squadEm) };
}

const lmEvalContext = (e: SquadExample): string =>
  `Title: ${e.title}\n\nBackground: ${e.passage}\n\nQuestion: ${e.question}\n\nAnswer:`;

/** lm-eval 0.4.13, tasks/squadv2: "unanswerable" is scored as any text, and is never right. */
const lmEval: GenerateProtocol<SquadExample> = {
  kind: 'generate',
  source: 'lm-eval 0.4.13 squadv2, its exact and f1',
  context: lmEvalContext,
  // The space of lm-eval's target delimiter stands before a target that begins with one.
  shot: (e) => `${lmEvalContext(e)}  ${written(e)}`,
  separator: '\n\n',
  draw: 'fixed',
  stop: ['\n'],
  maxTokens: 256,
  gold: (e) => ` ${written(e)}`,
  judge,
  metrics: ['f1', 'em'],
};

const gpt3Context = (e: SquadExample): string =>
  `Title: ${e.title}\n\nBackground: ${e.passage}\n\n${e.earlier
    .map((q) => `Q: ${q.question}\n\nA: ${written(q)}\n\n`)
    .join('')}Q: ${e.question}\n\nA:`;

/** GPT-3 paper, figure G.28: behind the passage's earlier questions with their answers. */
const gpt3: GenerateProtocol<SquadExample> = {
  ...lmEval,
  source: `GPT-3 paper, figure G.28, section 2.4; the paper does not say how it puts that there is no answer: ours is "${NONE}"`,
  context: gpt3Context,
  shot: (e) => `${gpt3Context(e)} ${written(e)}`,
  draw: 'per-example',
  beams: GPT3_BEAMS,
  draws: (e) => e.isLast,
  maxTokens: 64,
  judge: (e, text) => judge(e, strip(text) === NONE ? '' : text),
};

function decode(record: DataRecord): SquadExample[] {
  const title = record.string('title');
  return record.objects('paragraphs').flatMap((paragraph) => {
    const passage = paragraph.string('context');
    const cluster = createHash('sha256').update(passage).digest('hex').slice(0, 12);
    const questions = paragraph.objects('qas').map((qa) => ({
      id: qa.string('id'),
      question: qa.string('question'),
      answers: qa.objects('answers').map((answer) => answer.string('text')),
    }));
    return questions.map((question, i) => ({
      ...question,
      cluster,
      title,
      passage,
      earlier: questions.slice(0, i),
      isLast: i === questions.length - 1,
    }));
  });
}

/** SQuAD 2.0 (Rajpurkar et al. 2018): spans of Wikipedia, or that there is no answer. */
const squadv2: Task = defineTask<SquadExample>({
  name: 'squadv2',
  version: 1,
  title: 'SQuAD 2.0: a span of a passage that answers a question, or none',
  dataset: 'squadv2',
  split: 'dev',
  examples: 11_873,
  shotSplits: ['train'],
  decode,
  fields: (e) => ({ context: e.passage, question: e.question, answer: e.answers[0] ?? '' }),
  protocols: { 'lm-eval': lmEval, gpt3 },
  protocol: 'lm-eval',
  chance: null,
  paperShots: 16,
  published: 'SQuADv2',
});

export default squadv2;
