import { describe, expect, test } from 'vitest';
import { orderEvidence, orderRuns, ordersOf } from '../../src/overlap/order.ts';
import { random } from '../../src/stats/random.ts';

describe('runs', () => {
  test('are neighbours that fit the window, every item in one; an item alone is left out', () => {
    expect(orderRuns([3, 3, 3, 3, 3], 7, 16)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(orderRuns([9, 2, 2, 2, 9, 1], 7, 16)).toEqual([[1, 2, 3]]);
    expect(orderRuns(Array(10).fill(1), 100, 4)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(orderRuns([], 7, 16)).toEqual([]);
  });

  test('are put in random orders that the key and the run alone decide', () => {
    const orders = ordersOf([4, 5, 6], 600, 1, 'x');
    expect(orders).toHaveLength(601);
    expect(orders[0]).toEqual([4, 5, 6]);
    expect(orders).toEqual(ordersOf([4, 5, 6], 600, 1, 'x'));
    expect(orders.slice(1)).not.toEqual(ordersOf([4, 5, 6], 600, 2, 'x').slice(1));
    const counts = new Map<string, number>();
    for (const order of orders.slice(1)) counts.set(order.join(), (counts.get(order.join()) ?? 0) + 1);
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThan(40);
  });
});

describe('evidence', () => {
  test('is by hand', () => {
    // Orders of the whole set: -3 (its own), -5, -3, -6.
    const totals = [
      [-1, -2, -1, -4],
      [-2, -3, -2, -2],
    ];
    expect(orderEvidence(totals, 5)).toEqual({ advantage: (-3 - (-5 - 3 - 6) / 3) / 5, p: 2 / 4 });
    expect(orderEvidence([[0, -1, -2, -3]], 2).p).toBe(1 / 4);
    expect(orderEvidence([[-9, -1, -2, -3]], 2).p).toBe(1);
  });

  test('is at most as strong as it says where the own order is one of many', () => {
    const source = random('order test');
    const sets = 4000;
    const ps = Array.from({ length: sets }, () => {
      const totals = Array.from({ length: 3 }, () => Array.from({ length: 20 }, () => source.next()));
      return orderEvidence(totals, 9).p;
    });
    for (const alpha of [0.05, 0.25, 0.5]) {
      const share = ps.filter((p) => p <= alpha).length / sets;
      // Exact: alpha of all, within four standard errors.
      expect(Math.abs(share - alpha)).toBeLessThan(4 * Math.sqrt((alpha * (1 - alpha)) / sets));
    }
  });
});
