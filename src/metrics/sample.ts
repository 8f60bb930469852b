import type { MetricName, Protocol } from '../task.ts';
import type { Example, Scored } from '../types.ts';
import { bestChoice, type ChoiceScore, choiceCredit, type Normalisation } from './normalise.ts';
import { unitsOf } from './units.ts';

/** What the scores of one item come to, before any mean is taken. */
export interface Judged {
  readonly prediction: number | boolean;
  readonly gold: number | string;
  readonly tie: boolean;
  readonly values: Readonly<Record<string, number>>;
}

/** What the choices are compared by under each accuracy. */
const NORMALISATION: Readonly<Partial<Record<MetricName, Normalisation>>> = {
  acc: 'sum',
  acc_norm: 'character',
  acc_token: 'token',
  acc_byte: 'byte',
};

export function logprobOf(scored: Scored): number {
  let sum = 0;
  for (const value of scored.logprobs) sum += value;
  return sum;
}

/** True where every token of the continuation is the most probable one at its place. */
export function isGreedy(scored: Scored): boolean {
  return scored.hits.every((hit) => hit);
}

/** Judges one item from the scores of its pairs, in the order in which the protocol rendered them. */
export function judge(protocol: Protocol<Example>, example: Example, scored: readonly Scored[]): Judged {
  if (protocol.kind === 'rolling') {
    const tokens = scored.reduce((sum, s) => sum + s.logprobs.length, 0);
    const logprob = scored.reduce((sum, s) => sum + logprobOf(s), 0);
    return {
      prediction: false,
      gold: '',
      tie: false,
      values: { logprob, tokens, ...unitsOf(protocol.text(example)) },
    };
  }
  if (protocol.kind === 'span') {
    const own = scored[0] as Scored;
    const greedy = isGreedy(own);
    return {
      prediction: greedy,
      gold: protocol.continuation(example),
      tie: false,
      values: { acc: greedy ? 1 : 0, logprob_gold: logprobOf(own) },
    };
  }
  const choices = protocol.choices(example);
  const scores = choices.map((choice, i): ChoiceScore => {
    const own = scored[i] as Scored;
    return {
      logprob: logprobOf(own),
      tokens: own.logprobs.length,
      characters: [...choice].length,
      bytes: Buffer.byteLength(choice),
    };
  });
  const gold = protocol.gold(example);
  const primary = NORMALISATION[protocol.metrics[0] ?? 'acc'] ?? 'sum';
  const { best, tied } = bestChoice(scores, primary);
  return {
    prediction: best,
    gold,
    tie: tied.length > 1,
    values: {
      acc: choiceCredit(scores, gold, 'sum'),
      acc_norm: choiceCredit(scores, gold, 'character'),
      acc_token: choiceCredit(scores, gold, 'token'),
      acc_byte: choiceCredit(scores, gold, 'byte'),
      logprob_gold: (scores[gold] as ChoiceScore).logprob,
    },
  };
}
