/** A choice's log-likelihood and the lengths it may be divided by. */
export interface ChoiceScore {
  /** Sum over its tokens, in nats. */
  readonly logprob: number;
  readonly tokens: number;
  /** Unicode code points of the choice without the delimiter before it, as Python's len counts. */
  readonly characters: number;
  /** UTF-8 bytes of the same. */
  readonly bytes: number;
}

/** What a log-likelihood is divided by before choices are compared. */
export type Normalisation = 'sum' | 'token' | 'byte' | 'character';

export function lengthOf(score: ChoiceScore, by: Normalisation): number {
  switch (by) {
    case 'sum':
      return 1;
    case 'token':
      return score.tokens;
    case 'byte':
      return score.bytes;
    case 'character':
      return score.characters;
  }
}

/** Two sums of log-probabilities nearer than this, in nats, can change places with the batching: they tie. */
export const TIE = 2e-4;

/** The best choice under a normalisation, and every choice that ties with it, itself included, in order. */
export function bestChoice(
  scores: readonly ChoiceScore[],
  by: Normalisation,
): { readonly best: number; readonly tied: readonly number[] } {
  const values = scores.map((s) => s.logprob / lengthOf(s, by));
  let best = 0;
  for (const [i, value] of values.entries()) if (value > (values[best] as number)) best = i;
  const top = scores[best] as ChoiceScore;
  const tied = values.flatMap((value, i) => {
    const bound = TIE / Math.min(lengthOf(top, by), lengthOf(scores[i] as ChoiceScore, by));
    return (values[best] as number) - value <= bound ? [i] : [];
  });
  return { best, tied };
}

/** 1 where the best choice is the gold one, 0 where it is not, 1/m where it is one of m that tie. */
export function choiceCredit(scores: readonly ChoiceScore[], gold: number, by: Normalisation): number {
  const { tied } = bestChoice(scores, by);
  return tied.includes(gold) ? 1 / tied.length : 0;
}
