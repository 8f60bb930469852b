/**
 * Holm's adjustment (1979): rejecting where the adjusted p-value is at most alpha makes a false rejection among all
 * tests at most alpha probable, however they depend on one another. In the order given.
 */
export function holm(ps: readonly number[]): number[] {
  const order = [...ps.keys()].sort((a, b) => (ps[a] as number) - (ps[b] as number));
  const adjusted: number[] = [];
  let most = 0;
  for (const [rank, i] of order.entries()) {
    most = Math.max(most, Math.min(1, (ps.length - rank) * (ps[i] as number)));
    adjusted[i] = most;
  }
  return adjusted;
}
