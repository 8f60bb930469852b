import { words } from './words.ts';

const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

/**
 * DROP's official scores (Dua et al. 2019, section 5; drop_eval.py): answers are sets of spans, each a bag of
 * normalised words; spans are paired so that the sum of their F1 is largest, and a span whose numbers the other
 * lacks is worth nothing. The best EM and the best F1 over the gold answers.
 */
export function dropScores(
  prediction: string | readonly string[],
  golds: readonly (readonly string[])[],
): { em: number; f1: number } {
  const own = (typeof prediction === 'string' ? [prediction] : prediction).map(normalise);
  let [em, f1] = [0, 0];
  for (const gold of golds) {
    if (words(gold[0] ?? '').length === 0) continue;
    const theirs = gold.map(normalise);
    const same = own.length === theirs.length && setsEqual(new Set(own), new Set(theirs));
    em = Math.max(em, same ? 1 : 0);
    f1 = Math.max(f1, alignedF1(own.map(bagOf), theirs.map(bagOf)));
  }
  return { em, f1 };
}

const bagOf = (span: string): Set<string> => new Set(span === '' ? [] : span.split(' '));

function setsEqual(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item));
}

/** What Python's float() takes for a number. */
const NUMBER = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/;
const ODD_NUMBER = /^[+-]?(?:inf|infinity|nan)$/;

const isNumber = (word: string): boolean => NUMBER.test(word.trim()) || ODD_NUMBER.test(word.trim());

/** Numbers all in one form, behind a mark that no other word has, so that 5 and 5.0 are the same word. */
function written(word: string): string {
  const text = word.trim();
  if (NUMBER.test(text)) return `#${Number(text.replaceAll('_', ''))}`;
  return ODD_NUMBER.test(text) ? `#${text}` : word;
}

function normalise(answer: string): string {
  return answer
    .split(/[ -]/)
    .map((token) => {
      const lower = token.toLowerCase();
      const bare = isNumber(lower) ? lower : lower.replace(PUNCTUATION, '');
      return words(written(bare).replace(ARTICLES, ' ')).join(' ');
    })
    .filter((token) => token !== '')
    .join(' ');
}

function alignedF1(predicted: readonly ReadonlySet<string>[], gold: readonly ReadonlySet<string>[]): number {
  const scores = gold.map((g) => predicted.map((p) => (numbersMatch(g, p) ? bagF1(p, g) : 0)));
  const mean = bestAssignment(scores) / Math.max(gold.length, predicted.length);
  return roundTwo(mean);
}

/** As numpy rounds: to even where it stands in the middle. */
function roundTwo(value: number): number {
  const scaled = value * 100;
  const below = Math.floor(scaled);
  const rest = scaled - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
  return (below + (up ? 1 : 0)) / 100;
}

function numbersMatch(gold: ReadonlySet<string>, predicted: ReadonlySet<string>): boolean {
  const numbers = [...gold].filter((word) => word.startsWith('#'));
  return numbers.length === 0 || numbers.some((number) => predicted.has(number));
}

function bagF1(predicted: ReadonlySet<string>, gold: ReadonlySet<string>): number {
  const both = [...gold].filter((word) => predicted.has(word)).length;
  const precision = predicted.size === 0 ? 1 : both / predicted.size;
  const recall = gold.size === 0 ? 1 : both / gold.size;
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}

/** The largest sum of scores of which no two share a row or a column (Kuhn's Hungarian method, in O(n^3)). */
function bestAssignment(scores: readonly (readonly number[])[]): number {
  const [rows, columns] = [scores.length, scores[0]?.length ?? 0];
  if (rows > columns) {
    return bestAssignment(Array.from({ length: columns }, (_, c) => scores.map((row) => row[c] as number)));
  }
  // Potentials of rows and columns, and each column's row; 0 stands for none.
  const [u, v] = [new Float64Array(rows + 1), new Float64Array(columns + 1)];
  const rowOf = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) {
    const least = new Float64Array(columns + 1).fill(Infinity);
    const from = new Int32Array(columns + 1);
    const seen = new Uint8Array(columns + 1);
    rowOf[0] = row;
    let column = 0;
    do {
      seen[column] = 1;
      const current = rowOf[column] as number;
      let [delta, next] = [Infinity, 0];
      for (let c = 1; c <= columns; c++) {
        if (seen[c]) continue;
        const slack = -(scores[current - 1]?.[c - 1] as number) - (u[current] as number) - (v[c] as number);
        if (slack < (least[c] as number)) {
          least[c] = slack;
          from[c] = column;
        }
        if ((least[c] as number) < delta) [delta, next] = [least[c] as number, c];
      }
      for (let c = 0; c <= columns; c++) {
        if (seen[c]) {
          u[rowOf[c] as number] = (u[rowOf[c] as number] as number) + delta;
          v[c] = (v[c] as number) - delta;
        } else least[c] = (least[c] as number) - delta;
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      rowOf[column] = rowOf[from[column] as number] as number;
      column = from[column] as number;
    }
  }
  let sum = 0;
  for (let c = 1; c <= columns; c++) {
    if (rowOf[c]) sum += scores[(rowOf[c] as number) - 1]?.[c - 1] as number;
  }
  return sum;
}
