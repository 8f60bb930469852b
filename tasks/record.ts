import type { DataRecord } from '../src/data/records.ts';
import { bestOf, squadEm, squadF1 } from '../src/metrics/text/squad.ts';
import { strip } from '../src/space.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface News extends Example {
  readonly story: string;
  readonly highlights: readonly string[];
  /** With @placeholder where a name is missing. */
  readonly query: string;
  readonly entities: readonly string[];
  readonly answers: readonly string[];
}

const lmEvalContext = (e: News): string =>
  `${e.story}\n\n${e.highlights.map((line) => `  - ${line}.\n`).join('')}`;
const filled = (e: News, entity: string): string => e.query.replaceAll('@placeholder', () => entity);
const first = (e: News): string => e.answers[0] as string;

/** lm-eval 0.4.13, tasks/super_glue/record: F1 and exact match of the most probable name. */
const lmEval: ChoiceProtocol<News> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 record',
  context: lmEvalContext,
  shot: (e) => `${lmEvalContext(e)}   - ${filled(e, first(e))}`,
  separator: '\n\n',
  draw: 'fixed',
  choices: (e) => e.entities.map((entity) => `  - ${filled(e, entity)}`),
  // All answers are among the names; the first is what shots have.
  gold: (e) => Math.max(0, e.entities.indexOf(first(e))),
  delimiter: ' ',
  judge(e, choice) {
    const name = e.entities[choice] as string;
    return { f1: bestOf(name, e.answers, squadF1), em: bestOf(name, e.answers, squadEm) };
  },
  metrics: ['f1', 'em', 'logprob_gold'],
};

const gpt3Context = (e: News): string =>
  `${e.story}\n\n${e.highlights.map((line) => `- ${line}`).join('\n')}`;

const gpt3: ChoiceProtocol<News> = {
  ...lmEval,
  source: 'GPT-3 paper, figure G.6; compared per token (section 2.4)',
  context: gpt3Context,
  shot: (e) => `${gpt3Context(e)}\n- ${filled(e, first(e))}`,
  draw: 'per-example',
  choices: (e) => e.entities.map((entity) => `- ${filled(e, entity)}`),
  delimiter: '\n',
  by: 'token',
};

/** A passage with its queries. Places of names count code points and include their last. */
function decode(record: DataRecord): News[] {
  const passage = record.object('passage');
  const text = passage.string('text');
  const characters = [...text];
  const names = passage
    .objects('entities')
    .map((span) => characters.slice(span.count('start'), span.count('end') + 1).join(''));
  const [story = '', ...highlights] = strip(text).split('\n@highlight\n');
  return record.objects('qas').map((qa, i) => {
    const answers = distinct(qa.objects('answers').map((answer) => answer.string('text')));
    if (answers.length === 0) qa.fail('expected an answer, found none');
    const cluster = record.has('idx') ? String(record.count('idx')) : record.string('id');
    return {
      id: qa.has('idx') ? String(qa.count('idx')) : `${cluster}:${i + 1}`,
      cluster,
      story,
      highlights,
      query: qa.string('query'),
      entities: distinct(names),
      answers,
    };
  });
}

/** Sorted by code points, as Python sorts texts. */
function distinct(texts: readonly string[]): string[] {
  const codes = (text: string): string =>
    [...text].map((c) => c.codePointAt(0)?.toString(16).padStart(6, '0')).join();
  return [...new Set(texts)].sort((a, b) => (codes(a) < codes(b) ? -1 : 1));
}

/** ReCoRD (Zhang et al. 2018), as in SuperGLUE: which name is missing from a sentence on the news? */
const record: Task = defineTask<News>({
  name: 'record',
  version: 1,
  title: 'ReCoRD: which name is missing from a sentence on a news story?',
  dataset: 'superglue-record',
  split: 'validation',
  examples: 10_000,
  shotSplits: ['train'],
  decode,
  fields: (e) => ({ context: lmEvalContext(e), question: e.query, answer: first(e) }),
  protocols: { 'lm-eval': lmEval, gpt3 },
  protocol: 'lm-eval',
  chance: null,
  paperShots: 32,
  published: 'ReCoRD',
});

export default record;
