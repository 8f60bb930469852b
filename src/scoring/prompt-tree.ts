import type { Request } from '../types.ts';
import { buildTrie, type TrieNode } from './trie.ts';

/** A token of a group's prompts, with the places of the prompts that pass through it and of those that end with it. */
export interface PromptToken {
  readonly id: number;
  readonly position: number;
  readonly first: number;
  readonly last: number;
  readonly asking: readonly number[];
}

/** The prefix tree of prompts in ascending order, without the known tokens that all begin with, depth-first. */
export function layOut(prompts: readonly Int32Array[], known: number): PromptToken[] {
  const requests = prompts.map((prompt): Request => {
    const tokens = new Int32Array(prompt.length + 1);
    tokens.set(prompt);
    return { tokens, start: prompt.length, truncated: 0, merged: false };
  });
  const tokens: PromptToken[] = [];
  const walk = (node: TrieNode): [first: number, last: number] => {
    // Places are in the order of the tree, so those below a node are one range.
    const at = tokens.length;
    let first = Infinity;
    let last = -1;
    for (let depth = Math.max(node.from, known); depth < node.to; depth++) {
      const asking = node.asked.filter((a) => a.depth === depth).map((a) => a.request);
      tokens.push({ id: prompts[node.via]![depth]!, position: depth, first, last, asking });
    }
    const end = tokens.length;
    for (const { request } of node.asked) [first, last] = [Math.min(first, request), Math.max(last, request)];
    for (const child of node.children) {
      const [from, to] = walk(child);
      [first, last] = [Math.min(first, from), Math.max(last, to)];
    }
    for (let i = at; i < end; i++) tokens[i] = { ...tokens[i]!, first, last };
    return [first, last];
  };
  walk(buildTrie(requests));
  return tokens;
}

/** Tokens that two prompts begin with alike; at least one of each is left to ask for the next. */
export function commonPrefix(a: Int32Array, b: Int32Array): number {
  const n = Math.min(a.length, b.length) - 1;
  let i = 0;
  while (i < n && a[i] === b[i]) i++;
  return i;
}

/** Lexicographic order; a prefix comes before what continues it. */
export function comparePrompts(a: Int32Array, b: Int32Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
