import type { ForwardStep } from '../../types.ts';

/** A run of tokens of a step without a branch, by their indexes, and what branches off behind the last. */
export interface Segment {
  readonly tokens: number[];
  readonly children: readonly Segment[];
}

/** The trees of a step. Its tokens lie in depth-first order, so an open stack of ancestors tells each one's parent. */
export function treesOf(step: Pick<ForwardStep, 'enter' | 'exit'>): Segment[] {
  const { enter, exit } = step;
  const below: number[][] = Array.from(enter, () => []);
  const roots: number[] = [];
  const open: number[] = [];
  for (let i = 0; i < enter.length; i++) {
    const sees = (j: number): boolean => enter[j]! <= enter[i]! && enter[i]! < exit[j]!;
    while (open.length > 0 && !sees(open.at(-1)!)) open.pop();
    (open.length > 0 ? below[open.at(-1)!]! : roots).push(i);
    open.push(i);
  }
  const segment = (first: number): Segment => {
    const tokens = [first];
    while (below[tokens.at(-1)!]!.length === 1) tokens.push(below[tokens.at(-1)!]![0]!);
    return { tokens, children: below[tokens.at(-1)!]!.map(segment) };
  };
  return roots.map(segment);
}

/**
 * The columns of a step's past that a token sees, in the order of the text: all of a trunk, or those that the view opens,
 * by where they enter.
 */
export function columnsSeen(step: ForwardStep, token: number, length: number): number[] {
  const view = step.pastView;
  const at = step.enter[token]!;
  const columns: number[] = [];
  for (let c = 0; c < length; c++) {
    if (!view || (view.enter[c]! <= at && at < view.exit[c]!)) columns.push(c);
  }
  return view ? columns.sort((a, b) => view.enter[a]! - view.enter[b]! || a - b) : columns;
}
