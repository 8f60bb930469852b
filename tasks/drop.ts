import type { DataRecord } from '../src/data/records.ts';
import { dropScores } from '../src/metrics/text/drop.ts';
import { strip } from '../src/space.ts';
import { defineTask, type GenerateProtocol, GPT3_BEAMS, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface DropExample extends Example {
  readonly passage: string;
  readonly question: string;
  /** Each a number, a date or spans of the passage; the first is the one that shots give. */
  readonly answers: readonly (readonly string[])[];
}

const written = (e: DropExample): string => (e.answers[0] as readonly string[]).join(', ');
const lmEvalContext = (e: DropExample): string => `${e.passage} ${e.question}`;

const lmEval: GenerateProtocol<DropExample> = {
  kind: 'generate',
  source:
    "lm-eval 0.4.13 drop; in its own shots the names of the answer's fields stand by mistake where ours have the answer",
  context: lmEvalContext,
  shot: (e) => `${lmEvalContext(e)} ${written(e)}`,
  separator: '\n\n',
  draw: 'fixed',
  stop: ['.'],
  maxTokens: 256,
  gold: (e) => ` ${written(e)}`,
  judge: (e, text) => ({ ...dropScores(text, e.answers) }),
  metrics: ['f1', 'em'],
};

const gpt3Context = (e: DropExample): string => `Passage: ${e.passage}\nQuestion: ${e.question}\nAnswer:`;

const gpt3: GenerateProtocol<DropExample> = {
  ...lmEval,
  source: 'GPT-3 paper, figure G.20, section 2.4; the official F1',
  context: gpt3Context,
  shot: (e) => `${gpt3Context(e)} ${written(e)}`,
  draw: 'per-example',
  beams: GPT3_BEAMS,
  stop: ['\n'],
  maxTokens: 64,
  judge: (e, text) => ({ ...dropScores(strip(text), e.answers) }),
};

function decode(record: DataRecord): DropExample[] {
  const passage = record.string('passage');
  return record.objects('qa_pairs').map((pair) => {
    const given = [
      pair.object('answer'),
      ...(pair.has('validated_answers') ? pair.objects('validated_answers') : []),
    ];
    // A date of which nothing is known is no answer.
    const answers = given.map(spansOf).filter(([first = '']) => strip(first) !== '');
    if (answers.length === 0) pair.fail('expected a number, a date or spans in "answer", found none');
    const keys = answers.map((answer) => JSON.stringify(answer));
    return {
      id: pair.string('query_id'),
      cluster: record.text,
      passage,
      question: pair.string('question'),
      answers: answers.filter((_, i) => keys.indexOf(keys[i] as string) === i),
    };
  });
}

/** A number where there is one, else spans, else a date. */
function spansOf(answer: DataRecord): readonly string[] {
  const number = answer.string('number');
  if (number !== '') return [number];
  const spans = answer.strings('spans');
  if (spans.length > 0) return spans;
  const date = answer.object('date');
  return [strip(['day', 'month', 'year'].map((part) => (date.has(part) ? date.string(part) : '')).join(' '))];
}

/** DROP (Dua et al. 2019): discrete reasoning over paragraphs. */
const drop: Task = defineTask<DropExample>({
  name: 'drop',
  version: 1,
  title: 'DROP: counting, sorting and adding over a passage',
  dataset: 'drop',
  split: 'dev',
  examples: 9536,
  shotSplits: ['train'],
  decode,
  fields: (e) => ({ context: e.passage, question: e.question, answer: written(e) }),
  protocols: { 'lm-eval': lmEval, gpt3 },
  protocol: 'lm-eval',
  chance: null,
  paperShots: 20,
  published: 'DROP',
});

export default drop;
