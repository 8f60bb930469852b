import { countOf, sharedOf } from './words.ts';

/**
 * ROUGE-1, ROUGE-2 and ROUGE-L of one prediction against one reference (Lin 2004), F-measures of 0 to 1, as Google's
 * rouge_score has them with use_stemmer=False: words are runs of a-z and 0-9 of the lower-case text, n-grams count as
 * often as both have them, ROUGE-L is the longest common subsequence of the whole texts, line breaks or not.
 */
export function rouge(
  reference: string,
  prediction: string,
): { rouge1: number; rouge2: number; rougeL: number } {
  const [wanted, found] = [tokens(reference), tokens(prediction)];
  return {
    rouge1: overlap(wanted, found),
    rouge2: overlap(bigrams(wanted), bigrams(found)),
    rougeL: fMeasure(longestCommon(wanted, found), wanted.length, found.length),
  };
}

/** Letters with accents are no letters here: "naïve" is "na" and "ve". */
function tokens(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

function bigrams(words: readonly string[]): string[] {
  return words.slice(1).map((word, i) => `${words[i]} ${word}`);
}

function overlap(wanted: readonly string[], found: readonly string[]): number {
  return fMeasure(sharedOf(countOf(found), countOf(wanted)), wanted.length, found.length);
}

function fMeasure(hits: number, wanted: number, found: number): number {
  const [precision, recall] = [hits / Math.max(found, 1), hits / Math.max(wanted, 1)];
  return precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
}

/** Length of the longest common subsequence, row by row of the usual table. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  let above = new Uint32Array(b.length + 1);
  for (const word of a) {
    const row = new Uint32Array(b.length + 1);
    for (let j = 0; j < b.length; j++) {
      row[j + 1] =
        word === b[j] ? (above[j] as number) + 1 : Math.max(above[j + 1] as number, row[j] as number);
    }
    above = row;
  }
  return above[b.length] as number;
}
