/**
 * How many insertions, deletions, substitutions and swaps of neighbours lead from one text to the other, in UTF-16
 * units: the unrestricted Damerau-Levenshtein distance, which is a metric (Lowrance and Wagner 1975; the usual short
 * form, optimal string alignment, breaks the triangle inequality).
 */
export function editDistance(a: string, b: string): number {
  const [height, width] = [a.length + 2, b.length + 2];
  const far = a.length + b.length;
  const at = Array.from({ length: height }, (_, i) => new Array<number>(width).fill(i === 0 ? far : 0));
  const get = (i: number, j: number): number => at[i]?.[j] ?? far;
  const set = (i: number, j: number, value: number): void => {
    (at[i] as number[])[j] = value;
  };
  for (let i = 0; i <= a.length; i++) {
    set(i + 1, 0, far);
    set(i + 1, 1, i);
  }
  for (let j = 0; j <= b.length; j++) set(1, j + 1, j);
  // The last row in which each unit of a was seen.
  const rowOf = new Map<string, number>();
  for (let i = 1; i <= a.length; i++) {
    let column = 0;
    for (let j = 1; j <= b.length; j++) {
      const [row, same] = [rowOf.get(b.charAt(j - 1)) ?? 0, a[i - 1] === b[j - 1]];
      const swap = get(row, column) + (i - row - 1) + 1 + (j - column - 1);
      const change = get(i, j) + (same ? 0 : 1);
      if (same) column = j;
      set(i + 1, j + 1, Math.min(change, get(i + 1, j) + 1, get(i, j + 1) + 1, swap));
    }
    rowOf.set(a.charAt(i - 1), i);
  }
  return get(a.length + 1, b.length + 1);
}

/**
 * At most three of the known names that may be meant by a mistyped one, the likeliest first: those that are within three
 * tenths of its length in edits (one at least), capitals aside, or begin with such a word (anli: anli-r1); failing these,
 * those that it begins.
 */
export function closest(typed: string, known: Iterable<string>): string[] {
  const text = typed.toLowerCase();
  const names = [...new Set(known)];
  const parts = text.split('-').length;
  const most = Math.max(1, Math.round(0.3 * text.length));
  const near = names
    .map((name) => {
      const lower = name.toLowerCase();
      const distance = boundedDistance(text, lower, most);
      const head = boundedDistance(text, lower.split('-').slice(0, parts).join('-'), most);
      return { name, distance, least: Math.min(distance, head) };
    })
    .filter(({ least }) => least <= most)
    .sort((a, b) => a.least - b.least || a.distance - b.distance)
    .map(({ name }) => name);
  const begun = text === '' ? [] : names.filter((name) => name.toLowerCase().startsWith(text));
  return (near.length > 0 ? near : begun).slice(0, 3);
}

/** The lengths alone are a bound, which spares most of the work. */
function boundedDistance(a: string, b: string, most: number): number {
  return Math.abs(a.length - b.length) > most ? Number.MAX_VALUE : editDistance(a, b);
}

/** " (did you mean lambada?)", or nothing where no known name is near. */
export function didYouMean(typed: string, known: Iterable<string>): string {
  const near = closest(typed, known);
  return near.length > 0 ? ` (did you mean ${near.join(', ')}?)` : '';
}
