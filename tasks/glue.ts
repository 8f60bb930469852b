import type { DataRecord } from '../src/data/records.ts';
import { strip } from '../src/space.ts';
import {
  type ChoiceProtocol,
  defineTask,
  type MetricName,
  type SpanProtocol,
  type Task,
  type TaskDefinition,
} from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Labelled extends Example {
  readonly first: string;
  readonly second: string;
  readonly label: number;
}

const METRICS: readonly MetricName[] = ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'];

function ranked(
  source: string,
  context: (e: Labelled) => string,
  answers: readonly string[],
  metrics: readonly MetricName[] = METRICS,
): ChoiceProtocol<Labelled> {
  return {
    kind: 'choice',
    source,
    context,
    shot: (e) => `${context(e)} ${answers[e.label]}`,
    separator: '\n\n',
    draw: 'fixed',
    choices: () => answers,
    gold: (e) => e.label,
    delimiter: ' ',
    metrics,
  };
}

const LABELS = ['0', '1'] as const;
const shared: Pick<
  TaskDefinition<Labelled>,
  'version' | 'split' | 'shotSplits' | 'protocol' | 'chance' | 'fields'
> = {
  version: 1,
  split: 'validation',
  shotSplits: ['train'],
  protocol: 'lm-eval',
  chance: 1 / 2,
  fields: (e) => ({ context: e.first, question: e.second }),
};

const labelOf = (record: DataRecord): number => Number(String(record.value('label')));

/**
 * GPT-1's heuristic: sentences are accepted by their mean log-probability of a token. Its threshold was not published;
 * ours accepts the share of sentences that are acceptable in the training set (6,023 of 8,551). The first word has
 * nothing before it in GPT-1 and is not scored.
 */
const colaGpt1: SpanProtocol<Labelled> = {
  kind: 'span',
  source: "GPT-1 paper, section 5, zero-shot behaviours; the threshold is evalgpt's",
  context: (e) => e.first.split(' ', 1)[0] as string,
  continuation: (e) => e.first.slice((e.first.split(' ', 1)[0] as string).length),
  shot: (e) => e.first,
  separator: '\n',
  draw: 'fixed',
  accepts: { share: 6023 / 8551, gold: (e) => e.label === 1 },
  metrics: ['mcc_ranked'],
};

const cola = defineTask<Labelled>({
  ...shared,
  name: 'cola',
  title: 'CoLA: is a sentence acceptable English?',
  dataset: 'glue-cola',
  examples: 1043,
  decode(record) {
    const first = record.string('sentence');
    if (!strip(first).includes(' ')) record.fail('"sentence" expected several words');
    return {
      id: String(record.line),
      first,
      second: '',
      label: LABELS.indexOf(record.oneOf('label', LABELS)),
    };
  },
  fields: (e) => ({ text: e.first }),
  protocols: {
    'lm-eval': ranked(
      'lm-eval 0.4.13 cola',
      (e) => `${e.first}\nQuestion: Does this sentence make sense?\nAnswer:`,
      ['no', 'yes'],
      ['mcc', ...METRICS],
    ),
    gpt1: colaGpt1,
  },
  // Of Matthews's correlation.
  chance: 0,
});

const sst2 = defineTask<Labelled>({
  ...shared,
  name: 'sst2',
  title: 'SST-2: is a sentence of a film review positive or negative?',
  dataset: 'glue-sst2',
  examples: 872,
  decode(record) {
    if (!record.has('label')) {
      const [, label, text] =
        /^([01]) (.*)$/.exec(record.text) ?? record.fail('expected 0 or 1 and a sentence');
      return { id: String(record.line), first: text as string, second: '', label: Number(label) };
    }
    const label = LABELS.indexOf(record.oneOf('label', LABELS));
    return { id: String(record.line), first: record.string('sentence'), second: '', label };
  },
  fields: (e) => ({ text: e.first }),
  protocols: {
    'lm-eval': ranked(
      'lm-eval 0.4.13 sst2',
      (e) => `${e.first}\nQuestion: Is this sentence positive or negative?\nAnswer:`,
      ['negative', 'positive'],
    ),
    gpt1: ranked(
      'GPT-1 paper, section 5, zero-shot behaviours: the sentence and "very"',
      (e) => `${strip(e.first)} very`,
      ['negative', 'positive'],
      ['acc', 'logprob_gold'],
    ),
  },
});

/** Pairs that mean the same or not: the first answer, yes, is the positive one of F1. */
const paraphrase = (source: string, context: (e: Labelled) => string): ChoiceProtocol<Labelled> =>
  ranked(source, context, ['yes', 'no'], ['acc', 'f1_binary', ...METRICS.slice(1)]);

