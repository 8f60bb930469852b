import { bestOf, leaveOneOut, normaliseAnswer, squadF1 } from './squad.ts';

const NO_ANSWER = 'CANNOTANSWER';

/**
 * QuAC's official F1 (Choi et al. 2018, section 5; scorer.py): each reference is left out in turn. Where at least half
 * of the references say CANNOTANSWER, that is the only one, and only the very same word matches it; else it is none of
 * them. All references must be given, equal ones as often as they are there.
 * @returns `f1`, and `humanF1`, that of the references against each other (1 where one is left): the official mean is
 *   over the questions where it is at least 0.4, its "unfiltered F1" over all of them
 */
export function quacScore(prediction: string, golds: readonly string[]): { f1: number; humanF1: number } {
  const none = golds.filter((gold) => gold === NO_ANSWER).length;
  const kept = 2 * none >= golds.length ? [NO_ANSWER] : golds.filter((gold) => gold !== NO_ANSWER);
  const human = kept.map((gold, out) => bestOf(gold, kept.toSpliced(out, 1), overlap));
  return {
    f1: leaveOneOut(prediction, kept, overlap),
    humanF1: kept.length < 2 ? 1 : human.reduce((sum, f1) => sum + f1, 0) / human.length,
  };
}

/** As SQuAD's F1, but two answers without words share nothing. */
function overlap(prediction: string, gold: string): number {
  if (gold === NO_ANSWER) return prediction === NO_ANSWER ? 1 : 0;
  return normaliseAnswer(gold) === '' ? 0 : squadF1(prediction, gold);
}
