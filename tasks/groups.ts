import type { MetricName } from '../src/task.ts';
import { paperSets } from './arithmetic.ts';
import mmlu from './mmlu.ts';

/** Tasks whose mean is reported, where a run has all of them. */
export interface TaskGroup {
  readonly name: string;
  readonly title: string;
  /** Each task and the metrics that stand for it, their mean where there are several; its primary one unless told. */
  readonly members: readonly {
    readonly task: string;
    readonly metrics?: readonly MetricName[];
    /** What it counts for beside the others: 1 unless told. */
    readonly weight?: number;
  }[];
  /** Name in the published figures. */
  readonly published?: string;
}

const members = (...names: readonly string[]): TaskGroup['members'] => names.map((task) => ({ task }));

/** Means over tasks as the papers take them: each task weighs the same, whatever its size, unless told. */
export const groups: readonly TaskGroup[] = [
  {
    name: 'superglue',
    title:
      'SuperGLUE: eight tasks, those with two metrics by the mean of both (Wang et al. 2019, section 3.1)',
    members: [
      { task: 'boolq' },
      { task: 'cb', metrics: ['acc', 'f1_macro'] },
      { task: 'copa' },
      { task: 'multirc', metrics: ['f1_binary', 'em_group'] },
      { task: 'record', metrics: ['f1', 'em'] },
      { task: 'rte' },
      { task: 'wic' },
      { task: 'wsc' },
    ],
    published: 'SuperGLUE',
  },
  {
    name: 'glue',
    title:
      'GLUE: nine tasks, those with two metrics by the mean of both, MNLI by that of both its sets (Wang et al. 2018)',
    members: [
      { task: 'cola', metrics: ['mcc'] },
      { task: 'sst2' },
      { task: 'mrpc', metrics: ['acc', 'f1_binary'] },
      { task: 'stsb', metrics: ['pearson', 'spearman'] },
      { task: 'qqp', metrics: ['acc', 'f1_binary'] },
      { task: 'mnli', weight: 1 / 2 },
      { task: 'mnli-mismatched', weight: 1 / 2 },
      { task: 'qnli' },
      { task: 'rte' },
      { task: 'wnli' },
    ],
  },
  {
    name: 'mmlu',
    title: 'MMLU: 57 subjects, each question weighing the same (Hendrycks et al. 2021; lm-eval)',
    members: mmlu.map(({ name, examples = 0 }) => ({ task: name, weight: examples })),
    published: 'MMLU',
  },
  { name: 'anli', title: 'ANLI: three rounds', members: members('anli-r1', 'anli-r2', 'anli-r3') },
  {
    name: 'arithmetic',
    title: "Arithmetic: the GPT-3 paper's ten sets (section 3.9.1)",
    members: members(...paperSets.map((task) => task.name)),
  },
  {
    name: 'scramble',
    title: 'Word scrambling: five sets (GPT-3 paper, section 3.9.2)',
    members: members(
      'scramble-cycle-letters',
      'scramble-anagrams1',
      'scramble-anagrams2',
      'scramble-random-insertion',
      'scramble-reversed-words',
    ),
  },
  {
    name: 'wmt-to-en',
    title: 'Translation into English: three languages (GPT-3 paper, section 3.3)',
    members: members('wmt14-fr-en', 'wmt16-de-en', 'wmt16-ro-en'),
  },
  {
    name: 'wmt-from-en',
    title: 'Translation from English: three languages (GPT-3 paper, section 3.3)',
    members: members('wmt14-en-fr', 'wmt16-en-de', 'wmt16-en-ro'),
  },
];
