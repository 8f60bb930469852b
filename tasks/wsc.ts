import type { DataRecord } from '../src/data/records.ts';
import { normaliseAnswer } from '../src/metrics/text/squad.ts';
import { words } from '../src/metrics/text/words.ts';
import {
  type ChoiceProtocol,
  defineTask,
  type GenerateProtocol,
  GPT3_BEAMS,
  type Task,
} from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Reference extends Example {
  /** With the pronoun between asterisks. */
  readonly passage: string;
  readonly noun: string;
  readonly pronoun: string;
  readonly refers: boolean;
}

const ANSWERS = ['no', 'yes'];
const lmEvalContext = (e: Reference): string =>
  `Passage: ${e.passage}\nQuestion: In the passage above, does the pronoun "*${e.pronoun}*" refer to "*${e.noun}*"?\nAnswer:`;
const label = (e: Reference): number => (e.refers ? 1 : 0);

/** lm-eval 0.4.13, tasks/super_glue/wsc. */
const lmEval: ChoiceProtocol<Reference> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 wsc',
  context: lmEvalContext,
  shot: (e) => `${lmEvalContext(e)} ${ANSWERS[label(e)]}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: () => ANSWERS,
  gold: label,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

const gpt3Context = (e: Reference): string =>
  `Passage: ${e.passage}\nQuestion: In the passage above, what does the pronoun "*${e.pronoun}*" refer to?\nAnswer:`;

/** T5's rule (Raffel et al. 2020, section 2.4): the noun is meant where either text has all words of the other. */
function isMeant(text: string, noun: string): boolean {
  const [said, asked] = [text, noun].map((t) => new Set(words(normaliseAnswer(t)))) as [
    Set<string>,
    Set<string>,
  ];
  if (said.size === 0) return false;
  return [...said].every((word) => asked.has(word)) || [...asked].every((word) => said.has(word));
}

/**
 * GPT-3 paper, figure G.33: the model writes what the pronoun stands for; shots are items whose noun is the right one.
 * One draw serves all items (section 3.7).
 */
const gpt3: GenerateProtocol<Reference> = {
  kind: 'generate',
  source: "GPT-3 paper, figure G.33, section 3.7; the answer is compared with the noun by T5's rule",
  description: () =>
    'Final Exam with Answer Key\nInstructions: Please carefully read the following passages. For each passage, you must identify which noun the pronoun marked in *bold* refers to.\n=====\n',
  context: gpt3Context,
  shot: (e) => `${gpt3Context(e)} ${e.noun}`,
  separator: '\n=====\n',
  draw: 'fixed',
  draws: (e) => e.refers,
  stop: ['\n'],
  maxTokens: 32,
  beams: GPT3_BEAMS,
  gold: (e) => ` ${e.noun}`,
  judge: (e, text) => ({ acc: isMeant(text, e.noun) === e.refers ? 1 : 0 }),
  metrics: ['acc'],
};

/** lm-eval's general_detokenize. */
function detokenised(text: string): string {
  return text
    .replaceAll(" n't", "n't")
    .replaceAll(' )', ')')
    .replaceAll('( ', '(')
    .replaceAll('" ', '"')
    .replaceAll(' "', '"')
    .replace(/ (['.,])/g, '$1');
}

/**
 * A noun that the passage writes otherwise, in the case of the passage's word at its place and without a full stop: as
 * the hub's wsc.fixed, which lm-eval reads, mends them.
 */
function mended(span: string, at: number, passage: string): string {
  if (passage.includes(span)) return span;
  const there = words(passage)[at] ?? '';
  const first = span.slice(0, 1);
  const isLower = there.slice(0, 1) !== there.slice(0, 1).toUpperCase();
  return ((isLower ? first.toLowerCase() : first.toUpperCase()) + span.slice(1))
    .replace(/\.+$/, '')
    .replaceAll('\n', ' ');
}

function decode(record: DataRecord): Reference {
  const raw = record.string('text');
  const target = record.object('target');
  const pronoun = target.string('span2_text');
  const before = words(raw).slice(0, target.count('span2_index')).join(' ');
  const behind = [...raw].slice([...before].length + [...pronoun].length + 1).join('');
  return {
    id: String(record.count('idx')),
    passage: detokenised(`${before} *${pronoun}*${behind}`),
    noun: mended(target.string('span1_text'), target.count('span1_index'), raw),
    pronoun,
    refers: record.flag('label'),
  };
}

/** WSC (Levesque et al. 2012), as in SuperGLUE: does the pronoun stand for the noun? */
const wsc: Task = defineTask<Reference>({
  name: 'wsc',
  version: 1,
  title: 'Winograd schemas of SuperGLUE: does the pronoun stand for the noun?',
  dataset: 'superglue-wsc',
  split: 'validation',
  examples: 104,
  shotSplits: ['train'],
  decode,
  // The noun stands in the passage already.
  fields: (e) => ({ context: e.passage }),
  protocols: { 'lm-eval': lmEval, gpt3 },
  protocol: 'lm-eval',
  chance: 1 / 2,
  paperShots: 32,
  published: 'WSC',
});

export default wsc;
