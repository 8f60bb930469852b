import { tasks } from '../../../tasks/index.ts';

/** A row of a paper's table. */
export interface Row {
  readonly row: string;
  /** Arguments of `evalgpt`; a row without any cannot be run, and its note says why. */
  readonly command?: string;
  /** Ours that stands for the paper's. */
  readonly metric?: string;
  readonly note?: string;
}

interface Table {
  readonly where: string;
  readonly title: string;
  readonly rows: readonly Row[];
}

interface Paper {
  readonly name: string;
  readonly note: string;
  readonly tables: readonly Table[];
}

type More = Omit<Row, 'row' | 'command'>;

const gpt1 = (row: string, task: string, more: More = {}): Row => ({
  row,
  command: `run --model gpt2 --tasks ${task} --shots 0,32`,
  ...more,
});
const heuristic = (row: string, task: string, more: More = {}): Row => ({
  row,
  command: `run --model openai-gpt --tasks ${task} --protocol gpt1 --shots 0`,
  ...more,
});
const gpt2 = (row: string, task: string, more: More & { readonly shots?: number } = {}): Row => {
  const { shots = 0, ...rest } = more;
  return { row, command: `run --model gpt2 --tasks ${task} --protocol gpt2 --shots ${shots}`, ...rest };
};
/** Zero, one and K shots; K is the task's own, and so is the metric: the first of the protocol's. */
const gpt3 = (row: string, task: string, more: More & { readonly shots?: string } = {}): Row => {
  const own = tasks.find(({ name }) => name === task);
  const protocol = own?.protocols.gpt3 ?? own?.protocols[own.protocol];
  if (own?.paperShots === undefined || !protocol) throw new Error(`${task}: expected a task of the paper's`);
  const { shots = `0,1,${own.paperShots}`, metric = protocol.metrics[0] as string, ...rest } = more;
  return {
    row,
    command: `run --model gpt2 --tasks ${task} --protocol gpt3 --shots ${shots}`,
    metric,
    ...rest,
  };
};
const gap = (row: string, note: string): Row => ({ row, note });

const HUMAN = 'Not run: people judged these texts; there is nothing to compute.';
const SAMPLES = 'Not run: texts shown as they are, without a score.';
const FACTS = 'Nothing to run: a description of models or data.';

const MULTI_BLEU =
  "Table 3.4 is of multi-bleu on XLM's tokens, which evalgpt lacks; bleu_intl is appendix H's sacrebleu.";

