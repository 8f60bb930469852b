import { expect, test } from 'vitest';
import { firstBeyondChance, guessing, type ScoreAtStep } from '../../src/stats/beyond.ts';
import { meanInterval, wilson } from '../../src/stats/interval.ts';
import { binomialCdf } from '../../src/stats/paired.ts';
import { random } from '../../src/stats/random.ts';

const share = (step: number, right: number, n: number): ScoreAtStep => ({ step, n, ...wilson(right, n) });

test('shares of independent answers are held against the binomial', () => {
  expect(guessing(share(1, 40, 100), 1 / 3)).toBeCloseTo(1 - binomialCdf(39, 100, 1 / 3), 12);
  expect(guessing(share(1, 0, 100), 1 / 3)).toBe(1);
});

test('clustered scores are held against Student with their own degrees of freedom', () => {
  const values = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? 0 : 1));
  const clusters = values.map((_, i) => String(Math.floor(i / 5)));
  const p = guessing({ step: 1, n: 40, ...meanInterval(values, clusters) }, 0.5);
  expect(p).toBeGreaterThan(0);
  expect(p).toBeLessThan(0.01);
  expect(guessing({ step: 1, n: 3, value: 1, stderr: null, ci95: null }, 0.5)).toBe(1);
});

test('the first step beyond chance, Holm over all steps of all series', () => {
  const rising = [30, 34, 38, 45, 60, 70].map((right, i) => share(1000 * (i + 1), right, 100));
  const flat = [30, 33, 35, 31, 36, 33].map((right, i) => share(1000 * (i + 1), right, 100));
  const series = [rising, flat].map((scores) => ({ chance: 1 / 3, scores }));
  expect(firstBeyondChance(series, 0.05)).toEqual([5000, null]);
  // By itself the fourth score would do.
  expect(guessing(rising[3] as ScoreAtStep, 1 / 3)).toBeLessThan(0.05);
});

test('models that guess are seldom said to be beyond chance', () => {
  let alarms = 0;
  for (let run = 0; run < 300; run++) {
    const source = random('guessers', run);
    const scores = Array.from({ length: 10 }, (_, step) => {
      let right = 0;
      for (let i = 0; i < 120; i++) if (source.next() < 0.25) right++;
      return share(step, right, 120);
    });
    if (firstBeyondChance([{ chance: 0.25, scores }], 0.05)[0] !== null) alarms++;
  }
  expect(alarms / 300).toBeLessThan(0.05 + 2 * Math.sqrt((0.05 * 0.95) / 300));
});
