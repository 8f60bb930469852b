import { createHash } from 'node:crypto';
import type { DataRecord } from '../src/data/records.ts';
import { detokenise } from '../src/detokenise.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface ClozeExample extends Example {
  /** The twenty sentences and the query up to the missing word. */
  readonly context: string;
  /** Each candidate with the rest of the query, the space before it included. */
  readonly endings: readonly string[];
  readonly answer: number;
}

/**
 * GPT-2 paper, section 3.2: "the probability of each choice and the rest of the sentence conditioned on this choice",
 * of which the highest wins; a detokenizer was applied; validation sets are reported.
 */
const gpt2: ChoiceProtocol<ClozeExample> = {
  kind: 'choice',
  source: 'GPT-2 paper, section 3.2',
  context: (e) => e.context,
  shot: (e) => e.context + e.endings[e.answer],
  separator: '\n\n',
  draw: 'fixed',
  choices: (e) => e.endings,
  gold: (e) => e.answer,
  delimiter: '',
  metrics: ['acc', 'acc_token', 'logprob_gold'],
};

/** Twenty numbered sentences, then the query with a blank, the answer and ten candidates between tabs. */
function decode(record: DataRecord): ClozeExample {
  const lines = record.text.split('\n').map((line) => line.replace(/^\d+ /, ''));
  const [query = '', answer = '', , candidates = ''] = (lines.at(-1) ?? '').split('\t');
  if (lines.length !== 21) record.fail(`expected 21 lines, found ${lines.length}`);
  const [before, after, more] = query.split('XXXXX');
  if (before === undefined || after === undefined || more !== undefined) {
    record.fail(`expected one XXXXX in line 21, found ${query.split('XXXXX').length - 1}`);
  }
  const choices = candidates.split('|').filter((word) => word !== '');
  if (choices.length !== 10) record.fail(`expected ten candidates in line 21, found ${choices.length}`);
  const gold = choices.indexOf(answer);
  if (gold < 0) record.fail(`expected the answer among the candidates, found "${answer}"`);
  const story = lines.slice(0, 20).map(detokenise).join(' ');
  const context = `${story} ${detokenise(before as string)}`.trimEnd();
  return {
    id: String(record.line),
    cluster: createHash('sha256').update(story).digest('hex').slice(0, 12),
    context,
    endings: choices.map((choice) => {
      const whole = `${story} ${detokenise(`${before}${choice}${after}`)}`;
      // A mark before the blank may have joined the candidate.
      return whole.startsWith(context) ? whole.slice(context.length) : ` ${detokenise(choice + after)}`;
    }),
    answer: gold,
  };
}

const KINDS = [
  ['cn', 'CN', 'common nouns', 'CBT-CN'],
  ['ne', 'NE', 'named entities', 'CBT-NE'],
  ['v', 'V', 'verbs', ''],
  ['p', 'P', 'prepositions', ''],
] as const;

/** The Children's Book Test (Hill et al. 2016): which of ten words is missing from the 21st sentence of a story? */
const tasks: readonly Task[] = KINDS.flatMap(([letters, , what, published]) =>
  (['validation', 'test'] as const).map((split) =>
    defineTask<ClozeExample>({
      name: split === 'validation' ? `cbt-${letters}` : `cbt-${letters}-test`,
      version: 1,
      title: `Children's Book Test, ${what}, ${split} set`,
      dataset: `cbt-${letters}`,
      split,
      examples: split === 'validation' ? 2000 : 2500,
      shotSplits: [],
      decode,
      protocols: { gpt2 },
      protocol: 'gpt2',
      chance: 1 / 10,
      ...(split === 'validation' && published !== '' ? { published } : {}),
    }),
  ),
);

export default tasks;
