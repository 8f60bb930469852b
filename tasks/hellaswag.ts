import type { DataRecord } from '../src/data/records.ts';
import { strip } from '../src/space.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Scene extends Example {
  readonly context: string;
  readonly endings: readonly string[];
  readonly answer: number;
}

/** lm-eval's preprocess: what is in brackets are marks of the WikiHow articles. */
function cleaned(text: string): string {
  return strip(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[.*?\]/g, '')
    .replaceAll('  ', ' ');
}

/** Python's str.capitalize: all but the first letter in lower case. */
function capitalised(text: string): string {
  const [first = '', ...rest] = text;
  return first.toUpperCase() + rest.join('').toLowerCase();
}

/** lm-eval 0.4.13, tasks/hellaswag. */
const lmEval: ChoiceProtocol<Scene> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 hellaswag',
  context: (e) => e.context,
  shot: (e) => `${e.context} ${e.endings[e.answer]}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: (e) => e.endings,
  gold: (e) => e.answer,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

const gpt3: ChoiceProtocol<Scene> = {
  ...lmEval,
  source: 'GPT-3 paper, figure G.9; compared per token (section 2.4)',
  draw: 'per-example',
  metrics: ['acc_token', 'acc', 'acc_norm', 'logprob_gold'],
};

function decode(record: DataRecord): Scene {
  return record.has('endings') ? published(record) : plain(record);
}

function published(record: DataRecord): Scene {
  const endings = record.strings('endings');
  const answer = Number(record.value('label'));
  if (endings.length !== 4) record.fail(`"endings" expected four texts, found ${endings.length}`);
  if (!(answer in endings)) record.fail(`"label" expected a number from 0 to 3, found ${answer}`);
  const scene = `${record.string('ctx_a')} ${capitalised(record.string('ctx_b'))}`;
  return {
    id: String(record.line),
    cluster: record.string('source_id'),
    context: cleaned(`${record.string('activity_label')}: ${scene}`),
    endings: endings.map(cleaned),
    answer,
  };
}

/** Six lines: the scene, the number of the right ending, and the four, cleaned already. */
function plain(record: DataRecord): Scene {
  const [scene = '', label, ...endings] = record.text.split('\n');
  const answer = Number(label);
  if (endings.length !== 4 || !(answer in endings))
    record.fail('expected a scene, the number of an ending and four endings');
  // What stands behind the last whole sentence of a film's scene begins it anew.
  const [, before, begun] = /^(.*[.!?"'”)]) ([^.!?]*[^.!?"'”)])$/s.exec(scene) ?? [scene, scene, ''];
  const context = begun ? `${before} ${capitalised(begun)}` : scene;
  return { id: String(record.line), context, endings, answer };
}

/** HellaSwag (Zellers et al. 2019): how does a scene go on? */
const hellaswag: Task = defineTask<Scene>({
  name: 'hellaswag',
  version: 1,
  title: 'HellaSwag: which of four endings goes on with a scene?',
  dataset: 'hellaswag',
  split: 'validation',
  examples: 10_042,
  shotSplits: ['train'],
  decode,
  protocols: { 'lm-eval': lmEval, gpt3 },
  protocol: 'lm-eval',
  chance: 1 / 4,
  paperShots: 20,
  published: 'HellaSwag',
});

export default hellaswag;
