/**
 * Keys and values of tokens that later steps build on, as plain numbers.
 * Shapes: P tokens, G heads of width D; a pair of keys [G, D, P] and values [G, P, D] a layer.
 */
export interface Trunk {
  readonly length: number;
  /** Position of each token, [P]. */
  readonly positions: Int32Array;
  readonly keys: readonly Float32Array[];
  readonly values: readonly Float32Array[];
}

export interface TrunkShape {
  readonly layers: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
}

export function emptyTrunk({ layers }: TrunkShape): Trunk {
  const none = new Float32Array(0);
  return {
    length: 0,
    positions: new Int32Array(0),
    keys: Array(layers).fill(none),
    values: Array(layers).fill(none),
  };
}

/** A trunk with more tokens behind it. Nothing is copied where it was empty. */
export function extend(past: Trunk, added: Trunk, { keyValueHeads, headSize }: TrunkShape): Trunk {
  if (past.length === 0) return added;
  const positions = new Int32Array(past.length + added.length);
  positions.set(past.positions);
  positions.set(added.positions, past.length);
  return {
    length: past.length + added.length,
    positions,
    keys: past.keys.map((keys, i) => join(keys, added.keys[i]!, keyValueHeads * headSize)),
    values: past.values.map((values, i) => join(values, added.values[i]!, keyValueHeads)),
  };
}

/** A copy with more columns; the added ones are zero. */
export function widen(
  old: Trunk,
  columns: number,
  { keyValueHeads: heads, headSize: size }: TrunkShape,
): Trunk {
  const copy = (from: Float32Array, rows: number, width: number): Float32Array => {
    const to = new Float32Array(heads * size * columns);
    const [short, long] = [old.length * width, columns * width];
    for (let r = 0; r < rows; r++) to.set(from.subarray(r * short, (r + 1) * short), r * long);
    return to;
  };
  const positions = new Int32Array(columns);
  positions.set(old.positions);
  return {
    length: columns,
    positions,
    keys: old.keys.map((keys) => copy(keys, heads * size, 1)),
    values: old.values.map((values) => copy(values, heads, size)),
  };
}

/** Puts new tokens into columns of a widened trunk, in place. */
export function write(
  cache: Trunk,
  columns: Int32Array,
  added: Trunk,
  { keyValueHeads: heads, headSize: size }: TrunkShape,
): void {
  for (let s = 0; s < added.length; s++) cache.positions[columns[s]!] = added.positions[s]!;
  for (const [i, keyTo] of cache.keys.entries()) {
    const [valueTo, keyFrom, valueFrom] = [cache.values[i]!, added.keys[i]!, added.values[i]!];
    for (let row = 0; row < heads * size; row++) {
      for (let s = 0; s < added.length; s++) {
        keyTo[row * cache.length + columns[s]!] = keyFrom[row * added.length + s]!;
      }
    }
    for (let head = 0; head < heads; head++) {
      for (let s = 0; s < added.length; s++) {
        const from = (head * added.length + s) * size;
        valueTo.set(valueFrom.subarray(from, from + size), (head * cache.length + columns[s]!) * size);
      }
    }
  }
}

/** Frees a trunk's buffers now, not at some later garbage collection: they move into a message that nobody reads. */
export function free(trunk: Trunk): void {
  const buffers = [...trunk.keys, ...trunk.values].map((data) => data.buffer as ArrayBuffer);
  structuredClone(undefined, { transfer: [...new Set(buffers)].filter((b) => b.byteLength > 0) });
}

/** Concatenates two matrices of as many rows, row by row. */
function join(left: Float32Array, right: Float32Array, rows: number): Float32Array {
  const [wide, added] = [left.length / rows, right.length / rows];
  const joined = new Float32Array(left.length + right.length);
  for (let r = 0; r < rows; r++) {
    joined.set(left.subarray(r * wide, (r + 1) * wide), r * (wide + added));
    joined.set(right.subarray(r * added, (r + 1) * added), r * (wide + added) + wide);
  }
  return joined;
}
