/**
 * How far `evalgpt check` can be believed: false alarms, power, stopping early. Prints the tables of README.md.
 *
 * npx tsx tests/bench/gate.ts [RUN…]
 *
 * RUN: run folders that hold the same tasks of several equally damaged models, such as copies of one checkpoint with
 * noise of one strength and different seeds (tests/helpers/noised.ts). Without one the false alarms are left out.
 */

import { readStoredRun } from '../../src/check/baseline.ts';
import type { StoredRun } from '../../src/check/items.ts';
import { type CellPair, pairRuns } from '../../src/check/pair.ts';
import { testCell } from '../../src/check/tests.ts';
import { drawsFor, judgeTests, THRESHOLDS } from '../../src/check/verdict.ts';
import { mcnemar, pairedBootstrap, pairedMean, signFlip } from '../../src/stats/paired.ts';
import { pairedPower, requiredPairs } from '../../src/stats/power.ts';
import { type Random, random } from '../../src/stats/random.ts';
import {
  changedAnswers,
  type EProcess,
  lossAtLeast,
  meanIsZero,
  symmetric,
} from '../../src/stats/sequential.ts';
import { readRecord } from '../../src/store/run-folder.ts';

const PAIRS = 500;
const ALPHA = 0.05;
const folders = process.argv.slice(2);

if (folders.length > 0) await falseAlarms();
documents();
power();
sequential();

/** Labels of two equally damaged models, swapped at random by cluster: nothing differs, whatever the scores are. */
async function falseAlarms(): Promise<void> {
  const first = await readRecord(folders[0]!);
  const refs = first.spec.models.map(({ ref }) => ref);
  const runs = await Promise.all(
    refs.map(async (ref) => {
      const parts = await Promise.all(folders.map((folder) => readStoredRun(`${folder}#${ref}`, 'RUN')));
      return { ...parts[0]!, cells: parts.flatMap(({ cells }) => cells) } satisfies StoredRun;
    }),
  );
  const pairs = runs.flatMap((a, i) => runs.slice(i + 1).map((b) => [a, b] as const));
  const clustered = new Map<boolean, { tests: number; rejected: number }>();
  let [alarms, rejections, largest] = [0, 0, 0];
  for (let rep = 0; rep < PAIRS; rep++) {
    const [a, b] = pairs[rep % pairs.length]!;
    const cells = pairRuns(a, b).cells.map((cell) =>
      swapped(cell, random('gate study', rep, cell.before.task.name)),
    );
    const draws = drawsFor(cells.length, ALPHA);
    const tests = cells.map((cell) => testCell(cell, draws));
    const result = judgeTests(tests, THRESHOLDS);
    largest = Math.max(largest, result.tests);
    if (result.verdict === 'regressed') alarms++;
    if (result.cells.some((cell) => cell.tests.some(({ adjusted }) => adjusted <= ALPHA))) rejections++;
    for (const test of tests.flat()) {
      const own = clustered.get(test.clusters < test.n) ?? { tests: 0, rejected: 0 };
      own.tests++;
      if (test.p <= ALPHA) own.rejected++;
      clustered.set(test.clusters < test.n, own);
    }
  }
  const cells = runs[0]!.cells.filter(({ items }) => items.length > 0);
  table(
    ['', 'of', 'p <= 0.05'],
    [
      ...[false, true].map((key) => {
        const { tests, rejected } = clustered.get(key) ?? { tests: 0, rejected: 0 };
        return [
          `single tests, items ${key ? 'in clusters' : 'without clusters'}`,
          String(tests),
          percent(rejected / tests),
        ];
      }),
      [
        `any of ${largest} tests in ${cells.length} cells, after Holm`,
        String(PAIRS),
        percent(rejections / PAIRS),
      ],
      ['exit code 1', String(PAIRS), percent(alarms / PAIRS)],
    ],
  );
}

function swapped(cell: CellPair, source: Random): CellPair {
  const sides = new Map<string, boolean>();
  const items = cell.items.map((item) => {
    const { cluster } = item.before;
    if (!sides.has(cluster)) sides.set(cluster, source.below(2) === 1);
    return sides.get(cluster) ? { before: item.after, after: item.before } : item;
  });
  return { ...cell, items };
}

/** Few documents of uneven length, nothing differs: how often does each method say that something does? */
function documents(): void {
  const rows = [5, 8, 12, 30, 100].map((groups) => {
    let [bootstrap, t, flips] = [0, 0, 0];
    const runs = 1000;
    for (let run = 0; run < runs; run++) {
      const source = random('documents', groups, run);
      const lengths = Array.from({ length: groups }, () => Math.ceil(Math.exp(3 + normal(source))));
      const before = lengths.map((length) => [-3 * length, length]);
      const differences = lengths.map((length) => normal(source) * Math.sqrt(length));
      const after = before.map(([logprob = 0, length = 0], g) => [logprob + differences[g]!, length]);
      const score = ([logprob = 0, length = 1]: readonly number[]): number => logprob / length;
      const excludes = (ci: readonly [number, number] | null): boolean =>
        ci !== null && (ci[0] > 0 || ci[1] < 0);
      const names = lengths.map((_, g) => String(g));
      if (excludes(pairedBootstrap({ before, after, score }, 100).ci95)) bootstrap++;
      if (excludes(pairedMean(differences, names, null).ci95)) t++;
      if (signFlip(differences, 9_999).p <= ALPHA) flips++;
    }
    return [String(groups), ...[bootstrap, t, flips].map((count) => percent(count / runs))];
  });
  table(['documents', 'paired bootstrap', "Student's t", 'sign flips'], rows);
}

