import { describe, expect, test } from 'vitest';
import { random } from '../../src/stats/random.ts';
import {
  changedAnswers,
  type EProcess,
  lossAtLeast,
  meanIsZero,
  symmetric,
} from '../../src/stats/sequential.ts';

const RUNS = 1500;
const ITEMS = 600;

/** Share of runs in which a process, looked at after every item, ever gives p <= alpha; and where it did on average. */
function everRejects(
  make: () => EProcess,
  draw: (next: () => number) => number,
  alpha: number,
): { share: number; items: number } {
  let [count, items] = [0, 0];
  for (let run = 0; run < RUNS; run++) {
    const source = random('sequential test', run);
    const process = make();
    let stopped = ITEMS;
    for (let i = 0; i < ITEMS; i++) {
      process.add(draw(() => source.next()));
      if (process.p > alpha) continue;
      stopped = i + 1;
      count++;
      break;
    }
    items += stopped;
  }
  return { share: count / RUNS, items: items / RUNS };
}

/** An item's change where a share of the answers changes, and a share of these is lost. */
const change =
  (changed: number, lost: number) =>
  (next: () => number): number =>
    next() >= changed ? 0 : next() < lost ? -1 : 1;

/** Two deviations above what a true rate of alpha gives in so many runs. */
const bound = (alpha: number): number => alpha + 2 * Math.sqrt((alpha * (1 - alpha)) / RUNS);

describe('looked at after every item', () => {
  test('changed answers raise no more false alarms than alpha, and find a loss early', () => {
    expect(everRejects(changedAnswers, change(0.2, 0.5), 0.05).share).toBeLessThan(bound(0.05));
    expect(everRejects(changedAnswers, change(0.9, 0.5), 0.05).share).toBeLessThan(bound(0.05));
    const found = everRejects(changedAnswers, change(0.2, 0.8), 0.05);
    expect(found.share).toBeGreaterThan(0.99);
    expect(found.items).toBeLessThan(ITEMS / 2);
  });

  test('a loss at the margin is ruled out no more often than alpha', () => {
    const atMargin = everRejects(() => lossAtLeast(0.05), change(0.15, 2 / 3), 0.05);
    expect(atMargin.share).toBeLessThan(bound(0.05));
    expect(everRejects(() => lossAtLeast(0.05), change(0.02, 0.5), 0.05).share).toBeGreaterThan(0.9);
  });

  test('sizes count, not signs: small gains that make up for few large losses are no change', () => {
    const uneven = (next: () => number): number => (next() < 0.1 ? -0.5 : 0.5 / 9);
    expect(everRejects(meanIsZero, uneven, 0.05).share).toBeLessThan(bound(0.05));
    expect(everRejects(changedAnswers, uneven, 0.05).share).toBeGreaterThan(0.9);
    expect(everRejects(meanIsZero, (next) => uneven(next) - 0.06, 0.05).share).toBeGreaterThan(0.95);
    expect(everRejects(meanIsZero, (next) => uneven(next) + 0.06, 0.05).share).toBeGreaterThan(0.95);
  });

  test('where nothing is lost, a loss is ruled out after as many items as would have met it', () => {
    const clean = everRejects(
      () => lossAtLeast(0.02),
      () => 0,
      0.025,
    );
    expect(clean.share).toBe(1);
    // Without the half that is on other bets, ln(0.025) / ln(0.98) = 183.
    expect(clean.items).toBeGreaterThan(183);
    expect(clean.items).toBeLessThan(225);
    const rare = everRejects(() => lossAtLeast(0.02), change(0.02, 1), 0.025);
    expect(rare.share).toBeLessThan(bound(0.025));
  });

  test('symmetric differences of any tails raise no more false alarms than alpha', () => {
    const normal = (next: () => number): number =>
      Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    const heavy = (next: () => number): number => Math.tan(Math.PI * (next() - 0.5));
    for (const side of [0, 1] as const) {
      for (const draw of [normal, heavy])
        expect(everRejects(() => symmetric(side), draw, 0.05).share).toBeLessThan(bound(0.05));
    }
    const shifted = (next: () => number): number => normal(next) - 0.3;
    expect(everRejects(() => symmetric(0), shifted, 0.05).share).toBeGreaterThan(0.97);
    expect(everRejects(() => symmetric(1), shifted, 0.05).share).toBeLessThan(0.02);
  });
});
