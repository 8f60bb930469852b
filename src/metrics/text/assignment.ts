/**
 * The largest sum of scores of which no two share a row or a column: as many as the shorter side has. Kuhn's Hungarian
 * method with potentials, in O(n^3).
 */
export function bestAssignment(scores: readonly (readonly number[])[]): number {
  const [rows, columns] = [scores.length, scores[0]?.length ?? 0];
  if (rows > columns) {
    return bestAssignment(Array.from({ length: columns }, (_, c) => scores.map((row) => row[c] as number)));
  }
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
  let sum = 0;
  for (let c = 1; c <= columns; c++) {
    if (rowOf[c]) sum += scores[(rowOf[c] as number) - 1]?.[c - 1] as number;
  }
  return sum;
}
