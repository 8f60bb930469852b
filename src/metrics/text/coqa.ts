import { leaveOneOut, squadEm, squadF1 } from './squad.ts';

/**
 * CoQA's official scores (Reddy et al. 2019, section 6.1; evaluate-v1.0.py), 0 to 1: SQuAD's EM and F1, the mean over
 * the references of the best score against the others, since a person is measured that way; a single reference is
 * compared with as it is. The official script keeps equal references, lm-eval leaves out those that differ in case only.
 */
export function coqaScores(prediction: string, golds: readonly string[]): { em: number; f1: number } {
  return { em: leaveOneOut(prediction, golds, squadEm), f1: leaveOneOut(prediction, golds, squadF1) };
}
