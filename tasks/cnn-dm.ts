import { rouge } from '../src/metrics/text/rouge.ts';
import { strip } from '../src/space.ts';
import { defineTask, type GenerateProtocol, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Article extends Example {
  readonly article: string;
  readonly summary: string;
}

/** The first three sentences of a text, a line each as the reference has them. */
function threeSentences(text: string): string {
  const written = strip(text);
  const ends = [...written.matchAll(/[.!?]+["'”’)\]]*(?=\s|$)/gu)].map((end) => end.index + end[0].length);
  const cuts = [0, ...ends.slice(0, 3)];
  if (ends.length < 3) cuts.push(written.length);
  return cuts
    .slice(1)
    .map((end, i) => strip(written.slice(cuts[i], end)).replaceAll('\n', ' '))
    .join('\n');
}

/** GPT-2 paper, section 3.6: "TL;DR:" behind the article, 100 tokens, of which the first three sentences count. */
const gpt2: GenerateProtocol<Article> = {
  kind: 'generate',
  source:
    'GPT-2 paper, section 3.6: 100 tokens, the first three sentences; greedily here, by top-k sampling with k = 2 there; no stemming, ROUGE-L by sentences',
  context: (e) => `${e.article}\nTL;DR:`,
  shot: (e) => `${e.article}\nTL;DR: ${e.summary}`,
  separator: '\n\n',
  draw: 'fixed',
  stop: [],
  maxTokens: 100,
  gold: (e) => ` ${e.summary}`,
  judge(e, text) {
    const { rouge1, rouge2, rougeL } = rouge(e.summary, threeSentences(text));
    return { rouge1, rouge2, rougeL, rouge_avg: (rouge1 + rouge2 + rougeL) / 3 };
  },
  metrics: ['rouge_avg', 'rouge1', 'rouge2', 'rougeL'],
};

/** CNN/Daily Mail (Hermann et al. 2015; See et al. 2017): a news article in a few sentences. */
const cnnDm: Task = defineTask<Article>({
  name: 'cnn-dm',
  version: 2,
  title: 'CNN/Daily Mail: a summary of a news article',
  dataset: 'cnn-dm',
  split: 'test',
  examples: 11_490,
  shotSplits: ['validation'],
  decode: (record) => ({
    id: record.string('id'),
    article: record.string('article'),
    summary: record.string('highlights'),
  }),
  fields: (e) => ({ context: e.article, answer: e.summary }),
  protocols: { gpt2 },
  protocol: 'gpt2',
  chance: null,
  published: 'CNN/DM',
});

export default cnnDm;
