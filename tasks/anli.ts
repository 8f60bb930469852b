import { createHash } from 'node:crypto';
import { defineTask, type Protocol, type Task } from '../src/task.ts';
import type { Example } from '../src/types.ts';

interface AnliExample extends Example {
  readonly premise: string;
  readonly hypothesis: string;
  readonly label: 'e' | 'n' | 'c';
}

const ANSWERS = ['True', 'Neither', 'False'];
const LABELS = ['e', 'n', 'c'] as const;

const choices = (): readonly string[] => ANSWERS;
const gold = (e: AnliExample): number => LABELS.indexOf(e.label);

/** lm-eval 0.4.13, tasks/anli. */
const lmEval: Protocol<AnliExample> = {
  kind: 'choice',
  source: 'lm-eval 0.4.13 anli_r1 to anli_r3',
  context: (e) => `${e.premise}\nQuestion: ${e.hypothesis} True, False, or Neither?\nAnswer:`,
  shot: (e) =>
    `${e.premise}\nQuestion: ${e.hypothesis} True, False, or Neither?\nAnswer: ${ANSWERS[gold(e)]}`,
  separator: '\n\n',
  draw: 'fixed',
  choices,
  gold,
  delimiter: ' ',
  metrics: ['acc', 'acc_norm', 'acc_token', 'acc_byte', 'logprob_gold'],
};

/**
 * GPT-3 paper, figures G.2, G.7 and G.10: the figures print the prefix "anli 2: anli 2: " and no "Answer:" line;
 * choices are compared by log-likelihood per token (section 2.4).
 */
function gpt3(round: number): Protocol<AnliExample> {
  const question = (e: AnliExample): string =>
    `anli ${round}: anli ${round}: ${e.premise}\nQuestion: ${e.hypothesis} True, False, or Neither?\n`;
  return {
    kind: 'choice',
    source: 'GPT-3 paper, figures G.2, G.7, G.10',
    context: question,
    shot: (e) => `${question(e)} ${ANSWERS[gold(e)]}`,
    separator: '\n\n',
    draw: 'per-example',
    choices,
    gold,
    delimiter: ' ',
    metrics: ['acc_token', 'acc', 'logprob_gold'],
  };
}

/** Adversarial NLI (Nie et al. 2020). Several hypotheses share a premise, which is their cluster. */
const rounds: readonly Task[] = [1, 2, 3].map((round) =>
  defineTask<AnliExample>({
    name: `anli-r${round}`,
    version: 2,
    title: `Adversarial NLI, round ${round}: does the premise entail, contradict or leave open the hypothesis?`,
    dataset: `anli-r${round}`,
    split: 'test',
    examples: round === 3 ? 1200 : 1000,
    shotSplits: ['train', 'dev'],
    decode(record) {
      const premise = record.string('context');
      return {
        id: record.string('uid'),
        cluster: createHash('sha256').update(premise).digest('hex').slice(0, 12),
        premise,
        hypothesis: record.string('hypothesis'),
        label: record.oneOf('label', LABELS),
      };
    },
    fields: (e) => ({ context: e.premise, question: e.hypothesis }),
    protocols: { 'lm-eval': lmEval, gpt3: gpt3(round) },
    protocol: 'lm-eval',
    chance: 1 / 3,
    paperShots: 50,
    published: `ANLI R${round}`,
  }),
);

export default rounds;
