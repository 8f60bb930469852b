import type { Request } from '../types.ts';

/**
 * A prefix tree over requests, paths without branches kept as one node: tokens [from, to) of every request below.
 * The tokens of a request that are fed, all but the last, lead from the root to the node where it ends.
 */
export interface TrieNode {
  readonly from: number;
  readonly to: number;
  /** Any request that passes through, as a source of the token ids. */
  readonly via: number;
  readonly children: TrieNode[];
  /** Log-probabilities asked of this node's tokens. */
  readonly asked: Asked[];
  /** Tokens of this node and all below it. */
  tokens: number;
  /** Distinct places in this node and below it at which something is asked. */
  rows: number;
}

/** The token at `depth` is asked for the log-probability of `target` behind it, for slot `slot` of a request. */
export interface Asked {
  readonly depth: number;
  readonly target: number;
  readonly request: number;
  readonly slot: number;
}

/** Builds the tree. Children are in order of their token ids, so the result does not depend on the requests' order. */
export function buildTrie(requests: readonly Request[]): TrieNode {
  const order = requests.map((_, i) => i).sort((a, b) => compare(requests[a]!, requests[b]!) || a - b);
  const root = node(0, 0, 0);
  let path: TrieNode[] = [root];
  let previous: Request | undefined;
  for (const index of order) {
    const request = requests[index]!;
    const fed = request.tokens.length - 1;
    const shared = previous ? sharedLength(previous, request) : 0;
    previous = request;
    while (path.at(-1)!.from >= shared && path.length > 1) path.pop();
    const top = path.at(-1)!;
    if (top.to > shared) {
      // The request leaves the tree inside this node: cut it in two.
      const lower = node(shared, top.to, top.via);
      lower.children.push(...top.children);
      const upper = node(top.from, shared, top.via);
      upper.children.push(lower);
      for (const asked of top.asked) (asked.depth < shared ? upper : lower).asked.push(asked);
      path.pop();
      const parent = path.at(-1)!;
      parent.children[parent.children.length - 1] = upper;
      path.push(upper);
    }
    if (fed > shared) {
      const leaf = node(shared, fed, index);
      path.at(-1)!.children.push(leaf);
      path.push(leaf);
    }
    ask(path, request, index);
    path = [...path];
  }
  measure(root);
  return root;
}

function node(from: number, to: number, via: number): TrieNode {
  return { from, to, via, children: [], asked: [], tokens: 0, rows: 0 };
}

function ask(path: readonly TrieNode[], request: Request, index: number): void {
  let at = path.length - 1;
  for (let i = request.tokens.length - 1; i >= request.start; i--) {
    const depth = i - 1;
    while (path[at]!.from > depth) at--;
    path[at]!.asked.push({ depth, target: request.tokens[i]!, request: index, slot: i - request.start });
  }
}

function measure(n: TrieNode): void {
  n.tokens = n.to - n.from;
  n.rows = new Set(n.asked.map((a) => a.depth)).size;
  for (const child of n.children) {
    measure(child);
    n.tokens += child.tokens;
    n.rows += child.rows;
  }
}

/** Lexicographic order of the fed tokens; a prefix comes before what continues it. */
function compare(a: Request, b: Request): number {
  const shared = sharedLength(a, b);
  const [left, right] = [a.tokens.length - 1, b.tokens.length - 1];
  if (shared === left || shared === right) return left - right;
  return a.tokens[shared]! - b.tokens[shared]!;
}

/** Length of the common prefix of the fed tokens of two requests. */
function sharedLength(a: Request, b: Request): number {
  const n = Math.min(a.tokens.length, b.tokens.length) - 1;
  let i = 0;
  while (i < n && a.tokens[i] === b.tokens[i]) i++;
  return i;
}
