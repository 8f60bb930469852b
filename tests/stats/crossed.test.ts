import { describe, expect, test } from 'vitest';
import { crossedBootstrap, crossedInterval } from '../../src/stats/crossed.ts';
import { meanInterval } from '../../src/stats/interval.ts';
import { random } from '../../src/stats/random.ts';

/** Standard normal numbers (Box and Muller 1958). */
function normals(...key: readonly (string | number)[]): () => number {
  const source = random(...key);
  return () => Math.sqrt(-2 * Math.log(1 - source.next())) * Math.cos(2 * Math.PI * source.next());
}

/** Draws by items: item, draw and residual effects of the given spreads around 0. */
function table(
  key: number,
  [d, n]: readonly [number, number],
  [item, draw, rest]: readonly [number, number, number],
): number[][] {
  const normal = normals('crossed', key);
  const items = Array.from({ length: n }, () => item * normal());
  return Array.from({ length: d }, () => {
    const own = draw * normal();
    return items.map((value) => value + own + rest * normal());
  });
}
const distinct = (n: number): string[] => Array.from({ length: n }, (_, i) => String(i));

describe('crossedInterval', () => {
  test('by hand: three draws by four items', () => {
    const values = [
      [4, 6, 5, 9],
      [6, 7, 9, 10],
      [8, 9, 8, 11],
    ];
    // Item means 6, 22/3, 22/3, 10; draw means 6, 8, 9; mean 23/3.
    const ofItems = ((6 - 23 / 3) ** 2 + 2 * (22 / 3 - 23 / 3) ** 2 + (10 - 23 / 3) ** 2) / 3 / 4;
    const ofDraws = ((6 - 23 / 3) ** 2 + (8 - 23 / 3) ** 2 + (9 - 23 / 3) ** 2) / 2 / 3;
    const { value, stderr } = crossedInterval(values, distinct(4));
    expect(value).toBeCloseTo(23 / 3, 12);
    expect(stderr).toBeCloseTo(Math.sqrt(ofItems + ofDraws), 12);
  });

  test('draws that do not differ leave the interval of the items', () => {
    const items = [0, 1, 1, 0, 1, 1, 1, 0];
    const crossed = crossedInterval([items, items, items], distinct(8));
    const plain = meanInterval(items, distinct(8));
    expect(crossed.stderr).toBeCloseTo(plain.stderr!, 12);
    expect(crossed.ci95![0]).toBeCloseTo(plain.ci95![0], 9);
  });

  test('a single item or draw has no spread', () => {
    expect(crossedInterval([[1], [0], [1]], ['a'])).toEqual({ value: 2 / 3, stderr: null, ci95: null });
    expect(crossedInterval([[1, 0]], ['a', 'b']).ci95).toBeNull();
    expect(
      crossedInterval(
        [
          [1, 1],
          [1, 1],
        ],
        ['a', 'b'],
      ),
    ).toEqual({ value: 1, stderr: 0, ci95: [1, 1] });
  });

  test.each<[string, [number, number], [number, number, number]]>([
    ['items matter most', [5, 60], [1, 0.05, 0.5]],
    ['draws matter most', [5, 60], [0.3, 0.5, 0.5]],
    ['both, few draws', [3, 40], [0.5, 0.2, 1]],
    ['residuals alone', [5, 40], [0, 0, 1]],
  ])('holds the truth 95 times of 100: %s', (_, size, spreads) => {
    const runs = 800;
    let held = 0;
    for (let i = 0; i < runs; i++) {
      const { ci95 } = crossedInterval(table(i, size, spreads), distinct(size[1]));
      if (ci95![0] <= 0 && 0 <= ci95![1]) held++;
    }
    // Less by three standard errors of the simulation at most; more where what is left over counts twice.
    expect(held / runs).toBeGreaterThan(0.927);
  });

  test('clusters widen it', () => {
    const values = table(1, [4, 40], [1, 0.1, 0.2]).map((draw) => draw.map((_, i) => draw[i - (i % 4)]!));
    const clusters = Array.from({ length: 40 }, (_, i) => String(i - (i % 4)));
    expect(crossedInterval(values, clusters).stderr!).toBeGreaterThan(
      1.5 * crossedInterval(values, distinct(40)).stderr!,
    );
  });
});

test('crossedBootstrap of a mean is near the interval by variance', () => {
  const values = table(7, [6, 80], [1, 0.2, 0.5]);
  const mean = (draw: number, items: Iterable<number>): number => {
    const all = [...items].map((i) => values[draw]![i]!);
    return all.reduce((sum, v) => sum + v, 0) / all.length;
  };
  const resampled = crossedBootstrap(6, distinct(80), mean);
  const exact = crossedInterval(values, distinct(80));
  expect(resampled.value).toBeCloseTo(exact.value, 12);
  expect(resampled.stderr! / exact.stderr!).toBeGreaterThan(0.95);
  expect(resampled.stderr! / exact.stderr!).toBeLessThan(1.05);
  for (const side of [0, 1]) expect(resampled.ci95![side]! / exact.ci95![side]!).toBeGreaterThan(0.9);
  const fours = Array.from({ length: 80 }, (_, i) => String(i - (i % 4)));
  const together = values.map((draw) => draw.map((_, i) => draw[i - (i % 4)]!));
  const of = (draw: number, items: Iterable<number>): number => {
    const all = [...items].map((i) => together[draw]![i]!);
    return all.reduce((sum, v) => sum + v, 0) / all.length;
  };
  const clustered = crossedBootstrap(6, fours, of).stderr! / crossedInterval(together, fours).stderr!;
  expect(clustered).toBeGreaterThan(0.85);
  expect(clustered).toBeLessThan(1.15);
  expect(crossedBootstrap(6, distinct(80), mean)).toEqual(resampled);
});
