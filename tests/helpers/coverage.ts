import { groupResults } from '../../src/metrics/groups.ts';
import { bleuCounts, bleuScore } from '../../src/metrics/text/bleu.ts';
import { chrfCounts, chrfScore } from '../../src/metrics/text/chrf.ts';
import type { CellResult } from '../../src/record.ts';
import { crossedBootstrap, crossedInterval } from '../../src/stats/crossed.ts';
import { difference } from '../../src/stats/disjoint.ts';
import {
  bootstrapInterval,
  type Estimate,
  meanInterval,
  ratioInterval,
  wilson,
} from '../../src/stats/interval.ts';
import { pairedBootstrap, pairedMean, pairedShares } from '../../src/stats/paired.ts';
import { type Random, random } from '../../src/stats/random.ts';

/** One way of making data, with the number that an interval of it should hold. */
export interface Simulated {
  readonly name: string;
  readonly truth: number;
  readonly make: (source: Random) => Estimate;
  /** Simulations that the bench makes; bootstraps are dear. */
  readonly runs: number;
  /** Where theory is known to be weak: the least share that a few simulations may hold, of 0.88. */
  readonly least?: number;
}

function normal(source: Random): number {
  return Math.sqrt(-2 * Math.log(1 - source.next())) * Math.cos(2 * Math.PI * source.next());
}

const list = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const meanOf = (values: readonly number[], items: Iterable<number>): number => {
  let [sum, count] = [0, 0];
  for (const i of items) {
    sum += values[i] ?? 0;
    count++;
  }
  return sum / count;
};
const share = (n: number, p: number, source: Random): number =>
  list(n, () => +(source.next() < p)).reduce((a, b) => a + b, 0);

/** Answers right or wrong, items of a cluster alike: each cluster has a chance of its own, of mean p. */
function clusteredAnswers(
  groups: number,
  size: number,
  p: number,
  source: Random,
): { values: number[]; clusters: string[] } {
  const values: number[] = [];
  const clusters: string[] = [];
  for (let g = 0; g < groups; g++) {
    const own = source.next() < 0.5 ? p + 0.25 : p - 0.25;
    for (let i = 0; i < size; i++) {
      values.push(source.next() < own ? 1 : 0);
      clusters.push(`c${g}`);
    }
  }
  return { values, clusters };
}

const WORDS = 'river lamp stone letter winter bread copper garden signal harbour'.split(' ');

/** A population of answers and references, as counts: what a translation's score is of. */
function population(counts: (answer: string, reference: string) => readonly number[]): (readonly number[])[] {
  const source = random('coverage population');
  return list(2000, () => {
    const reference = list(6 + source.below(15), () => WORDS[source.below(WORDS.length)] as string);
    const noise = source.next() * 0.7;
    const answer = reference.map((word) =>
      source.next() < noise ? (WORDS[source.below(WORDS.length)] as string) : word,
    );
    return counts(answer.join(' '), reference.join(' '));
  });
}

function summed(rows: readonly (readonly number[])[], items: Iterable<number>): number[] {
  const sum: number[] = [];
  for (const i of items)
    for (const [at, v] of (rows[i] as readonly number[]).entries()) sum[at] = (sum[at] ?? 0) + v;
  return sum;
}

function ofTexts(
  name: string,
  n: number,
  rows: readonly (readonly number[])[],
  score: (sum: number[]) => number,
): Simulated {
  return {
    name: `${name}, bootstrap, ${n} items`,
    truth: score(summed(rows, rows.keys())),
    make(source) {
      const drawn = list(n, () => rows[source.below(rows.length)] as readonly number[]);
      return bootstrapInterval(n, (items) => score(summed(drawn, items)));
    },
    runs: 400,
  };
}

/** Draws of shots crossed with items: both have an effect of their own. */
function crossed(d: number, n: number, source: Random): number[][] {
  const items = list(n, () => normal(source));
  return list(d, () => {
    const draw = 0.3 * normal(source);
    return items.map((item) => item + draw + 0.5 * normal(source));
  });
}

const result = (task: string, value: Estimate): CellResult =>
  ({ model: 'm', task, shots: 0, primary: 'acc', metrics: { acc: value } }) as unknown as CellResult;