const translation: readonly Row[] = [
  gpt3('Fr→En', 'wmt14-fr-en', { note: MULTI_BLEU }),
  gpt3('En→Fr', 'wmt14-en-fr'),
  gpt3('De→En', 'wmt16-de-en'),
  gpt3('En→De', 'wmt16-en-de'),
  gpt3('Ro→En', 'wmt16-ro-en'),
  gpt3('En→Ro', 'wmt16-en-ro'),
];
const openQa: readonly Row[] = [
  gpt3('NaturalQS', 'nq', { metric: 'em' }),
  gpt3('WebQS', 'webqs', { metric: 'em' }),
  gpt3('TriviaQA', 'triviaqa', {
    metric: 'em',
    note: 'The Wikipedia development set stands for the test server.',
  }),
];
const commonSense: readonly Row[] = [
  gpt3('PIQA', 'piqa'),
  gpt3('ARC (Easy)', 'arc-easy', { metric: 'acc_uncond' }),
  gpt3('ARC (Challenge)', 'arc-challenge', { metric: 'acc_uncond' }),
  gpt3('OpenBookQA', 'openbookqa', { metric: 'acc_uncond' }),
];
const winograd: readonly Row[] = [gpt3('Winograd', 'winograd'), gpt3('Winogrande', 'winogrande')];
const reading: readonly Row[] = [
  gpt3('CoQA', 'coqa', {
    metric: 'f1',
    note: 'Zero-shot in the paper means no solved dialogue, but the one at hand so far.',
  }),
  gpt3('DROP', 'drop', { metric: 'f1' }),
  gpt3('QuAC', 'quac', { metric: 'f1', note: 'The filter by human F1 is not applied.' }),
  gpt3('SQuADv2', 'squadv2', { metric: 'em, f1' }),
  gpt3('RACE-h', 'race-h', { metric: 'acc_uncond' }),
  gpt3('RACE-m', 'race-m', { metric: 'acc_uncond' }),
];
const superglue: readonly Row[] = [
  {
    row: 'SuperGLUE average',
    command: 'run --model gpt2 --tasks superglue --protocol gpt3 --shots 0,1,32',
    metric: 'group mean',
    note: 'On the development sets: the test sets have no public answers.',
  },
  gpt3('BoolQ', 'boolq'),
  gpt3('CB', 'cb', { metric: 'acc_token, f1_macro' }),
  gpt3('COPA', 'copa'),
  gpt3('RTE', 'rte'),
  gpt3('WiC', 'wic'),
  gpt3('WSC', 'wsc'),
  gpt3('MultiRC', 'multirc', { metric: 'em_group, f1_binary' }),
  gpt3('ReCoRD', 'record', { metric: 'em, f1' }),
];
const anli: readonly Row[] = [
  gpt3('ANLI R1', 'anli-r1'),
  gpt3('ANLI R2', 'anli-r2'),
  gpt3('ANLI R3', 'anli-r3'),
];
const arithmetic: readonly Row[] = (
  [
    ['2D+', '2d-add'],
    ['2D-', '2d-sub'],
    ['3D+', '3d-add'],
    ['3D-', '3d-sub'],
    ['4D+', '4d-add'],
    ['4D-', '4d-sub'],
    ['5D+', '5d-add'],
    ['5D-', '5d-sub'],
    ['2Dx', '2d-mul'],
    ['1DC', '1d-three-ops'],
  ] as const
).map(([row, set]) => gpt3(row, `arithmetic-${set}`));
const scramble: readonly Row[] = (
  [
    ['Cycled Letters', 'cycle-letters'],
    ['Anagrams 1', 'anagrams1'],
    ['Anagrams 2', 'anagrams2'],
    ['Symbol Insertion', 'random-insertion'],
    ['Reversed Words', 'reversed-words'],
  ] as const
).map(([row, set]) => gpt3(row, `scramble-${set}`, { metric: 'em' }));
const cloze: readonly Row[] = [
  gpt3('LAMBADA', 'lambada', {
    metric: 'acc, ppl_word',
    note: 'A blank to fill in at one and few shots, as in the paper.',
  }),
  gpt3('StoryCloze', 'storycloze-2016'),
  gpt3('HellaSwag', 'hellaswag', { metric: 'acc_token' }),
];

