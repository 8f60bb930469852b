import { leaveOneOut, squadEm, squadF1 } from './squad.ts';

/** CoQA's official scores: SQuAD's EM and F1, each reference left out in turn. */
export function coqaScores(prediction: string, golds: readonly string[]): { em: number; f1: number } {
  return { em: leaveOneOut(prediction, golds, squadEm), f1: leaveOneOut(prediction, golds, squadF1) };
}
