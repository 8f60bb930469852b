import { bestOf, leaveOneOut, squadF1 } from './squad.ts';

const NO_ANSWER = 'CANNOTANSWER';

/**
 * QuAC's official F1 (section 5 of its paper and scorer.py): SQuAD's, each reference left out in turn. Where most
 * references say that there is no answer, that is the only one; else it is none of them. `humanF1` is what the
 * references have against each other: the official score leaves out questions where it is below 0.4.
 */
export function quacScore(prediction: string, golds: readonly string[]): { f1: number; humanF1: number } {
  const none = golds.filter((gold) => gold === NO_ANSWER).length;
  const kept = 2 * none >= golds.length ? [NO_ANSWER] : golds.filter((gold) => gold !== NO_ANSWER);
  const human = kept.map((gold, out) => bestOf(gold, kept.toSpliced(out, 1), squadF1));
  return {
    f1: leaveOneOut(prediction, kept, squadF1),
    humanF1: kept.length < 2 ? 1 : human.reduce((sum, f1) => sum + f1, 0) / human.length,
  };
}
