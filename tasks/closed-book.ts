import type { DataRecord } from '../src/data/records.ts';
import { exactMatch, triviaqaNormalise } from '../src/metrics/text/em.ts';
import { bestOf, squadEm } from '../src/metrics/text/squad.ts';
import { withoutPunctuation } from '../src/metrics/text/words.ts';
import { strip } from '../src/space.ts';
import {
  type ChoiceProtocol,
  defineTask,
  type GenerateProtocol,
  GPT3_BEAMS,
  type Task,
  type TaskDefinition,
} from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Fact extends Example {
  readonly question: string;
  /** Any of them is right; the first is what lm-eval's shots have. */
  readonly answers: readonly string[];
  /** The answer itself, where the others are its aliases in no order: what the GPT-3 paper prints first. */
  readonly value: string;
}

const first = (e: Fact): string => e.answers[0] as string;

/** lm-eval's exact_match without case and punctuation, after `ignored`. */
const lmEvalMatch = (e: Fact, text: string, ignored?: RegExp): number =>
  exactMatch(strip(text), e.answers, (t) =>
    withoutPunctuation((ignored ? t.replace(ignored, '') : t).toLowerCase()),
  );

/** lm-eval 0.4.13, tasks/nq_open. */
const nqLmEval: GenerateProtocol<Fact> = {
  kind: 'generate',
  source: 'lm-eval 0.4.13 nq_open',
  description: () => 'Answer these questions:\n\n',
  context: (e) => `Q: ${e.question}?\nA:`,
  shot: (e) => `Q: ${e.question}?\nA: ${first(e)}`,
  separator: '\n',
  draw: 'fixed',
  stop: ['\n', '.', ','],
  maxTokens: 256,
  gold: (e) => ` ${first(e)}`,
  judge: (e, text) => ({ em: lmEvalMatch(e, text, /\b(?:The |the |An |A |The |a |an )/g) }),
  metrics: ['em'],
};

/** lm-eval 0.4.13, tasks/triviaqa: its stops end an answer at its first full stop or comma, right or not. */
const triviaqaLmEval: GenerateProtocol<Fact> = {
  ...nqLmEval,
  source: 'lm-eval 0.4.13 triviaqa',
  description: () => '',
  context: (e) => `Question: ${e.question}?\nAnswer:`,
  shot: (e) => `Question: ${e.question}?\nAnswer: ${first(e)}`,
  separator: '\n\n',
  judge: (e, text) => ({ em: lmEvalMatch(e, text) }),
};

/** Answers without those that another one begins. */
function shortest(answers: readonly string[]): string[] {
  const kept: string[] = [];
  for (const answer of [...answers].sort()) {
    const last = kept.at(-1);
    if (last === undefined || !answer.startsWith(last)) kept.push(answer);
  }
  return kept;
}

