import { exactMatch } from '../src/metrics/text/em.ts';
import { strip } from '../src/space.ts';
import { defineTask, type GenerateProtocol, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface WordProblem extends Example {
  readonly question: string;
  readonly answer: string;
}

const context = (e: WordProblem): string => `Question: ${e.question}\nAnswer:`;

/** What lm-eval leaves out of both numbers before it compares them. */
function bare(text: string): string {
  return text
    .replaceAll(',', '')
    .replaceAll('$', '')
    .replace(/.*#### /s, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

const INVALID = '[invalid]';
const strict = (text: string): string => strip(/#### (-?[0-9.,]+)/.exec(text)?.[1] ?? INVALID);
const flexible = (text: string): string => strip(text.match(/-?[$0-9.,]{2,}|-?[0-9]+/g)?.at(-1) ?? INVALID);

/** lm-eval 0.4.13, tasks/gsm8k: the number behind "####", or else the last number of the text. */
const lmEval: GenerateProtocol<WordProblem> = {
  kind: 'generate',
  source: 'lm-eval 0.4.13 gsm8k: em is its strict-match, em_flexible its flexible-extract',
  context,
  shot: (e) => `${context(e)} ${e.answer}`,
  separator: '\n\n',
  draw: 'fixed',
  stop: ['Question:', '</s>', '<|im_end|>'],
  maxTokens: 256,
  gold: (e) => ` ${e.answer}`,
  judge: (e, text) => ({
    em: exactMatch(strict(text), [e.answer], bare),
    em_flexible: exactMatch(flexible(text), [e.answer], bare),
  }),
  metrics: ['em', 'em_flexible'],
};

/** GSM8K (Cobbe et al. 2021): arithmetic in words, with the steps to the answer. */
const gsm8k: Task = defineTask<WordProblem>({
  name: 'gsm8k',
  version: 1,
  title: 'GSM8K: arithmetic problems of school in words',
  dataset: 'gsm8k',
  split: 'test',
  examples: 1319,
  shotSplits: ['train'],
  decode(record) {
    const answer = record.string('answer');
    if (!/#### -?[0-9.,]+$/.test(answer)) record.fail('"answer" expected a number behind "####" at its end');
    return { id: String(record.line), question: record.string('question'), answer };
  },
  fields: (e) => ({ question: e.question, answer: e.answer }),
  protocols: { 'lm-eval': lmEval },
  protocol: 'lm-eval',
  chance: null,
});

export default gsm8k;
