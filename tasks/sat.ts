import type { DataRecord } from '../src/data/records.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Analogy extends Example {
  readonly stem: string;
  readonly pairs: readonly string[];
  readonly answer: number;
}

/** GPT-3 paper, figure G.12, section 3.9.3. */
const gpt3: ChoiceProtocol<Analogy> = {
  kind: 'choice',
  source: 'GPT-3 paper, figure G.12, section 3.9.3; compared per token (section 2.4)',
  context: (e) => `${e.stem} as`,
  shot: (e) => `${e.stem} as ${e.pairs[e.answer]}`,
  separator: '\n\n',
  draw: 'per-example',
  choices: (e) => e.pairs,
  gold: (e) => e.answer,
  delimiter: ' ',
  metrics: ['acc_token', 'acc', 'acc_norm', 'logprob_gold'],
};

/** "lull trust v:n" reads "lull is to trust". */
function sentence(record: DataRecord, text: string): string {
  const [first, second] = text.split(' ');
  if (first === undefined || second === undefined) record.fail(`expected a pair of words, found "${text}"`);
  return `${first} is to ${second}`;
}

/** A block: its source, the pair asked for, five pairs and the letter of the right one. Remarks begin with #. */
function decode(record: DataRecord): Analogy[] {
  const lines = record.text.split('\n').filter((line) => !line.startsWith('#'));
  if (lines.length === 0) return [];
  const letter = lines.at(-1)?.trim() ?? '';
  const pairs = lines.slice(2, -1);
  const answer = 'abcde'.indexOf(letter);
  if (pairs.length !== 5 || letter.length !== 1 || answer < 0)
    record.fail('expected a source, a pair, five pairs and a letter from a to e');
  return [
    {
      id: String(record.line),
      stem: sentence(record, lines[1] as string),
      pairs: pairs.map((pair) => sentence(record, pair)),
      answer,
    },
  ];
}

/** Analogies of the SAT (Turney et al. 2003). */
const sat: Task = defineTask<Analogy>({
  name: 'sat-analogies',
  version: 1,
  title: 'SAT analogies: which pair of words is like another?',
  dataset: 'sat-analogies',
  split: 'test',
  examples: 374,
  shotSplits: [],
  decode,
  protocols: { gpt3 },
  protocol: 'gpt3',
  chance: 1 / 5,
  paperShots: 20,
  published: 'SAT Analogies',
});

export default sat;
