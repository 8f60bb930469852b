import type { DataRecord } from '../src/data/records.ts';
import { strip } from '../src/space.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Schema extends Example {
  /** The sentence with a blank, for shots that are the same but for the answer. */
  readonly sentence: string;
  /** The sentence up to and with each candidate, and what follows. */
  readonly begun: readonly string[];
  readonly rest: string;
  readonly answer: number;
}

/** Partial evaluation (Trinh & Le 2018): which candidate makes the rest of the sentence more probable? */
const lmEval: ChoiceProtocol<Schema> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 winogrande: partial evaluation',
  context: (e) => e.sentence,
  contexts: (e) => e.begun,
  shot: (e) => `${e.begun[e.answer]} ${e.rest}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: (e) => e.begun.map(() => e.rest),
  gold: (e) => e.answer,
  delimiter: ' ',
  metrics: ['acc', 'acc_token', 'logprob_gold'],
};

/** What follows the candidate as it is written: behind a space, but a full stop stands close. */
const written = (e: Schema): string => (/^\p{P}/u.test(e.rest) ? e.rest : ` ${e.rest}`);

/** Partial evaluation of a sentence as it is written. */
const asWritten: ChoiceProtocol<Schema> = {
  ...lmEval,
  shot: (e) => `${e.begun[e.answer]}${written(e)}`,
  choices: (e) => e.begun.map(() => written(e)),
  delimiter: '',
};

/** There the rest begins with its space, if it has one, to which lm-eval's delimiter is added. */
const lmEvalWsc273: ChoiceProtocol<Schema> = {
  ...asWritten,
  source: 'lm-eval 0.4.13 wsc273: partial evaluation, with a space more before what follows the candidate',
  shot: (e) => `${e.begun[e.answer]} ${written(e)}`,
  choices: (e) => e.begun.map(() => ` ${written(e)}`),
};

const gpt2: ChoiceProtocol<Schema> = {
  ...asWritten,
  source: 'GPT-2 paper, section 3.4, after Trinh & Le 2018: partial evaluation',
};

const gpt3: ChoiceProtocol<Schema> = {
  ...asWritten,
  source: 'GPT-3 paper, figures G.13 and G.14, section 2.4: partial evaluation',
  draw: 'per-example',
};

/** The blank filled in, as a training text would have it. */
const fields = (e: Schema): Record<string, string> => ({ context: `${e.begun[e.answer]}${written(e)}` });

const winogrande = defineTask<Schema>({
  name: 'winogrande',
  version: 1,
  title: 'WinoGrande: which of two nouns fills the blank of a sentence?',
  dataset: 'winogrande',
  split: 'validation',
  examples: 1267,
  shotSplits: ['train'],
  decode(record) {
    const sentence = record.string('sentence');
    const at = sentence.indexOf('_');
    if (at < 0) record.fail('"sentence" expected a blank "_", found none');
    const options = [record.string('option1'), record.string('option2')];
    return {
      id: record.string('qID'),
      sentence,
      begun: options.map((option) => sentence.slice(0, at) + option),
      rest: strip(sentence.slice(at + 1)),
      answer: Number(record.oneOf('answer', ['1', '2'])) - 1,
    };
  },
  fields,
  protocols: { 'lm-eval': lmEval, gpt3 },
  protocol: 'lm-eval',
  chance: 1 / 2,
  paperShots: 50,
  published: 'Winogrande',
});

/** GPT-1's heuristic: by the mean log-probability of a token of what follows. */
const gpt1: ChoiceProtocol<Schema> = {
  ...asWritten,
  source: 'GPT-1 paper, section 5, zero-shot behaviours (there on DPRD)',
  metrics: ['acc_token', 'acc', 'logprob_gold'],
};

const winograd = defineTask<Schema>({
  name: 'winograd',
  version: 2,
  title: 'Winograd schemas (WSC273): which of two nouns does the pronoun stand for?',
  dataset: 'wsc273',
  split: 'test',
  examples: 273,
  shotSplits: [],
  decode(record) {
    const begun = record.strings('context_options');
    const rest = record.string('continuation');
    const answer = record.count('gold');
    if (begun.length !== 2 || answer > 1)
      record.fail('expected two "context_options" and a "gold" of 0 or 1');
    return {
      id: String(record.line),
      sentence: `${commonStart(record, begun)}_ ${rest}`,
      begun,
      rest,
      answer,
    };
  },
  fields,
  protocols: { 'lm-eval': lmEvalWsc273, gpt1, gpt2, gpt3 },
  protocol: 'lm-eval',
  chance: 1 / 2,
  paperShots: 7,
  published: 'Winograd',
});

function commonStart(record: DataRecord, [a = '', b = '']: readonly string[]): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  if (at === a.length && at === b.length)
    record.fail('"context_options" expected two texts, found one twice');
  return a.slice(0, a.lastIndexOf(' ', at) + 1);
}

/** Winograd schemas (Levesque et al. 2012) and WinoGrande (Sakaguchi et al. 2020). */
const tasks: readonly Task[] = [winogrande, winograd];
export default tasks;
