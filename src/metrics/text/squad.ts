import { countOf, sharedOf, withoutArticles, withoutPunctuation, words } from './words.ts';

/**
 * SQuAD's normalisation (Rajpurkar et al. 2016; evaluate-v1.1.py, evaluate-v2.0.py): lower case; no ASCII punctuation,
 * no articles, single spaces.
 */
export function normaliseAnswer(text: string): string {
  return words(withoutArticles(withoutPunctuation(text.toLowerCase()))).join(' ');
}

/** SQuAD's exact match (Rajpurkar et al. 2016): 1 where both are the same when normalised, else 0. */
export function squadEm(prediction: string, gold: string): number {
  return normaliseAnswer(prediction) === normaliseAnswer(gold) ? 1 : 0;
}

/**
 * F1, 0 to 1, of the words that both have, as often as both have them. Where either has none, 1 if neither has, else 0
 * (SQuAD 2.0's evaluation script).
 */
export function squadF1(prediction: string, gold: string): number {
  return tokenF1(words(normaliseAnswer(prediction)), words(normaliseAnswer(gold)));
}

function tokenF1(prediction: readonly string[], gold: readonly string[]): number {
  if (prediction.length === 0 || gold.length === 0) return prediction.length === gold.length ? 1 : 0;
  const both = sharedOf(countOf(prediction), countOf(gold));
  if (both === 0) return 0;
  const [precision, recall] = [both / prediction.length, both / gold.length];
  return (2 * precision * recall) / (precision + recall);
}

/** The score against the reference that gives the best one, as SQuAD's scripts take it; 0 where there is none. */
export function bestOf(
  prediction: string,
  golds: readonly string[],
  score: (prediction: string, gold: string) => number,
): number {
  return golds.reduce((best, gold) => Math.max(best, score(prediction, gold)), 0);
}

/**
 * Of several references each is left out in turn, and the mean taken of the best scores against the others, as for
 * the people who wrote the references.
 */
export function leaveOneOut(
  prediction: string,
  golds: readonly string[],
  score: (prediction: string, gold: string) => number,
): number {
  if (golds.length < 2) return bestOf(prediction, golds, score);
  const bests = golds.map((_, out) => bestOf(prediction, golds.toSpliced(out, 1), score));
  return bests.reduce((sum, best) => sum + best, 0) / bests.length;
}
