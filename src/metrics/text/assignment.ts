/**
 * Pairs rows with columns, each with one at most, so that the sum of their scores is largest: Kuhn's Hungarian method
 * with potentials, in O(n^3).
 * @returns each row's score, 0 where it has no column
 */
export function bestAssignment(scores: readonly (readonly number[])[]): number[] {
  const columns = scores[0]?.length ?? 0;
  const found = scores.map(() => 0);
  if (scores.length <= columns) {
    for (const [c, r] of rowsOf(scores, columns).entries())
      if (r > 0) found[r - 1] = scores[r - 1]?.[c - 1] as number;
  } else {
    const turned = Array.from({ length: columns }, (_, c) => scores.map((row) => row[c] as number));
    for (const [r, c] of rowsOf(turned, scores.length).entries())
      if (c > 0) found[r - 1] = scores[r - 1]?.[c - 1] as number;
  }
  return found;
}

/** The row of each column, both counted from 1, 0 for none; there are no more rows than columns. */
function rowsOf(scores: readonly (readonly number[])[], columns: number): Int32Array {
  const rows = scores.length;
  // Potentials of rows and columns, and each column's row; 0 stands for none.
  const [u, v] = [new Float64Array(rows + 1), new Float64Array(columns + 1)];
  const rowOf = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) {
    const least = new Float64Array(columns + 1).fill(Infinity);
    const from = new Int32Array(columns + 1);
    const seen = new Uint8Array(columns + 1);
    rowOf[0] = row;
    let column = 0;
    do {
      seen[column] = 1;
      const current = rowOf[column] as number;
      let [delta, next] = [Infinity, 0];
      for (let c = 1; c <= columns; c++) {
        if (seen[c]) continue;
        const slack = -(scores[current - 1]?.[c - 1] as number) - (u[current] as number) - (v[c] as number);
        if (slack < (least[c] as number)) {
          least[c] = slack;
          from[c] = column;
        }
        if ((least[c] as number) < delta) [delta, next] = [least[c] as number, c];
      }
      for (let c = 0; c <= columns; c++) {
        if (seen[c]) {
          u[rowOf[c] as number] = (u[rowOf[c] as number] as number) + delta;
          v[c] = (v[c] as number) - delta;
        } else least[c] = (least[c] as number) - delta;
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      rowOf[column] = rowOf[from[column] as number] as number;
      column = from[column] as number;
    }
  }
  rowOf[0] = 0;
  return rowOf;
}
