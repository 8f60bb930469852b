import type { DataRecord } from '../src/data/records.ts';
import { strip } from '../src/space.ts';
import { type ChoiceProtocol, defineTask, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface ExamQuestion extends Example {
  readonly question: string;
  readonly options: readonly string[];
  readonly answer: number;
}

const LETTERS = ['A', 'B', 'C', 'D'];

const question = (e: ExamQuestion): string =>
  `${strip(e.question)}\n${e.options.map((option, i) => `${LETTERS[i]}. ${option}\n`).join('')}Answer:`;

/** lm-eval 0.4.13, tasks/mmlu/default, which is the wording of the test's own code; shots are the first of dev. */
function lmEval(subject: string): ChoiceProtocol<ExamQuestion> {
  return {
    kind: 'choice',
    source: `lm-eval 0.4.13 mmlu_${subject}`,
    description: () =>
      `The following are multiple choice questions (with answers) about ${subject.replaceAll('_', ' ')}.\n\n`,
    context: question,
    shot: (e) => `${question(e)} ${LETTERS[e.answer]}`,
    separator: '\n\n',
    draw: 'first',
    choices: () => LETTERS,
    gold: (e) => e.answer,
    delimiter: ' ',
    metrics: ['acc', 'logprob_gold'],
  };
}

/** All subjects lie in one file, in the order of their names. */
function decode(record: DataRecord, subject: string): ExamQuestion[] {
  if (record.string('subject') !== subject) return [];
  const options = record.strings('choices');
  const answer = record.count('answer');
  if (options.length !== 4 || answer > 3) record.fail('expected four "choices" and an "answer" from 0 to 3');
  return [{ id: String(record.line), question: record.string('question'), options, answer }];
}

/** Subjects and their questions in the test split: 14,042 in all. */
const SUBJECTS: readonly (readonly [subject: string, questions: number])[] = [
  ['abstract_algebra', 100],
  ['anatomy', 135],
  ['astronomy', 152],
  ['business_ethics', 100],
  ['clinical_knowledge', 265],
  ['college_biology', 144],
  ['college_chemistry', 100],
  ['college_computer_science', 100],
  ['college_mathematics', 100],
  ['college_medicine', 173],
  ['college_physics', 102],
  ['computer_security', 100],
  ['conceptual_physics', 235],
  ['econometrics', 114],
  ['electrical_engineering', 145],
  ['elementary_mathematics', 378],
  ['formal_logic', 126],
  ['global_facts', 100],
  ['high_school_biology', 310],
  ['high_school_chemistry', 203],
  ['high_school_computer_science', 100],
  ['high_school_european_history', 165],
  ['high_school_geography', 198],
  ['high_school_government_and_politics', 193],
  ['high_school_macroeconomics', 390],
  ['high_school_mathematics', 270],
  ['high_school_microeconomics', 238],
  ['high_school_physics', 151],
  ['high_school_psychology', 545],
  ['high_school_statistics', 216],
  ['high_school_us_history', 204],
  ['high_school_world_history', 237],
  ['human_aging', 223],
  ['human_sexuality', 131],
  ['international_law', 121],
  ['jurisprudence', 108],
  ['logical_fallacies', 163],
  ['machine_learning', 112],
  ['management', 103],
  ['marketing', 234],
  ['medical_genetics', 100],
  ['miscellaneous', 783],
  ['moral_disputes', 346],
  ['moral_scenarios', 895],
  ['nutrition', 306],
  ['philosophy', 311],
  ['prehistory', 324],
  ['professional_accounting', 282],
  ['professional_law', 1534],
  ['professional_medicine', 272],
  ['professional_psychology', 612],
  ['public_relations', 110],
  ['security_studies', 245],
  ['sociology', 201],
  ['us_foreign_policy', 100],
  ['virology', 166],
  ['world_religions', 171],
];

/** MMLU (Hendrycks et al. 2021): examinations of 57 subjects. */
const tasks: readonly Task[] = SUBJECTS.map(([subject, examples]) =>
  defineTask<ExamQuestion>({
    name: `mmlu-${subject.replaceAll('_', '-')}`,
    version: 1,
    title: `MMLU, examination questions: ${subject.replaceAll('_', ' ')}`,
    dataset: 'mmlu',
    split: 'test',
    examples,
    shotSplits: ['dev'],
    decode: (record) => decode(record, subject),
    fields: (e) => ({ question: e.question, answer: e.options[e.answer] as string }),
    protocols: { 'lm-eval': lmEval(subject) },
    protocol: 'lm-eval',
    chance: 1 / 4,
  }),
);

export default tasks;
