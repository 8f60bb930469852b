import type { DataRecord } from '../src/data/records.ts';
import { quacScore } from '../src/metrics/text/quac.ts';
import { strip } from '../src/space.ts';
import { defineTask, type GenerateProtocol, GPT3_BEAMS, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface Turn {
  readonly question: string;
  /** What the teacher said, which the history holds. */
  readonly given: string;
  /** All references, repeated ones too: how often there is no answer counts. */
  readonly answers: readonly string[];
}

interface QuacExample extends Example, Turn {
  readonly title: string;
  readonly section: string;
  readonly paragraph: string;
  readonly earlier: readonly Turn[];
  readonly isLast: boolean;
}

const context = (e: QuacExample): string =>
  `TITLE: ${e.title} - ${e.section}\nPARAGRAPH: ${e.paragraph}\n\n${e.earlier
    .map((t) => `Q: ${t.question}\n\nA: ${t.given}\n\n`)
    .join('')}Q: ${e.question}\n\nA:`;

/**
 * GPT-3 paper, figure G.25: every question behind the true answers to the earlier ones. The official F1 without its
 * filter, which leaves out questions on which people agree little: the paper counts all of them.
 */
const gpt3: GenerateProtocol<QuacExample> = {
  kind: 'generate',
  source: 'GPT-3 paper, figure G.25, section 2.4',
  context,
  shot: (e) => `${context(e)} ${e.given}`,
  separator: '\n\n',
  draw: 'per-example',
  beams: GPT3_BEAMS,
  draws: (e) => e.isLast,
  stop: ['\n'],
  maxTokens: 96,
  gold: (e) => ` ${e.given}`,
  judge: (e, text) => ({ f1: quacScore(strip(text), e.answers).f1 }),
  metrics: ['f1'],
};

function decode(record: DataRecord): QuacExample[] {
  const [title, section] = [record.string('title'), record.string('section_title')];
  return record.objects('paragraphs').flatMap((paragraph) => {
    const cluster = paragraph.string('id');
    const questions = paragraph.objects('qas').map((qa) => ({
      id: qa.string('id'),
      question: qa.string('question'),
      given: qa.object('orig_answer').string('text'),
      answers: qa.objects('answers').map((answer) => answer.string('text')),
    }));
    return questions.map((question, i) => ({
      ...question,
      cluster,
      title,
      section,
      paragraph: paragraph.string('context'),
      earlier: questions.slice(0, i),
      isLast: i === questions.length - 1,
    }));
  });
}

/** QuAC (Choi et al. 2018): a student's questions on a section of Wikipedia that only the teacher sees. */
const quac: Task = defineTask<QuacExample>({
  name: 'quac',
  version: 1,
  title: "QuAC: a student's questions on a section of Wikipedia",
  dataset: 'quac',
  split: 'validation',
  examples: 7354,
  shotSplits: ['train'],
  decode,
  fields: (e) => ({ context: e.paragraph, question: e.question, answer: e.answers[0] ?? '' }),
  protocols: { gpt3 },
  protocol: 'gpt3',
  chance: null,
  paperShots: 5,
  published: 'Quac',
});

export default quac;
