import type { DataRecord } from '../src/data/records.ts';
import { strip } from '../src/space.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface FactQuestion extends Example {
  readonly stem: string;
  readonly options: readonly string[];
  readonly answer: number;
}

/** lm-eval 0.4.13, tasks/openbookqa: the stem is begun, the options end it. */
const lmEval: ChoiceProtocol<FactQuestion> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 openbookqa',
  context: (e) => e.stem,
  shot: (e) => `${e.stem} ${e.options[e.answer]}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: (e) => e.options,
  gold: (e) => e.answer,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

const gpt3: ChoiceProtocol<FactQuestion> = {
  ...lmEval,
  source: 'GPT-3 paper, figure G.8, section 2.4',
  draw: 'per-example',
  unconditional: 'Answer:',
  metrics: ['acc_uncond', 'acc_token', 'acc', 'acc_norm', 'logprob_gold'],
};

const LETTERS = ['A', 'B', 'C', 'D'] as const;

/** "(A) one (B) two (C) three (D) four" between tabs. */
function decode(record: DataRecord): FactQuestion {
  const found = /^\(A\)(.*)\(B\)(.*)\(C\)(.*)\(D\)(.*)$/s.exec(record.string('Choices'));
  if (!found) record.fail(`"Choices" expected "(A) … (B) … (C) … (D) …", found ${record.string('Choices')}`);
  return {
    id: record.string('ID'),
    stem: record.string('Question Stem'),
    options: (found?.slice(1) ?? []).map(strip),
    answer: LETTERS.indexOf(record.oneOf('Answer Key', LETTERS)),
  };
}

/** OpenBookQA (Mihaylov et al. 2018): elementary science, without the book of facts. */
const openbookqa: Task = defineTask<FactQuestion>({
  name: 'openbookqa',
  version: 1,
  title: 'OpenBookQA: elementary science, without the book',
  dataset: 'openbookqa',
  split: 'test',
  examples: 500,
  shotSplits: ['train'],
  decode,
  fields: (e) => ({ question: e.stem, answer: e.options[e.answer] as string }),
  protocols: { 'lm-eval': lmEval, gpt3 },
  protocol: 'lm-eval',
  chance: 1 / 4,
  paperShots: 100,
  published: 'OpenBookQA',
});

export default openbookqa;
