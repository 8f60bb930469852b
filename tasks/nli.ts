import { createHash } from 'node:crypto';
import type { DataRecord } from '../src/data/records.ts';
import { strip } from '../src/space.ts';
import { type ChoiceProtocol, defineTask, type MetricName, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Pair extends Example {
  readonly premise: string;
  readonly hypothesis: string;
  readonly label: number;
}

const LABELS = ['entailment', 'neutral', 'contradiction'] as const;
const METRICS: readonly MetricName[] = ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'];

function protocol(
  source: string,
  question: (e: Pair) => string,
  answers: readonly string[],
): ChoiceProtocol<Pair> {
  return {
    kind: 'choice',
    source,
    context: question,
    shot: (e) => `${question(e)} ${answers[e.label]}`,
    separator: '\n\n',
    draw: 'fixed',
    choices: () => answers,
    gold: (e) => e.label,
    delimiter: ' ',
    metrics: METRICS,
  };
}

/** The hypothesis as a sentence that ends in a full stop. */
function sentence(text: string): string {
  const stripped = strip(text);
  return stripped.endsWith('.') ? stripped : `${stripped}.`;
}

const threeWays = (source: string): ChoiceProtocol<Pair> =>
  protocol(
    source,
    (e) => `${e.premise}\nQuestion: ${sentence(e.hypothesis)} True, False or Neither?\nAnswer:`,
    ['True', 'Neither', 'False'],
  );

/** Items whose annotators did not agree have no label, and are left out as everywhere. */
function threeLabels(record: DataRecord): Pair[] {
  // The copy of SNLI in columns numbers the labels.
  if (record.has('label')) {
    const label = ['0', '1', '2'].indexOf(record.oneOf('label', ['0', '1', '2']));
    return [pair(String(record.line), record.string('premise'), record.string('hypothesis'), label)];
  }
  const label = record.oneOf('gold_label', [...LABELS, '-']);
  if (label === '-') return [];
  const [premise, hypothesis] = [record.string('sentence1'), record.string('sentence2')];
  return [pair(record.string('pairID'), premise, hypothesis, LABELS.indexOf(label))];
}

const fields = (e: Pair): Record<string, string> => ({ context: e.premise, question: e.hypothesis });

function pair(id: string, premise: string, hypothesis: string, label: number): Pair {
  const cluster = createHash('sha256').update(premise).digest('hex').slice(0, 12);
  return { id, cluster, premise, hypothesis, label };
}

const snli = defineTask<Pair>({
  name: 'snli',
  version: 1,
  title: 'Stanford NLI: does a caption entail, contradict or leave open a sentence?',
  dataset: 'snli',
  split: 'test',
  examples: 9824,
  shotSplits: ['train', 'validation'],
  decode: threeLabels,
  fields,
  protocols: { 'lm-eval': threeWays("evalgpt's own, in the wording of lm-eval 0.4.13 mnli") },
  protocol: 'lm-eval',
  chance: 1 / 3,
});

const mnli = (['matched', 'mismatched'] as const).map((genre) =>
  defineTask<Pair>({
    name: genre === 'matched' ? 'mnli' : 'mnli-mismatched',
    version: 1,
    title: `MultiNLI, genres ${genre === 'matched' ? 'that' : 'none of which'} the training set has`,
    dataset: 'mnli',
    split: `dev-${genre}`,
    examples: genre === 'matched' ? 9815 : 9832,
    shotSplits: ['train'],
    decode: threeLabels,
    fields,
    protocols: {
      'lm-eval': threeWays(`lm-eval 0.4.13 ${genre === 'matched' ? 'mnli' : 'mnli_mismatch'}`),
    },
    protocol: 'lm-eval',
    chance: 1 / 3,
  }),
);

const HANS_LABELS = ['entailment', 'non-entailment'] as const;

/** HANS stands in none of the GPT papers and not in lm-eval: the wordings are RTE's, which asks the same. */
const hans = defineTask<Pair>({
  name: 'hans',
  version: 1,
  title: 'HANS: entailment where word overlap misleads',
  dataset: 'hans',
  split: 'test',
  examples: 30_000,
  shotSplits: ['train'],
  decode: (record) =>
    pair(
      record.string('pairID'),
      record.string('sentence1'),
      record.string('sentence2'),
      HANS_LABELS.indexOf(record.oneOf('gold_label', HANS_LABELS)),
    ),
  protocols: {
    'lm-eval': protocol(
      "evalgpt's own, in the wording of lm-eval 0.4.13 sglue_rte",
      (e) => `${e.premise}\nQuestion: ${e.hypothesis} True or False?\nAnswer:`,
      ['True', 'False'],
    ),
    gpt3: {
      ...protocol(
        "evalgpt's own, in the wording of RTE in the GPT-3 paper, figure G.31",
        (e) => `${e.premise}\nquestion: ${e.hypothesis} True or False?\nanswer:`,
        ['True', 'False'],
      ),
      draw: 'per-example',
      metrics: ['acc_token', 'acc', 'logprob_gold'],
    },
  },
  protocol: 'lm-eval',
  fields,
  chance: 1 / 2,
});

const tasks: readonly Task[] = [snli, ...mnli, hans];

export default tasks;
