/** Past this many parts a heap is faster than looking for the lowest rank again and again. */
const LONG = 48;

/**
 * Byte-pair merging of one piece: again and again the neighbouring parts of the lowest rank are merged, the leftmost
 * of equal ones. O(n log n), from a heap of candidate pairs over a doubly linked list of parts; short pieces, O(n^2).
 * @param parts token ids of the piece's bytes or characters; taken over
 * @param rankOf rank of the merge of two neighbouring tokens, or -1
 * @param idOf token that the merge of a rank makes
 * @returns token ids
 */
export function mergeParts(
  parts: number[],
  rankOf: (left: number, right: number) => number,
  idOf: (rank: number) => number,
): number[] {
  return parts.length > LONG ? mergeByHeap(parts, rankOf, idOf) : mergeByScan(parts, rankOf, idOf);
}

function mergeByScan(
  parts: number[],
  rankOf: (left: number, right: number) => number,
  idOf: (rank: number) => number,
): number[] {
  const ranks: number[] = [];
  for (let i = 0; i + 1 < parts.length; i++) ranks.push(rankOf(parts[i]!, parts[i + 1]!));
  for (;;) {
    let at = -1;
    let lowest = Infinity;
    for (let i = 0; i < ranks.length; i++) {
      const rank = ranks[i]!;
      if (rank >= 0 && rank < lowest) {
        lowest = rank;
        at = i;
      }
    }
    if (at < 0) return parts;
    parts[at] = idOf(lowest);
    parts.splice(at + 1, 1);
    ranks.splice(at, 1);
    if (at > 0) ranks[at - 1] = rankOf(parts[at - 1]!, parts[at]!);
    if (at < ranks.length) ranks[at] = rankOf(parts[at]!, parts[at + 1]!);
  }
}

function mergeByHeap(
  parts: number[],
  rankOf: (left: number, right: number) => number,
  idOf: (rank: number) => number,
): number[] {
  const n = parts.length;
  const next = Int32Array.from({ length: n + 1 }, (_, i) => i + 1);
  const previous = Int32Array.from({ length: n + 1 }, (_, i) => i - 1);
  // A candidate says: merge the part that begins at `at` with the part behind it, as long as both are these tokens.
  const heap: { rank: number; at: number; left: number; right: number }[] = [];
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
    const [left, right] = [parts[at]!, parts[second]!];
    const rank = rankOf(left, right);
    if (rank < 0) return;
    heap.push({ rank, at, left, right });
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!before(i, parent)) break;
      swap(i, parent);
      i = parent;
    }
  };
  const pop = (): { rank: number; at: number; left: number; right: number } => {
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
    const { rank, at, left, right } = pop();
    const second = next[at]!;
    // Stale: one of the two has been merged since. A part that is merged into the one before it is marked by -1.
    if (parts[at] !== left || second >= n || parts[second] !== right) continue;
    const end = next[second]!;
    parts[at] = idOf(rank);
    parts[second] = -1;
    next[at] = end;
    previous[end] = at;
    push(at);
    if (previous[at]! >= 0) push(previous[at]!);
  }
  return parts.filter((id) => id >= 0);
}
