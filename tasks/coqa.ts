import type { DataRecord } from '../src/data/records.ts';
import { coqaScores } from '../src/metrics/text/coqa.ts';
import { strip } from '../src/space.ts';
import { defineTask, type GenerateProtocol, GPT3_BEAMS, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Turn {
  readonly question: string;
  /** The first is the one that later turns have for history. */
  readonly answers: readonly string[];
}

interface CoqaExample extends Example, Turn {
  readonly story: string;
  readonly earlier: readonly Turn[];
  readonly isLast: boolean;
}

const context = (e: CoqaExample): string =>
  `${e.story}\n\n${e.earlier.map((t) => `Q: ${t.question}\n\nA: ${t.answers[0]}\n\n`).join('')}Q: ${e.question}\n\nA:`;

/** lm-eval leaves out references that differ in case only. */
function distinct(answers: readonly string[]): string[] {
  const known = new Set<string>();
  return answers.filter((a) => known.size !== known.add(a.toLowerCase()).size);
}

const firstLine = (text: string): string => strip(text).split('\n')[0] as string;

/** lm-eval 0.4.13, tasks/coqa: the last turn of each conversation. */
const lmEval: GenerateProtocol<CoqaExample> = {
  kind: 'generate',
  source: 'lm-eval 0.4.13 coqa; it scores one turn a conversation, 500 of 7,983',
  context,
  shot: (e) => `${context(e)} ${e.answers[0]}`,
  separator: '\n\n',
  draw: 'fixed',
  scores: (e) => e.isLast,
  draws: (e) => e.isLast,
  stop: ['\nQ:'],
  maxTokens: 256,
  gold: (e) => ` ${e.answers[0]}`,
  judge: (e, text) => ({ ...coqaScores(firstLine(text), distinct(e.answers)) }),
  metrics: ['f1', 'em'],
};

/** Every turn behind the true answers to the earlier ones; the official score, each reference left out in turn. */
const everyTurn: GenerateProtocol<CoqaExample> = {
  ...lmEval,
  scores: () => true,
  stop: ['\n'],
  maxTokens: 64,
  judge: (e, text) => ({ ...coqaScores(strip(text), e.answers) }),
};

const gpt2: GenerateProtocol<CoqaExample> = { ...everyTurn, source: 'GPT-2 paper, section 3.5: greedy' };
const gpt3: GenerateProtocol<CoqaExample> = {
  ...everyTurn,
  source: 'GPT-3 paper, figure G.18, section 2.4',
  draw: 'per-example',
  beams: GPT3_BEAMS,
};

/** A story with its turns. */
function decode(record: DataRecord): CoqaExample[] {
  const [story, conversation] = [record.string('story'), record.string('id')];
  const inputs = (from: DataRecord, key: string): string[] =>
    from.objects(key).map((turn) => turn.string('input_text'));
  const questions = inputs(record, 'questions');
  const more = record.has('additional_answers') ? record.object('additional_answers') : undefined;
  const references = [
    inputs(record, 'answers'),
    ...['0', '1', '2'].flatMap((key) => (more?.has(key) ? [inputs(more, key)] : [])),
  ];
  for (const { length } of references) {
    if (length !== questions.length)
      record.fail(`expected ${questions.length} answers, one a question, found ${length}`);
  }
  const turns = questions.map(
    (question, i): Turn => ({ question, answers: references.map((answers) => answers[i] as string) }),
  );
  return turns.map((turn, i) => ({
    ...turn,
    id: `${conversation}:${i + 1}`,
    cluster: conversation,
    story,
    earlier: turns.slice(0, i),
    isLast: i === turns.length - 1,
  }));
}

/** CoQA (Reddy et al. 2019): a conversation on a story. */
const coqa: Task = defineTask<CoqaExample>({
  name: 'coqa',
  version: 1,
  title: 'CoQA: questions of a conversation on a story',
  dataset: 'coqa',
  split: 'dev',
  examples: 7983,
  shotSplits: ['train'],
  decode,
  fields: (e) => ({ context: e.story, question: e.question, answer: e.answers[0] ?? '' }),
  protocols: { 'lm-eval': lmEval, gpt2, gpt3 },
  protocol: 'lm-eval',
  chance: null,
  paperShots: 5,
  published: 'CoQA',
});

export default coqa;