/** lm-eval 0.4.13, tasks/webqs: right where the model itself would say one of the answers. */
const webqsLmEval: ChoiceProtocol<Fact> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 webqs',
  context: (e) => `Question: ${e.question}\nAnswer:`,
  shot: (e) => `Question: ${e.question}\nAnswer: ${shortest(e.answers)[0]}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: (e) => shortest(e.answers),
  gold: () => 0,
  delimiter: ' ',
  judge: (_, __, greedy) => ({ em: greedy.some((said) => said) ? 1 : 0 }),
  metrics: ['em', 'logprob_gold'],
};

/** As the figures print questions: a capital letter before, a question mark behind. */
function asked({ question }: Fact): string {
  const text = strip(question);
  return `Q: ${text.slice(0, 1).toUpperCase()}${text.slice(1)}${text.endsWith('?') ? '' : '?'}\n\nA:`;
}

const gpt3: GenerateProtocol<Fact> = {
  ...triviaqaLmEval,
  source:
    "GPT-3 paper, figures G.24, G.34 and G.35, section 2.4; answers are normalised by TriviaQA's script",
  context: asked,
  shot: (e) => `${asked(e)} ${e.value}`,
  gold: (e) => ` ${e.value}`,
  draw: 'per-example',
  stop: ['\n'],
  maxTokens: 64,
  beams: GPT3_BEAMS,
  judge: (e, text) => ({ em: exactMatch(text, e.answers, triviaqaNormalise) }),
};

const { beams: _, ...greedy } = gpt3;

/** Greedily behind pairs of questions and answers; the paper shows neither their wording nor their number. */
const gpt2: GenerateProtocol<Fact> = {
  ...greedy,
  source:
    "GPT-2 paper, section 3.8, greedy, exact match as SQuAD's scripts have it; the wording is that of the GPT-3 paper, for none is given",
  draw: 'fixed',
  judge: (e, text) => ({ em: bestOf(text, e.answers, squadEm) }),
};

type Common = 'version' | 'fields' | 'chance' | 'paperShots' | 'protocol';
const common: Pick<TaskDefinition<Fact>, Common> = {
  version: 2,
  fields: (e) => ({ question: e.question, answer: e.value }),
  chance: null,
  paperShots: 64,
  protocol: 'lm-eval',
};

const nq = defineTask<Fact>({
  ...common,
  name: 'nq',
  title: 'Natural Questions, closed book: questions to a search engine',
  dataset: 'nq-open',
  split: 'dev',
  examples: 3610,
  shotSplits: ['train'],
  decode: (record) =>
    fact({
      id: String(record.line),
      question: record.string('question'),
      answers: some(record, record.strings('answer')),
    }),
  protocols: { 'lm-eval': nqLmEval, gpt2, gpt3 },
  published: 'NQs',
});

const webqs = defineTask<Fact>({
  ...common,
  name: 'webqs',
  title: 'WebQuestions, closed book: questions that Freebase answers',
  dataset: 'webquestions',
  split: 'test',
  examples: 2032,
  shotSplits: ['train'],
  decode(record) {
    if (record.has('qText'))
      return fact({
        id: String(record.line),
        question: record.string('qText'),
        answers: some(record, record.strings('answers')),
      });
    return fact({
      id: String(record.line),
      question: record.string('utterance'),
      answers: some(record, descriptions(record.string('targetValue'))),
    });
  },
  protocols: { 'lm-eval': webqsLmEval, gpt3 },
  published: 'WebQs',
});

/** (list (description "Jamaican English") (description Lawyer)) */
function descriptions(list: string): string[] {
  const found = list.matchAll(/\(description (?:"((?:[^"\\]|\\.)*)"|((?:[^()]|\([^()]*\))*))\)/g);
  return [...found].map(([, quoted, bare]) => quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '');
}

/** A question whose answers are all alike: the first stands for them. */
function fact(own: Omit<Fact, 'value'>): Fact {
  return { ...own, value: own.answers[0] as string };
}

function some(record: DataRecord, answers: readonly string[]): readonly string[] {
  if (answers.length === 0) record.fail('expected an answer, found none');
  return answers;
}

const triviaqa = (
  [
    ['triviaqa', 'triviaqa', 'wikipedia-dev', 7993, 'those of the Wikipedia domain'],
    ['triviaqa-rc', 'triviaqa-rc', 'validation', 17_944, "both domains, as lm-eval's"],
  ] as const
).map(([name, dataset, split, examples, which]) =>
  defineTask<Fact>({
    ...common,
    name,
    title: `TriviaQA, closed book: questions of quizzes; ${which}`,
    dataset,
    split,
    examples,
    shotSplits: [dataset === 'triviaqa' ? 'wikipedia-train' : 'train'],
    decode(record) {
      const answer = record.object('answer');
      return {
        // A question of both domains stands in the data twice.
        id: `${record.line}:${record.string('question_id')}`,
        cluster: record.string('question_id'),
        question: record.string('question'),
        answers: some(record, answer.strings('aliases')),
        value: answer.string('value'),
      };
    },
    protocols: name === 'triviaqa' ? { 'lm-eval': triviaqaLmEval, gpt3 } : { 'lm-eval': triviaqaLmEval },
    ...(name === 'triviaqa' ? { published: 'TriviaQA' } : {}),
  }),
);

/** Closed-book questions: what a model knows without a passage (Roberts et al. 2020). */
const tasks: readonly Task[] = [nq, webqs, ...triviaqa];
export default tasks;
