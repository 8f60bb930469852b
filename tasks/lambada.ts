import type { DataRecord } from '../src/data/records.ts';
import { defineTask, type Protocol, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Passage extends Example {
  readonly text: string;
}

/** The passage without its last word, cut at the last space as lm-eval cuts it. */
const beginning = (e: Passage): string => e.text.slice(0, e.text.lastIndexOf(' '));
/** The last word with the space before it: the space belongs to the word's first token. */
const lastWord = (e: Passage): string => e.text.slice(e.text.lastIndexOf(' '));

/**
 * Function words, which the last word of these passages hardly ever is. The GPT-2 paper's own list was not
 * published (section 3.3); this one is ours: articles, pronouns, prepositions, conjunctions, auxiliary verbs and the
 * commonest adverbs.
 */
const FUNCTION_WORDS = (
  'a an the this that these those it its he him his she her hers they them their theirs we us our ours you your yours ' +
  'i me my mine who whom whose which what one all any each every either neither both some such no none ' +
  'in on at by for with about against between into through during before after above below to from up down of off over ' +
  'under around near and or nor but so because as until while if then than though although when where why how whether ' +
  'am is are was were be been being have has had having do does did doing will would shall should can could may might ' +
  'must not only own same too very just now here there again once more most other another out still also even ever never ' +
  'much many few'
).split(' ');

/**
 * lm-eval 0.4.13, lambada_openai: right where every token of the last word is the most probable one; perplexity
 * per word, over the sum of its tokens. lm-eval puts its target delimiter, a space, before the target of a shot,
 * which begins with a space itself: its shots hold two spaces there, and so do these.
 */
const lmEval: Protocol<Passage> = {
  kind: 'span',
  source: 'lm-eval 0.4.13 lambada_openai, lambada_standard',
  context: beginning,
  continuation: lastWord,
  shot: (e) => `${beginning(e)} ${lastWord(e)}`,
  separator: '\n\n',
  draw: 'fixed',
  neverAnswers: FUNCTION_WORDS,
  metrics: ['acc', 'ppl_word', 'acc_last', 'acc_filtered', 'logprob_gold'],
};

/** Preprocessing told by OpenAI's staff in openai/gpt-2 issue 131: straight double quotes, a newline, the stripped text. */
const gpt2Text = (e: Passage): Passage => ({ ...e, text: `\n${e.text.replace(/[“”]/g, '"').trim()}` });

const gpt2: Protocol<Passage> = {
  ...lmEval,
  source: 'GPT-2 paper, section 3.3, and openai/gpt-2 issue 131; Table 3 is with the stop-word filter',
  metrics: ['acc_filtered', 'acc', 'ppl_word', 'acc_last', 'logprob_gold'],
  context: (e) => beginning(gpt2Text(e)),
  continuation: (e) => lastWord(gpt2Text(e)),
  shot: (e) => gpt2Text(e).text,
};

/** GPT-3 paper, section 3.1.2 and figure G.21: the plain passage at k = 0, filling in a blank at k > 0. */
const blank = (e: Passage): string => `${beginning(e)} ____. ->`;

const gpt3: Protocol<Passage> = {
  ...lmEval,
  source: 'GPT-3 paper, section 3.1.2, figures 3.2 and G.21',
  context: (e, shots) => (shots === 0 ? beginning(e) : blank(e)),
  shot: (e) => blank(e) + lastWord(e),
  description: (shots) => (shots === 0 ? '' : 'Fill in blank:\n\n'),
  draw: 'per-example',
};

/** lm-eval's cloze tasks: the blank at every k, without the header. */
const lmEvalCloze: Protocol<Passage> = {
  ...lmEval,
  source: 'lm-eval 0.4.13 lambada_openai_cloze_yaml, lambada_standard_cloze_yaml',
  context: blank,
  // Two spaces, as above.
  shot: (e) => `${blank(e)} ${lastWord(e)}`,
};

/** GPT-3 paper, figure G.21 at every k: the header, then blanks to fill in. */
const gpt3Cloze: Protocol<Passage> = {
  ...gpt3,
  source: 'GPT-3 paper, figure G.21, also at k = 0',
  context: blank,
  description: () => 'Fill in blank:\n\n',
};

const shared = {
  version: 2,
  examples: 5153,
  protocols: { 'lm-eval': lmEval, gpt2, gpt3 },
  protocol: 'lm-eval',
  chance: 0,
} as const;

const openai = {
  dataset: 'lambada-openai',
  split: 'test',
  shotSplits: [],
  decode: (record: DataRecord) => passage(record.line, record.string('text'), record.fail),
} as const;

const standard = {
  dataset: 'lambada-standard',
  split: 'test',
  shotSplits: ['dev'],
  decode: (record: DataRecord) => passage(record.line, record.text, record.fail),
} as const;

const cloze = { version: 1, protocols: { 'lm-eval': lmEvalCloze, gpt3: gpt3Cloze } } as const;

/** LAMBADA (Paperno et al. 2016): the last word of a passage, which needs the whole passage to be told. */
const tasks: readonly Task[] = [
  defineTask<Passage>({
    ...shared,
    ...openai,
    name: 'lambada',
    title: 'LAMBADA, last word of a passage; text as preprocessed by OpenAI',
    paperShots: 15,
    published: 'LAMBADA',
  }),
  defineTask<Passage>({
    ...shared,
    ...standard,
    name: 'lambada-standard',
    title: 'LAMBADA, last word of a passage; original tokenised text',
    paperShots: 15,
    published: 'LAMBADA (standard)',
  }),
  defineTask<Passage>({
    ...shared,
    ...openai,
    ...cloze,
    name: 'lambada-cloze',
    title: 'LAMBADA as a blank to fill in; text as preprocessed by OpenAI',
    paperShots: 15,
  }),
  defineTask<Passage>({
    ...shared,
    ...standard,
    ...cloze,
    name: 'lambada-standard-cloze',
    title: 'LAMBADA as a blank to fill in; original tokenised text',
    paperShots: 15,
  }),
];

function passage(line: number, text: string, fail: (message: string) => never): Passage {
  const example = { id: String(line), text };
  if (!text.includes(' ') || beginning(example).trim() === '' || lastWord(example).trim() === '') {
    fail(`expected a passage of several words, found ${JSON.stringify(text.slice(0, 40))}`);
  }
  return example;
}

export default tasks;
