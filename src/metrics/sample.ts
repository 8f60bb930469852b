import type { GenerateProtocol, MetricName, Protocol } from '../task.ts';
import type { Example, Scored } from '../types.ts';
import { bestChoice, type ChoiceScore, choiceCredit, type Normalisation } from './normalise.ts';
import { unitsOf } from './units.ts';

/** What the scores of one item come to, before any mean is taken. */
export interface Judged {
  readonly prediction: number | boolean | string;
  readonly gold: number | string;
  readonly tie: boolean;
  readonly values: Readonly<Record<string, number>>;
  readonly counts?: Readonly<Record<string, readonly number[]>>;
}

/** What the choices are compared by under each accuracy. */
const NORMALISATION: Readonly<Partial<Record<MetricName, Normalisation>>> = {
  acc: 'sum',
  acc_norm: 'character',
  acc_token: 'token',
  acc_byte: 'byte',
};

/** Protocols whose items are judged by log-likelihoods. */
export type ScoredProtocol = Exclude<Protocol<Example>, GenerateProtocol<Example>>;

/** Judges a text that the model wrote. */
export function judgeText(protocol: GenerateProtocol<Example>, example: Example, text: string): Judged {
  return {
    prediction: text,
    gold: protocol.gold(example),
    tie: false,
    values: protocol.judge(example, text),
    ...(protocol.counts ? { counts: protocol.counts(example, text) } : {}),
  };
}

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
export function judge(protocol: ScoredProtocol, example: Example, scored: readonly Scored[]): Judged {
  if (protocol.kind === 'rolling') {
    const tokens = scored.reduce((sum, s) => sum + s.logprobs.length, 0);
    const logprob = scored.reduce((sum, s) => sum + logprobOf(s), 0);
    return {
      prediction: false,
      gold: '',
      tie: false,
      values: { logprob, tokens, ...(protocol.units?.(example) ?? unitsOf(protocol.text(example))) },
    };
  }
  if (protocol.kind === 'span') {
    const own = scored[0] as Scored;
    const greedy = isGreedy(own);
    return {
      prediction: greedy,
      gold: protocol.continuation(example),
      tie: false,
      values: {
        acc: greedy ? 1 : 0,
        acc_last: own.hits.at(-1) ? 1 : 0,
        ...(own.allowedHits ? { acc_filtered: own.allowedHits.every((hit) => hit) ? 1 : 0 } : {}),
        logprob_gold: logprobOf(own),
        ...(protocol.accepts
          ? {
              logprob_mean: logprobOf(own) / own.logprobs.length,
              wanted: protocol.accepts.gold(example) ? 1 : 0,
              share: protocol.accepts.share,
            }
          : {}),
      },
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
  const relative =
    protocol.unconditional === undefined
      ? undefined
      : scores.map(
          (score, i): ChoiceScore => ({
            ...score,
            logprob: score.logprob - logprobOf(scored[choices.length + i] as Scored),
          }),
        );
  const primary = NORMALISATION[protocol.metrics[0] ?? 'acc'] ?? protocol.by ?? 'sum';
  const compared = protocol.metrics[0] === 'acc_uncond' && relative ? relative : scores;
  const { best, tied } = bestChoice(compared, primary);
  return {
    prediction: best,
    gold,
    tie: tied.length > 1,
    values: {
      acc: choiceCredit(scores, gold, 'sum'),
      acc_norm: choiceCredit(scores, gold, 'character'),
      acc_token: choiceCredit(scores, gold, 'token'),
      acc_byte: choiceCredit(scores, gold, 'byte'),
      ...(relative ? { acc_uncond: choiceCredit(relative, gold, 'sum') } : {}),
      logprob_gold: (scores[gold] as ChoiceScore).logprob,
      ...(protocol.scale
        ? { predicted: expected(scores, protocol.scale.values), wanted: protocol.scale.gold(example) }
        : {}),
      ...protocol.judge?.(example, best, scored.map(isGreedy)),
    },
  };
}

/** The mean of what the choices say, weighted by their probabilities among each other. */
function expected(scores: readonly ChoiceScore[], values: readonly number[]): number {
  const most = Math.max(...scores.map((s) => s.logprob));
  const weights = scores.map((s) => Math.exp(s.logprob - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.reduce((mean, weight, i) => mean + (weight / sum) * (values[i] as number), 0);
}
