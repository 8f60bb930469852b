import { PYTHON_SPACE } from '../../space.ts';
import { tokenize13a, tokenizeIntl } from './bleu-tokenizers.ts';
import { countOf, words } from './words.ts';

/** How a line is cut into words; `none` takes text that is tokenised already, as multi-bleu.perl, at any white space. */
export type BleuTokenizer = '13a' | 'intl' | 'none';

const TOKENIZERS: Readonly<Record<BleuTokenizer, (line: string) => string[]>> = {
  '13a': tokenize13a,
  intl: tokenizeIntl,
  none: words,
};

const ORDER = 4;
const TRAILING_SPACE = new RegExp(`[${PYTHON_SPACE}]+$`);

/**
 * What a sentence adds to the BLEU of its set: ten numbers, the n-grams that are right and those that are there for
 * n = 1 to 4, the hypothesis' length and that of the reference nearest to it (of two as near, the shorter).
 * Occurrences count up to the largest number in any one reference (Papineni et al. 2002, section 2.1).
 */
export function bleuCounts(
  hypothesis: string,
  references: readonly string[],
  tokenizer: BleuTokenizer,
): number[] {
  const cut = (text: string): string[] => TOKENIZERS[tokenizer](text.replace(TRAILING_SPACE, ''));
  const own = cut(hypothesis);
  const theirs = references.map(cut);
  const most = new Map<string, number>();
  for (const reference of theirs) {
    for (const [gram, count] of ngrams(reference)) most.set(gram, Math.max(count, most.get(gram) ?? 0));
  }
  const correct = Array<number>(ORDER).fill(0);
  for (const [gram, count] of ngrams(own)) {
    const order = gram.split(' ').length - 1;
    correct[order] = (correct[order] as number) + Math.min(count, most.get(gram) ?? 0);
  }
  const total = correct.map((_, n) => Math.max(0, own.length - n));
  const lengths = theirs.map((reference) => reference.length).sort((a, b) => a - b);
  let nearest = lengths[0] ?? 0;
  for (const length of lengths) {
    if (Math.abs(length - own.length) < Math.abs(nearest - own.length)) nearest = length;
  }
  return [...correct, ...total, own.length, nearest];
}

/** A word holds no space, so that joined words are told apart. */
function ngrams(tokens: readonly string[]): Map<string, number> {
  const grams: string[] = [];
  for (let n = 1; n <= ORDER; n++) {
    for (let i = 0; i + n <= tokens.length; i++) grams.push(tokens.slice(i, i + n).join(' '));
  }
  return countOf(grams);
}

/**
 * BLEU of a set, 0 to 100, from its sentences' summed counts: the brevity penalty times the geometric mean of the
 * four precisions. With `exp`, precisions of 0 become 1/2, 1/4, … of a match as in mteval-v13a; with `none`, as in
 * multi-bleu.perl, one of them makes the score 0. sacrebleu's corpus_bleu with its defaults otherwise.
 */
export function bleuScore(counts: readonly number[], smoothing: 'exp' | 'none'): number {
  const correct = counts.slice(0, ORDER);
  const total = counts.slice(ORDER, 2 * ORDER);
  const [length = 0, reference = 0] = counts.slice(2 * ORDER);
  if (!correct.some((n) => n > 0)) return 0;
  let sum = 0;
  let smoothed = 1;
  for (let n = 0; n < ORDER; n++) {
    let precision = (100 * (correct[n] as number)) / (total[n] as number);
    if (!(precision > 0)) {
      if (smoothing === 'none' || total[n] === 0) return 0;
      smoothed *= 2;
      precision = 100 / (smoothed * (total[n] as number));
    }
    sum += Math.log(precision);
  }
  const brevity = length < reference ? Math.exp(1 - reference / length) : 1;
  return brevity * Math.exp(sum / ORDER);
}

/** What a BLEU score was made with, in sacrebleu's form. */
export function bleuSignature(
  references: number,
  tokenizer: BleuTokenizer,
  smoothing: 'exp' | 'none',
): string {
  return `nrefs:${references}|case:mixed|eff:no|tok:${tokenizer}|smooth:${smoothing}`;
}