/** A loss of so many points where so many answers change: how often is it found? */
function power(): void {
  const runs = 400;
  const rows = [500, 1000, 5000].flatMap((n) =>
    [2, 3, 5].flatMap((points) =>
      [0.1, 0.2].map((discordance) => {
        const effect = { discordance, effect: points / 100 };
        const strict = ALPHA / 40;
        let [single, family] = [0, 0];
        for (let run = 0; run < runs; run++) {
          const source = random('power', n, points, discordance, run);
          const lossShare = (1 + effect.effect / discordance) / 2;
          let [lost, won] = [0, 0];
          for (let i = 0; i < n; i++) {
            if (source.next() >= discordance) continue;
            if (source.next() < lossShare) lost++;
            else won++;
          }
          const { p } = mcnemar(lost, won);
          if (lost > won && p <= ALPHA) single++;
          if (lost > won && p <= strict) family++;
        }
        return [
          ...[String(n), String(points), percent(discordance)],
          ...[percent(single / runs), percent(pairedPower(effect, n, ALPHA))],
          ...[percent(family / runs), percent(pairedPower(effect, n, strict))],
          requiredPairs(effect, { alpha: strict, power: 0.8 }).toLocaleString('en-US'),
        ];
      }),
    ),
  );
  table(
    [
      'n',
      'points lost',
      'answers that change',
      'found',
      'theory',
      'found, 1st of 40 tests',
      'theory',
      'n for 80 % of 40',
    ],
    rows,
  );
}

/** Looked at after every item. */
function sequential(): void {
  const runs = 1000;
  const most = 5000;
  const change =
    (changed: number, lost: number) =>
    (source: Random): number =>
      source.next() >= changed ? 0 : source.next() < lost ? -1 : 1;
  const scenarios: readonly (readonly [string, () => EProcess, (source: Random) => number, number | null])[] =
    [
      ['no loss, 10 % change', changedAnswers, change(0.1, 0.5), null],
      ['no loss, 50 % change', changedAnswers, change(0.5, 0.5), null],
      [
        '2 points lost, 10 % change',
        changedAnswers,
        change(0.1, 0.6),
        requiredPairs({ discordance: 0.1, effect: 0.02 }, { alpha: ALPHA, power: 0.8 }),
      ],
      [
        '5 points lost, 10 % change',
        changedAnswers,
        change(0.1, 0.75),
        requiredPairs({ discordance: 0.1, effect: 0.05 }, { alpha: ALPHA, power: 0.8 }),
      ],
      [
        '10 points lost, 20 % change',
        changedAnswers,
        change(0.2, 0.75),
        requiredPairs({ discordance: 0.2, effect: 0.1 }, { alpha: ALPHA, power: 0.8 }),
      ],
      ['scores: 10 % lose 50 points, 90 % gain 5.6', meanIsZero, uneven, null],
      ['scores: the same, and 3 points lost', meanIsZero, (source) => uneven(source) - 0.03, null],
      ['nats: no change', () => symmetric(0), normal, null],
      [
        'nats: 0.1 deviations lost',
        () => symmetric(0),
        (source) => normal(source) - 0.1,
        Math.ceil((2.8 / 0.1) ** 2),
      ],
      [
        'nats: 0.3 deviations lost',
        () => symmetric(0),
        (source) => normal(source) - 0.3,
        Math.ceil((2.8 / 0.3) ** 2),
      ],
      ['a loss at the margin of 2 points', () => lossAtLeast(0.02), change(0.1, 0.6), null],
      ['margin of 2 points, nothing changed', () => lossAtLeast(0.02), () => 0, null],
      ['margin of 2 points, nothing lost, 2 % change', () => lossAtLeast(0.02), change(0.02, 0.5), null],
    ];
  const rows = scenarios.map(([name, make, draw, fixed]) => {
    let found = 0;
    const stops: number[] = [];
    for (let run = 0; run < runs; run++) {
      const source = random('sequential', name, run);
      const process = make();
      let stop = most;
      for (let i = 1; i <= most; i++) {
        process.add(draw(source));
        if (process.p > ALPHA) continue;
        stop = i;
        found++;
        break;
      }
      stops.push(stop);
    }
    stops.sort((a, b) => a - b);
    const mean = stops.reduce((a, b) => a + b, 0) / runs;
    return [
      name,
      percent(found / runs),
      mean.toFixed(0),
      String(stops[runs / 2]),
      fixed === null ? '' : String(fixed),
    ];
  });
  table(['', `p <= 0.05 by item ${most}`, 'items until then, mean', 'median', 'fixed n for 80 %'], rows);
}

/** Few large losses and many small gains, of mean 0. */
function uneven(source: Random): number {
  return source.next() < 0.1 ? -0.5 : 0.5 / 9;
}

function normal(source: Random): number {
  return Math.sqrt(-2 * Math.log(1 - source.next())) * Math.cos(2 * Math.PI * source.next());
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  console.log([line(header), `|${' --- |'.repeat(header.length)}`, ...rows.map(line), ''].join('\n'));
}