/** Every interval that a report or a check prints, at small and middling n. */
export function simulations(): Simulated[] {
  const bleu = population((answer, reference) => bleuCounts(answer, [reference], '13a'));
  const chrf = population((answer, reference) => chrfCounts(answer, [reference]));
  const scoreBleu = (sum: readonly number[]): number => bleuScore(sum, 'exp');
  return [
    ...[10, 30, 100, 1000].flatMap((n) =>
      [0.25, 0.5, 0.95].map(
        (p): Simulated => ({
          name: `share ${p}, Wilson, ${n} items`,
          truth: p,
          make: (s) => wilson(share(n, p, s), n),
          runs: 4000,
        }),
      ),
    ),
    ...[5, 30, 200].map(
      (n): Simulated => ({
        name: `mean log-probability, t, ${n} items`,
        truth: -Math.exp(0.32),
        make: (s) => meanInterval(list(n, () => -Math.exp(0.8 * normal(s)))),
        runs: 4000,
        ...(n === 5 && { least: 0.8 }),
      }),
    ),
    ...[8, 30, 100].map(
      (g): Simulated => ({
        name: `share in clusters of 5, t, ${g} clusters`,
        truth: 0.5,
        make(s) {
          const { values, clusters } = clusteredAnswers(g, 5, 0.5, s);
          return meanInterval(values, clusters);
        },
        runs: 4000,
      }),
    ),
    ...[10, 30, 100].map(
      (n): Simulated => ({
        name: `log-probability per token, ratio by text, ${n} texts`,
        truth: -2,
        make(s) {
          const tokens = list(n, () => 20 + s.below(200));
          return ratioInterval(
            tokens.map((t) => -2 * t + Math.sqrt(t) * 3 * normal(s) + 0.2 * t * normal(s)),
            tokens,
          );
        },
        runs: 4000,
      }),
    ),
    ...[30, 100].flatMap((n) => [ofTexts('BLEU', n, bleu, scoreBleu), ofTexts('chrF', n, chrf, chrfScore)]),
    ...[
      [3, 30],
      [5, 30],
      [3, 200],
    ].map(
      ([d, n]): Simulated => ({
        name: `mean over ${d} draws and ${n} items, crossed`,
        truth: 0,
        make: (s) => crossedInterval(crossed(d as number, n as number, s), list(n as number, String)),
        runs: 3000,
      }),
    ),
    ...[3, 5].map(
      (d): Simulated => ({
        name: `mean over ${d} draws and 50 items, crossed bootstrap`,
        truth: 0,
        make(s) {
          const values = crossed(d, 50, s);
          return crossedBootstrap(d, list(50, String), (draw, items) => meanOf(values[draw] ?? [], items));
        },
        runs: 400,
      }),
    ),
    {
      name: 'mean in clusters of 5, bootstrap, 30 clusters',
      truth: 0,
      make(s) {
        const own = list(30, () => normal(s));
        const values = list(150, (i) => (own[Math.floor(i / 5)] as number) + normal(s));
        const clusters = list(150, (i) => String(Math.floor(i / 5)));
        return bootstrapInterval(150, (items) => meanOf(values, items), clusters);
      },
      runs: 400,
    },
    ...[30, 100, 500].map(
      (n): Simulated => ({
        name: `paired difference of shares, Tango, ${n} items`,
        truth: 0.05,
        make(s) {
          let [lost, won] = [0, 0];
          for (let i = 0; i < n; i++) {
            const u = s.next();
            if (u < 0.1) lost++;
            else if (u < 0.25) won++;
          }
          return pairedShares(lost, won, n);
        },
        runs: 4000,
      }),
    ),
    ...[10, 30, 100].map(
      (g): Simulated => ({
        name: `paired mean difference in clusters of 3, t, ${g} clusters`,
        truth: 0.1,
        make(s) {
          const own = list(g, () => 0.1 + 0.5 * normal(s));
          return pairedMean(
            list(3 * g, (i) => (own[Math.floor(i / 3)] as number) + normal(s)),
            list(3 * g, (i) => String(Math.floor(i / 3))),
            null,
          );
        },
        runs: 4000,
      }),
    ),
    {
      name: 'paired difference of BLEU, bootstrap, 50 items',
      truth: 0,
      make(s) {
        const draw = (): (readonly number[])[] =>
          list(50, () => bleu[s.below(bleu.length)] as readonly number[]);
        return pairedBootstrap({ before: draw(), after: draw(), score: scoreBleu }, 100);
      },
      runs: 300,
    },
    ...[
      [30, 10],
      [100, 30],
      [500, 50],
    ].map(
      ([a, b]): Simulated => ({
        name: `clean less dirty share, MOVER, ${a} and ${b} items`,
        truth: -0.1,
        make: (s) =>
          difference(
            wilson(share(a as number, 0.6, s), a as number),
            wilson(share(b as number, 0.7, s), b as number),
          ),
        runs: 4000,
      }),
    ),
    ...[
      [4, 30],
      [57, 30],
      [4, 200],
    ].map(
      ([tasks, n]): Simulated => ({
        name: `mean of ${tasks} tasks of ${n} items each, normal`,
        truth: 0.4,
        make(s) {
          const results = list(tasks as number, (t) =>
            result(`t${t}`, wilson(share(n as number, 0.4, s), n as number)),
          );
          const [mean] = groupResults(
            [{ name: 'g', members: results.map(({ task }) => ({ task })) }],
            results,
          );
          return mean as Estimate;
        },
        runs: 2000,
      }),
    ),
  ];
}

/** The share of simulations whose interval holds the truth; one without an interval does not. */
export function coverageOf({ name, truth, make }: Simulated, runs: number): number {
  const source = random('coverage', name);
  let held = 0;
  for (let i = 0; i < runs; i++) {
    const { ci95 } = make(source);
    if (ci95 && ci95[0] <= truth && truth <= ci95[1]) held++;
  }
  return held / runs;
}
