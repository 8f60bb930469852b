import { expect, test } from 'vitest';
import { firstBeyondChance, guessing, type ScoreAtStep } from '../../src/stats/beyond.ts';
import { meanInterval, wilson } from '../../src/stats/interval.ts';
import { binomialCdf } from '../../src/stats/paired.ts';
import { random } from '../../src/stats/random.ts';
import { tCdf, tQuantile } from '../../src/stats/special.ts';

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

test("a mean's own interval gives Student's test back, also where one end was cut", () => {
  const [stderr, df, value, chance] = [0.05, 7, 0.62, 0.5];
  const half = tQuantile(0.975, df) * stderr;
  const expected = 1 - tCdf((value - chance) / stderr, df);
  const score = { step: 1, n: 40, value, stderr };
  expect(guessing({ ...score, ci95: [value - half, value + half] }, chance)).toBeCloseTo(expected, 6);
  expect(guessing({ ...score, ci95: [value - half, value + half / 2] }, chance)).toBeCloseTo(expected, 6);
  expect(guessing({ ...score, ci95: [value - half / 2, value + half] }, chance)).toBeCloseTo(expected, 6);
  expect(guessing({ ...score, stderr: 0, ci95: [value, value] }, chance)).toBe(1);
  // All right in 12 clusters, or in every draw: as sure as 12 independent answers.
  const perfect = { step: 1, n: 480, value: 1, stderr: 0, ci95: wilson(12, 12).ci95 };
  expect(guessing(perfect, 0.25) / 0.25 ** 12).toBeCloseTo(1, 6);
  expect(guessing({ ...perfect, value: 0, ci95: wilson(0, 12).ci95 }, 0.25)).toBe(1);
  expect(guessing({ ...score, ci95: null }, chance)).toBe(1);
  expect(guessing({ ...score, stderr: null, ci95: [0.6, 0.7] }, chance)).toBe(1);
});

test('series of several lengths keep their own steps, in any order', () => {
  const sure = (step: number): ScoreAtStep => share(step, 95, 100);
  const none = (step: number): ScoreAtStep => share(step, 25, 100);
  const chance = 0.25;
  expect(
    firstBeyondChance(
      [
        { chance, scores: [none(1)] },
        { chance, scores: [sure(30), none(10), sure(20)] },
        { chance, scores: [] },
        { chance, scores: [none(5), sure(7)] },
      ],
      0.05,
    ),
  ).toEqual([null, 20, null, 7]);
  // A p that is alpha itself counts.
  const p = guessing(share(1, 34, 100), chance);
  expect(firstBeyondChance([{ chance, scores: [share(1, 34, 100)] }], p)).toEqual([1]);
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
