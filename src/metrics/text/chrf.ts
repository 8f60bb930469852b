import { countOf, sharedOf, words } from './words.ts';

const ORDER = 6;
/** Recall counts twice as much as precision. */
const BETA = 2;

/** What a chrF score is made with, in sacrebleu's form. */
export const CHRF_SIGNATURE = 'nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no';

/**
 * What a sentence adds to the chrF of its set (Popović 2015): eighteen numbers, for n-grams of 1 to 6 characters
 * (code points, white space left out) those of the hypothesis, those of the reference and those of both; of several
 * references the one with the best score.
 */
export function chrfCounts(hypothesis: string, references: readonly string[]): number[] {
  const own = ngramsByOrder(hypothesis);
  let best: number[] = [];
  for (const reference of references) {
    const counts = ngramsByOrder(reference).flatMap((theirs, n) => {
      const ours = own[n] as Map<string, number>;
      // A reference too short for this order has no say in it.
      return [theirs.size > 0 ? sumOf(ours) : 0, sumOf(theirs), sharedOf(ours, theirs)];
    });
    if (best.length === 0 || chrfScore(counts) > chrfScore(best)) best = counts;
  }
  return best;
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

function ngramsByOrder(text: string): Map<string, number>[] {
  const characters = [...words(text).join('')];
  return Array.from({ length: ORDER }, (_, n) => {
    const grams: string[] = [];
    for (let i = 0; i + n < characters.length; i++) grams.push(characters.slice(i, i + n + 1).join(''));
    return countOf(grams);
  });
}

/**
 * chrF2 of a set, 0 to 100, from its sentences' summed counts: the F-score of mean precision and mean recall over
 * the orders that both sides have, as sacrebleu's without smoothing.
 */
export function chrfScore(counts: readonly number[]): number {
  let [precision, recall, orders] = [0, 0, 0];
  for (let n = 0; n < ORDER; n++) {
    const [there = 0, wanted = 0, both = 0] = counts.slice(3 * n, 3 * n + 3);
    if (there === 0 || wanted === 0) continue;
    precision += both / there;
    recall += both / wanted;
    orders++;
  }
  if (precision + recall === 0) return 0;
  precision /= orders;
  recall /= orders;
  const factor = BETA ** 2;
  return 100 * (((1 + factor) * precision * recall) / (factor * precision + recall));
}
