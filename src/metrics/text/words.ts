import { PYTHON_SPACE } from '../../space.ts';

const SPACE = new RegExp(`[${PYTHON_SPACE}]+`);
/** Python's string.punctuation. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;
/** Between what Python's \b takes for the edges of words: marks are no part of one. */
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

/** The words between white space, as Python's str.split has them. */
export function words(text: string): string[] {
  return text.split(SPACE).filter((word) => word !== '');
}

/** A text without ASCII punctuation. */
export function withoutPunctuation(text: string): string {
  return text.replace(PUNCTUATION, '');
}

/** A lower-case text with a space for each English article. */
export function withoutArticles(text: string): string {
  return text.replace(ARTICLES, ' ');
}

export function countOf<T>(items: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** How many items two collections share, each as often as both have it. */
export function sharedOf<T>(a: ReadonlyMap<T, number>, b: ReadonlyMap<T, number>): number {
  let shared = 0;
  for (const [item, count] of a) shared += Math.min(count, b.get(item) ?? 0);
  return shared;
}