/** A cell of a table whose quoted cells were not taken for such. */
function unquoted(text: string): string {
  return /^".*"$/s.test(text) ? text.slice(1, -1).replaceAll('""', '"') : text;
}

const mrpc = defineTask<Labelled>({
  ...shared,
  name: 'mrpc',
  title: 'MRPC: do two sentences of the news say the same?',
  dataset: 'glue-mrpc',
  examples: 408,
  decode(record) {
    const label = labelOf(record);
    if (label !== 0 && label !== 1) record.fail(`"label" expected 0 or 1, found ${label}`);
    const cell = record.has('index') ? unquoted : (text: string): string => text;
    return {
      id: String(record.line),
      first: cell(record.string('sentence1')),
      second: cell(record.string('sentence2')),
      label: 1 - label,
    };
  },
  protocols: {
    'lm-eval': paraphrase(
      'lm-eval 0.4.13 mrpc',
      (e) =>
        `Sentence 1: ${e.first}\nSentence 2: ${e.second}\nQuestion: Do both sentences mean the same thing?\nAnswer:`,
    ),
  },
});

const qqp = defineTask<Labelled>({
  ...shared,
  name: 'qqp',
  title: 'QQP: do two questions of Quora ask the same?',
  dataset: 'glue-qqp',
  examples: 40_430,
  decode: (record) => ({
    id: record.string('id'),
    first: record.string('question1'),
    second: record.string('question2'),
    label: 1 - LABELS.indexOf(record.oneOf('is_duplicate', LABELS)),
  }),
  protocols: {
    'lm-eval': paraphrase(
      'lm-eval 0.4.13 qqp',
      (e) =>
        `Question 1: ${e.first}\nQuestion 2: ${e.second}\nQuestion: Do both questions ask the same thing?\nAnswer:`,
    ),
  },
});

const ENTAILS = ['entailment', 'not_entailment'] as const;

const qnli = defineTask<Labelled>({
  ...shared,
  name: 'qnli',
  title: 'QNLI: does a sentence answer a question?',
  dataset: 'glue-qnli',
  examples: 5463,
  decode: (record) => ({
    id: record.string('index'),
    first: record.string('question'),
    second: record.string('sentence'),
    label: ENTAILS.indexOf(record.oneOf('label', ENTAILS)),
  }),
  protocols: {
    'lm-eval': ranked(
      'lm-eval 0.4.13 qnli',
      (e) => `${e.first}\n${e.second}\nQuestion: Does this response answer the question?\nAnswer:`,
      ['yes', 'no'],
    ),
  },
});

interface Similar extends Example {
  readonly first: string;
  readonly second: string;
  /** 0 to 5. */
  readonly score: number;
}

const SCORES = [0, 1, 2, 3, 4, 5];
const similarity = (e: Similar): string =>
  `Sentence 1: ${e.first}\nSentence 2: ${e.second}\nQuestion: How similar are the two sentences, from 0 (not at all) to 5 (the same)?\nAnswer:`;

/** Neither lm-eval nor a paper has it without training: the wording is ours, in that of lm-eval's mrpc. */
const ownSimilarity: ChoiceProtocol<Similar> = {
  kind: 'choice',
  source: "evalgpt's own: the mean of six scores, weighted by their probabilities",
  context: similarity,
  shot: (e) => `${similarity(e)} ${Math.round(e.score)}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: () => SCORES.map(String),
  gold: (e) => Math.round(e.score),
  delimiter: ' ',
  scale: { values: SCORES, gold: (e) => e.score },
  metrics: ['pearson', 'spearman', 'acc', 'logprob_gold'],
};

const stsb = defineTask<Similar>({
  name: 'stsb',
  version: 1,
  title: 'STS-B: how similar are two sentences?',
  dataset: 'glue-stsb',
  split: 'validation',
  examples: 1500,
  shotSplits: ['train'],
  decode(record) {
    const score = Number(record.string('score'));
    if (!(score >= 0 && score <= 5)) record.fail(`"score" expected a number from 0 to 5, found ${score}`);
    return {
      id: String(record.line),
      first: record.string('sentence1'),
      second: record.string('sentence2'),
      score,
    };
  },
  fields: (e) => ({ context: e.first, question: e.second }),
  protocols: { 'lm-eval': ownSimilarity },
  protocol: 'lm-eval',
  // Of Pearson's correlation.
  chance: 0,
});

/** GLUE (Wang et al. 2018) but for its entailment tasks with passages, which tasks/nli.ts and tasks/wnli.ts have. */
const tasks: readonly Task[] = [sst2, cola, stsb, mrpc, qqp, qnli];
export default tasks;
