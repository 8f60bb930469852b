import { countOf, sharedOf } from './words.ts';

/**
 * ROUGE-1, ROUGE-2 and ROUGE-L of one prediction against one reference (Lin 2004), F-measures of 0 to 1, as Google's
 * rouge_score has them with use_stemmer=False: words are runs of a-z and 0-9 of the lower-case text, n-grams count as
 * often as both have them. ROUGE-L is that of summaries (section 3.2; rougeLsum there, and what ROUGE-1.5.5 prints), whose
 * sentences stand on a line each: the words of each reference sentence that are in a longest common subsequence with any
 * sentence of the prediction, as often as both have them. Of texts of one line it is the longest common subsequence.
 */
export function rouge(
  reference: string,
  prediction: string,
): { rouge1: number; rouge2: number; rougeL: number } {
  const [wanted, found] = [tokens(reference), tokens(prediction)];
  return {
    rouge1: overlap(wanted, found),
    rouge2: overlap(bigrams(wanted), bigrams(found)),
    rougeL: fMeasure(unionHits(sentences(reference), sentences(prediction)), wanted.length, found.length),
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

function sentences(text: string): string[][] {
  return text
    .split('\n')
    .map(tokens)
    .filter((words) => words.length > 0);
}

/** Words of the reference's sentences that some sentence of the prediction has in order, none more often than both. */
function unionHits(reference: readonly string[][], prediction: readonly string[][]): number {
  const left = countOf(reference.flat());
  const free = countOf(prediction.flat());
  let hits = 0;
  for (const wanted of reference) {
    const union = new Set(prediction.flatMap((found) => commonPlaces(wanted, found)));
    for (const place of union) {
      const word = wanted[place] as string;
      const [a, b] = [left.get(word) ?? 0, free.get(word) ?? 0];
      if (a === 0 || b === 0) continue;
      left.set(word, a - 1);
      free.set(word, b - 1);
      hits++;
    }
  }
  return hits;
}

/** Places in `a` of a longest common subsequence: the one that is found from the end, a's words left out first on ties. */
function commonPlaces(a: readonly string[], b: readonly string[]): number[] {
  const rows = [new Uint32Array(b.length + 1)];
  for (const [i, word] of a.entries()) {
    const above = rows[i] as Uint32Array;
    const row = new Uint32Array(b.length + 1);
    for (let j = 0; j < b.length; j++)
      row[j + 1] =
        word === b[j] ? (above[j] as number) + 1 : Math.max(above[j + 1] as number, row[j] as number);
    rows.push(row);
  }
  const at = (i: number, j: number): number => (rows[i] as Uint32Array)[j] as number;
  const places: number[] = [];
  let [i, j] = [a.length, b.length];
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      places.push(i - 1);
      i--;
      j--;
    } else if (at(i, j - 1) > at(i - 1, j)) j--;
    else i--;
  }
  return places.reverse();
}
