/**
 * Byte-pair merging of one piece in O(n log n), for pieces that are too long for the quadratic loop of
 * gpt-tokenizer: the same result, from a heap of candidate pairs over a doubly linked list of parts.
 * @param piece UTF-8 bytes
 * @param rankOf rank of the token that the bytes [start, end) spell, or undefined; lower merges first, and the
 *   leftmost of equal ranks
 * @returns token ranks
 */
export function mergeLongPiece(
  piece: Uint8Array,
  rankOf: (start: number, end: number) => number | undefined,
): number[] {
  const n = piece.length;
  const next = Int32Array.from({ length: n + 1 }, (_, i) => i + 1);
  const previous = Int32Array.from({ length: n + 1 }, (_, i) => i - 1);
  const alive = new Uint8Array(n + 1).fill(1);
  // A candidate says: merge the part that begins at `at` with the part behind it, which then ends at `end`.
  const heap: { rank: number; at: number; end: number }[] = [];
  const before = (a: number, b: number): boolean => {
    const [x, y] = [heap[a]!, heap[b]!];
    return x.rank < y.rank || (x.rank === y.rank && x.at < y.at);
  };
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  };
  const push = (at: number): void => {
    const second = next[at]!;
    if (second >= n) return;
    const end = next[second]!;
    const rank = rankOf(at, end);
    if (rank === undefined) return;
    heap.push({ rank, at, end });
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!before(i, parent)) break;
      swap(i, parent);
      i = parent;
    }
  };
  const pop = (): { at: number; end: number } => {
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      for (let i = 0; ; ) {
        let least = i;
        for (const child of [2 * i + 1, 2 * i + 2])
          if (child < heap.length && before(child, least)) least = child;
        if (least === i) break;
        swap(i, least);
        i = least;
      }
    }
    return top;
  };

  for (let i = 0; i < n; i++) push(i);
  while (heap.length > 0) {
    const { at, end } = pop();
    // Stale unless both parts still stand as they did when the candidate was made.
    const second = next[at]!;
    if (!alive[at] || second >= n || next[second] !== end) continue;
    alive[second] = 0;
    next[at] = end;
    previous[end] = at;
    push(at);
    if (previous[at]! >= 0) push(previous[at]!);
  }
  const ranks: number[] = [];
  for (let at = 0; at < n; at = next[at]!) ranks.push(rankOf(at, next[at]!)!);
  return ranks;
}
