import { bestAssignment } from './assignment.ts';
import { floatText, pythonFloat } from './python-float.ts';
import { withoutArticles, withoutPunctuation, words } from './words.ts';

/**
 * DROP's official scores (Dua et al. 2019, section 5; drop_eval.py, and lm-eval's the same): an answer is spans, each a
 * bag of normalised words. EM is 1 where the spans are the same. For F1, spans are paired one to one so that the sum of
 * their F1 is largest, a pair counting nothing where the gold span has numbers and the other none of them; the sum is
 * divided by the larger number of spans and rounded to two digits.
 * @param golds the accepted answers, each a number, a date or several spans; one whose first span is blank is left out
 * @returns the best EM and the best F1 over the golds, 0 to 1
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

/** Numbers all in one form, so that 5, 5.0 and $5 are the same word; other words as SQuAD has them. */
function normalise(answer: string): string {
  return answer
    .split(/[ -]/)
    .map((token) => {
      const lower = token.toLowerCase();
      // A number keeps its point: 5.5 is not 55.
      const bare = pythonFloat(lower) === undefined ? withoutPunctuation(lower) : lower;
      const number = pythonFloat(bare);
      return words(withoutArticles(number === undefined ? bare : floatText(number))).join(' ');
    })
    .filter((token) => token !== '')
    .join(' ');
}

const bagOf = (span: string): Set<string> => new Set(words(span));

function setsEqual(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item));
}

function alignedF1(predicted: readonly ReadonlySet<string>[], gold: readonly ReadonlySet<string>[]): number {
  const scores = gold.map((g) => predicted.map((p) => (numbersMatch(g, p) ? bagF1(p, g) : 0)));
  const spans = Math.max(gold.length, predicted.length);
  return roundTwo(sumOf([...bestAssignment(scores), ...Array<number>(spans - gold.length).fill(0)]) / spans);
}

/** As numpy adds, in eight sums side by side: a mean of 0.275 may be just below or above it. */
function sumOf(values: readonly number[]): number {
  const whole = values.length - (values.length % 8);
  const lanes = Array<number>(8).fill(0);
  for (let i = 0; i < whole; i++) lanes[i % 8] = (lanes[i % 8] as number) + (values[i] as number);
  const [a, b, c, d, e, f, g, h] = lanes as [number, number, number, number, number, number, number, number];
  return values.slice(whole).reduce((sum, value) => sum + value, a + b + (c + d) + (e + f + (g + h)));
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
  const numbers = [...gold].filter((word) => pythonFloat(word) !== undefined);
  return numbers.length === 0 || numbers.some((number) => predicted.has(number));
}

function bagF1(predicted: ReadonlySet<string>, gold: ReadonlySet<string>): number {
  const both = [...gold].filter((word) => predicted.has(word)).length;
  const precision = predicted.size === 0 ? 1 : both / predicted.size;
  const recall = gold.size === 0 ? 1 : both / gold.size;
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}
