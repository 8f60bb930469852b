/** The words of a text, by the definition's own expression. */
export const plainWords = (text: string): string[] =>
  text
    .normalize('NFC')
    .toLowerCase()
    .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];

/** The n-grams of a text as strings; the whole where it is shorter than n. */
export function plainGrams(text: string, n: number): string[] {
  const words = plainWords(text);
  if (words.length === 0) return [];
  const length = Math.min(n, words.length);
  return Array.from({ length: words.length - length + 1 }, (_, i) => words.slice(i, i + length).join(' '));
}

/** All runs of n words of the documents. */
export function plainSet(documents: readonly string[], n: number): Set<string> {
  const grams = new Set<string>();
  for (const document of documents) {
    const words = plainWords(document);
    for (let i = 0; i + n <= words.length; i++) grams.add(words.slice(i, i + n).join(' '));
  }
  return grams;
}