export const PAPERS: readonly Paper[] = [
  {
    name: 'GPT-1 (Radford et al. 2018)',
    note: 'Tables 2 to 5 are of models trained further on each task. evalgpt trains nothing: it runs the same data without training, by shots, which answers another question; no figure of these tables stands beside ours.',
    tables: [
      { where: 'Table 1', title: 'tasks and data sets', rows: [gap('all', FACTS)] },
      {
        where: 'Table 2',
        title: 'natural language inference',
        rows: [
          gpt1('MNLI-m', 'mnli', { metric: 'acc' }),
          gpt1('MNLI-mm', 'mnli-mismatched', { metric: 'acc' }),
          gpt1('SNLI', 'snli', { metric: 'acc' }),
          gpt1('SciTail', 'scitail', { metric: 'acc' }),
          gpt1('QNLI', 'qnli', { metric: 'acc' }),
          gpt1('RTE', 'rte', { metric: 'acc' }),
        ],
      },
      {
        where: 'Table 3',
        title: 'question answering and common sense',
        rows: [
          gpt1('Story Cloze', 'storycloze-2016', { metric: 'acc' }),
          gpt1('RACE-m', 'race-m', { metric: 'acc' }),
          gpt1('RACE-h', 'race-h', { metric: 'acc' }),
          gpt1('RACE', 'race-m,race-h', {
            metric: 'acc',
            note: 'The mean weighted by items: 1,436 and 3,498.',
          }),
        ],
      },
      {
        where: 'Table 4',
        title: 'classification and similarity',
        rows: [
          gpt1('CoLA', 'cola', { metric: 'mcc' }),
          gpt1('SST2', 'sst2', { metric: 'acc' }),
          gpt1('MRPC', 'mrpc', { metric: 'f1_binary' }),
          gpt1('STSB', 'stsb', { metric: 'pearson' }),
          gpt1('QQP', 'qqp', { metric: 'f1_binary' }),
          gpt1('GLUE', 'glue', { metric: 'group mean' }),
        ],
      },
      {
        where: 'Table 5',
        title: 'ablations',
        rows: [gap('all', 'Not run: other architectures and objectives, trained on each task.')],
      },
      {
        where: 'Figure 2, right',
        title: 'zero-shot behaviours, by the heuristics of section 5',
        rows: [
          heuristic('linguistic acceptability (CoLA)', 'cola', { metric: 'mcc_ranked' }),
          heuristic('sentiment analysis (SST-2)', 'sst2', { metric: 'acc' }),
          heuristic('question answering (RACE)', 'race-m,race-h', { metric: 'acc_token' }),
          heuristic('Winograd schemas (DPRD)', 'winograd', {
            metric: 'acc_token',
            note: 'On WSC273: the set of Rahman and Ng is not there.',
          }),
        ],
      },
    ],
  },
  {
    name: 'GPT-2 (Radford et al. 2019)',
    note: 'Zero-shot but for translation and question answering, which are shown what is wanted by examples.',
    tables: [
      { where: 'Tables 1 and 2', title: 'texts in the training data; sizes', rows: [gap('all', FACTS)] },
      {
        where: 'Table 3',
        title: 'language modelling',
        rows: [
          gpt2('LAMBADA (PPL)', 'lambada', { metric: 'ppl_word' }),
          gpt2('LAMBADA (ACC)', 'lambada', { metric: 'acc_filtered' }),
          gpt2('CBT-CN (ACC)', 'cbt-cn', { metric: 'acc' }),
          gpt2('CBT-NE (ACC)', 'cbt-ne', { metric: 'acc' }),
          gpt2('WikiText2 (PPL)', 'wikitext2', { metric: 'ppl_word' }),
          gpt2('PTB (PPL)', 'ptb', { metric: 'ppl_word' }),
          gpt2('enwik8 (BPB)', 'enwik8', { metric: 'bpb' }),
          gpt2('text8 (BPC)', 'text8', { metric: 'bpc' }),
          gpt2('WikiText103 (PPL)', 'wikitext103', { metric: 'ppl_word' }),
          gpt2('1BW (PPL)', 'one-billion-word', { metric: 'ppl_word' }),
        ],
      },
      {
        where: 'Table 4',
        title: 'summarisation of CNN and Daily Mail',
        rows: [
          gpt2('GPT-2 TL;DR:', 'cnn-dm', { metric: 'rouge_avg, rouge1, rouge2, rougeL' }),
          gap(
            'GPT-2 no hint',
            'Not run: the same prompt without "TL;DR:"; a task file of your own can say so.',
          ),
          gap('other rows', 'Not run: other systems, and three random sentences.'),
        ],
      },
      {
        where: 'Table 5',
        title: 'the 30 surest answers to Natural Questions',
        rows: [
          gpt2('all', 'nq', {
            metric: 'em',
            note: "The answers and their log-probabilities are in the run's samples.",
            shots: 5,
          }),
        ],
      },
      {
        where: 'Table 6',
        title: 'overlap of 8-grams with the training data',
        rows: [
          {
            row: 'all, against your corpus',
            command:
              "overlap --corpus 'corpus/*.txt' --tasks ptb,wikitext2,enwik8,text8,wikitext103,one-billion-word --method gpt2",
            metric: 'share of 8-grams',
          },
        ],
      },
      {
        where: 'Sections 3.3 to 4',
        title: 'what the text reports',
        rows: [
          gpt2('3.3: LAMBADA without the stop-word filter', 'lambada', { metric: 'acc' }),
          gpt2('3.4: Winograd schemas', 'winograd', { metric: 'acc' }),
          gpt2('3.5: CoQA', 'coqa', { metric: 'f1' }),
          gpt2('3.7: WMT14 En→Fr', 'wmt14-en-fr', { metric: 'bleu', shots: 5 }),
          gpt2('3.7: WMT14 Fr→En', 'wmt14-fr-en', { metric: 'bleu', shots: 5 }),
          gpt2('3.8: Natural Questions', 'nq', { metric: 'em', shots: 5 }),
          {
            row: '4: LAMBADA without overlapping items',
            command: 'run --model gpt2 --tasks lambada --protocol gpt2 --shots 0 --overlap overlap.jsonl',
            metric: 'ppl_word, acc_filtered of clean items',
          },
        ],
      },
      { where: 'Tables 7 and following', title: 'samples', rows: [gap('all', SAMPLES)] },
    ],
  },
  {
    name: 'GPT-3 (Brown et al. 2020)',
    note: "Zero, one and K shots. Where the paper's scores are of a test server, ours are of the development set, whose answers are public; the paper gives both in Table H.1.",
    tables: [
      { where: 'Tables 2.1 and 2.2', title: 'sizes; training data', rows: [gap('all', FACTS)] },
      {
        where: 'Table 3.1',
        title: 'Penn Treebank',
        rows: [
          gpt2('GPT-3 zero-shot', 'ptb', {
            metric: 'ppl_word',
            note: 'The paper does not say how the text was prepared.',
          }),
        ],
      },
      { where: 'Table 3.2', title: 'cloze and completion', rows: cloze },
      { where: 'Table 3.3', title: 'closed-book question answering', rows: openQa },
      { where: 'Table 3.4', title: 'translation', rows: translation },
      { where: 'Table 3.5', title: 'Winograd-style tasks', rows: winograd },
      { where: 'Table 3.6', title: 'common sense', rows: commonSense },
      { where: 'Table 3.7', title: 'reading comprehension', rows: reading },
      { where: 'Table 3.8', title: 'SuperGLUE', rows: superglue },
      { where: 'Figure 3.9', title: 'natural language inference', rows: anli },
      { where: 'Table 3.9', title: 'arithmetic', rows: arithmetic },
      { where: 'Table 3.10', title: 'word scrambling', rows: scramble },
      {
        where: 'Figure 3.12',
        title: 'SAT analogies',
        rows: [
          gpt3('SAT Analogies', 'sat-analogies', {
            metric: 'acc_token',
            note: 'The questions are given out on request only; the card says where.',
          }),
        ],
      },
      {
        where: 'Tables 3.11 and 3.12',
        title: 'news articles told from human ones',
        rows: [gap('all', HUMAN)],
      },
      {
        where: 'Section 3.9.5 to 3.9.6, Figures 3.14 to 3.17',
        title: 'new words, corrected grammar, articles',
        rows: [gap('all', SAMPLES)],
      },
      {
        where: 'Tables 6.1 and 6.2',
        title: 'bias in written texts',
        rows: [gap('all', 'Not run: words near a name in sampled texts; evalgpt samples nothing.')],
      },
      {
        where: 'Table C.1',
        title: 'scores of clean and dirty items',
        rows: [
          {
            row: 'the overlap, against your corpus',
            command:
              "overlap --corpus 'corpus/*.txt' --tasks lambada,piqa,rte --method gpt3 --index overlap.jsonl",
            metric: 'dirty items',
          },
          {
            row: 'the scores',
            command:
              'run --model gpt2 --tasks lambada,piqa,rte --protocol gpt3 --shots 0,1,50 --overlap overlap.jsonl',
            metric: 'clean, dirty, their difference',
            note: 'Any of the tasks above.',
          },
        ],
      },
      { where: 'Table D.1', title: 'compute', rows: [gap('all', FACTS)] },
      {
        where: 'Table H.1',
        title: 'every task, every size',
        rows: [
          ...cloze,
          ...openQa,
          ...translation,
          ...winograd,
          ...commonSense,
          ...reading,
          ...superglue,
          ...anli,
          ...arithmetic,
          ...scramble,
          gpt3('SAT Analogies', 'sat-analogies', { metric: 'acc_token' }),
        ],
      },
    ],
  },
];
