import { defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';
import arithmetic from './arithmetic.ts';
import cbt from './cbt.ts';
import lambada from './lambada.ts';
import nli from './nli.ts';
import race from './race.ts';
import { type Translation, wordings } from './translation.ts';

/** A benchmark's files and wording with the demo's own items; the items not scored at the moment are the shots. */
function like(
  tasks: readonly Task[],
  model: string,
  own: Pick<Task, 'name' | 'title' | 'examples'> & Partial<Pick<Task, 'protocol' | 'version'>>,
): Task {
  const task = tasks.find((t) => t.name === model);
  if (!task) throw new Error(`expected a task "${model}"`);
  const { published: _, paperShots: __, ...rest } = task;
  return defineTask({ ...rest, version: 1, ...own, dataset: own.name, split: 'test', shotSplits: [] });
}

interface Line extends Example {
  readonly context: string;
  readonly target: string;
}

/** Lines whose last word was invented for the set. */
function invented(name: string, examples: number, title: string): Task {
  return defineTask<Line>({
    name,
    version: 1,
    title,
    dataset: name,
    split: 'test',
    examples,
    shotSplits: [],
    decode: (record) => ({
      id: String(record.line),
      context: record.string('context'),
      target: record.string('target'),
    }),
    protocols: {
      'lm-eval': {
        kind: 'span',
        source: "evalgpt's own",
        context: (e) => e.context,
        continuation: (e) => e.target,
        shot: (e) => e.context + e.target,
        separator: '\n',
        draw: 'fixed',
        metrics: ['acc', 'logprob_gold'],
      },
    },
    protocol: 'lm-eval',
    chance: 0,
  });
}

/** The demo models' window is short, and so are the sentences. */
const zuvian = Object.fromEntries(
  Object.entries(wordings('Zuvian', 'English', "wmt's, in another language")).map(([name, protocol]) => [
    name,
    { ...protocol, maxTokens: 24 },
  ]),
);

const tasks: readonly Task[] = [
  invented('demo-mapping', 120, 'Which invented word goes with which? Only the shots tell'),
  invented(
    'demo-labels',
    150,
    'Animals and foods under invented labels: what is which is known, only the shots tell the labels',
  ),
  like(lambada, 'lambada', {
    name: 'demo-lambada',
    version: 3,
    title: 'LAMBADA-like: stories whose last word is who or what was named before',
    examples: 240,
    // lm-eval's shots have two spaces before the last word, which the demo models have never seen.
    protocol: 'gpt2',
  }),
  like(cbt, 'cbt-cn', {
    name: 'demo-cbt',
    title: "Children's Book Test-like: which of ten things did someone take?",
    examples: 100,
  }),
  like(nli, 'snli', {
    name: 'demo-nli',
    title: 'SNLI-like: does a sentence follow from another, contradict it, or neither?',
    examples: 200,
  }),
  like(race, 'race-h', {
    name: 'demo-reading',
    title: 'RACE-like: a question on a short text, with four options',
    examples: 150,
  }),
  defineTask<Translation>({
    name: 'demo-translation',
    version: 1,
    title: 'Translation from an invented language; only the shots tell its names of people',
    dataset: 'demo-translation',
    split: 'test',
    examples: 100,
    shotSplits: [],
    decode: (record) => ({
      id: String(record.line),
      source: record.string('source'),
      target: record.string('target'),
    }),
    fields: ({ source, target }) => ({ source, target }),
    protocols: zuvian,
    protocol: 'lm-eval',
    chance: null,
  }),
  like(arithmetic, 'arithmetic-2d-add', {
    name: 'demo-arithmetic',
    title: "GPT-3's format: sums of a number of two digits and one of one",
    examples: 150,
  }),
];

export default tasks;
