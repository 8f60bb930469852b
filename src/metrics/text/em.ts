import { withoutArticles, words } from './words.ts';

/** string.punctuation and the quotes that TriviaQA's script adds to it. */
const PUNCTUATION = /[!-/:-@[-`{-~‘’´]/g;

/**
 * TriviaQA's normalisation (triviaqa_evaluation.py): lower case, no articles, single spaces. Unlike SQuAD's, it puts a
 * space for punctuation: "rock'n'roll" is three words.
 */
export function triviaqaNormalise(text: string): string {
  return words(withoutArticles(text.toLowerCase().replace(PUNCTUATION, ' '))).join(' ');
}

/**
 * Exact match of open question answering (TriviaQA, Joshi et al. 2017): 1 where the prediction is one of the golds when
 * both are normalised, else 0.
 */
export function exactMatch(
  prediction: string,
  golds: readonly string[],
  normalise: (text: string) => string,
): number {
  const own = normalise(prediction);
  return golds.some((gold) => normalise(gold) === own) ? 1 : 0;
}
