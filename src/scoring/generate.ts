import type { Backend, ForwardStep, Request } from '../types.ts';
import { buildTrie, type TrieNode } from './trie.ts';

/** A prompt to be continued greedily. */
export interface GenerationRequest {
  /** Tokens of the prompt, at least one, at most the window. */
  readonly prompt: Int32Array;
  readonly maxTokens: number;
  /** Asked after each token with all generated so far: true ends the text, the last token included. */
  readonly stop: (generated: readonly number[]) => boolean;
}

/** A greedy continuation: `stop` by its stop rule, `end` by the end token (not included), `length` by a limit. */
export interface Generated {
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  readonly reason: 'stop' | 'end' | 'length';
}

export interface GenerateOptions {
  readonly contextLength: number;
  readonly endTokens: readonly number[];
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((tokens: number) => void) | undefined;
  /** Sequences continued together. */
  readonly batch?: number;
}

const BATCH = 16;
/** New tokens of one step while prompts are read. */
const PREFILL_TOKENS = 256;
/** A cache grows by this many columns a sequence at a time. */
const GROWTH = 16;
/** Places of one sequence in the order of visibility; more than any window holds. */
const SPAN = 2 ** 15;

/** Numbers of what is kept for a while only: pieces of the preamble, and the caches that grown ones move to. */
const FIRST_PIECE = 1_000_000;
const FIRST_SPARE = 2_000_000;

/** A sequence under way: its place in the group, what it has, and the token that the model is fed next. */
interface Sequence {
  readonly request: number;
  readonly place: number;
  position: number;
  readonly tokens: number[];
  readonly logprobs: number[];
}

/**
 * Continues prompts greedily, several at a time, with keys and values kept. The prompts of a group form a prefix
 * tree, each node of it computed once; the prefix common to all requests is computed once for all groups. A
 * token of sequence b at depth t enters the order of visibility at b * SPAN + t, a shared one at its first
 * sequence's place, and leaves behind its last sequence's: so one rule serves prompts and decoding.
 */
export async function* generate(
  requests: readonly GenerationRequest[],
  backend: Backend,
  options: GenerateOptions,
): AsyncGenerator<[request: number, generated: Generated], void, undefined> {
  if (requests.length === 0) return;
  const order = requests
    .map((_, i) => i)
    .sort((a, b) => compare(requests[a]!.prompt, requests[b]!.prompt) || a - b);
  const preamble = commonPrefix(requests[order[0]!]!.prompt, requests[order.at(-1)!]!.prompt);
  let trunk = -1;
  let number = 0;
  const group = options.batch ?? BATCH;
  if (order.length > group && preamble > 0) {
    trunk = number++;
    await prefillTrunk(requests[order[0]!]!.prompt.subarray(0, preamble), trunk, backend, options);
  }
  try {
    const start = { trunk, known: trunk < 0 ? 0 : preamble };
    for (let at = 0; at < order.length; at += group) {
      yield* generateGroup(requests, order.slice(at, at + group), start, number++, backend, options);
    }
  } finally {
    if (trunk >= 0) await backend.release(trunk);
  }
}

async function prefillTrunk(
  tokens: Int32Array,
  trunk: number,
  backend: Backend,
  options: GenerateOptions,
): Promise<void> {
  let past = -1;
  for (let from = 0; from < tokens.length; from += PREFILL_TOKENS) {
    options.signal?.throwIfAborted();
    const ids = tokens.slice(from, from + PREFILL_TOKENS);
    const last = from + ids.length === tokens.length;
    const keep = last ? trunk : FIRST_PIECE + from;
    const index = Int32Array.from(ids, (_, i) => i);
    const positions = Int32Array.from(ids, (_, i) => from + i);
    await backend.forward({
      ids,
      positions,
      enter: index,
      exit: new Int32Array(ids.length).fill(ids.length),
      past,
      keep,
      rows: new Int32Array(0),
      pairRow: new Int32Array(0),
      pairTarget: new Int32Array(0),
    });
    if (past >= 0) await backend.release(past);
    past = keep;
    options.onStep?.(ids.length);
  }
}

async function* generateGroup(
  requests: readonly GenerationRequest[],
  members: readonly number[],
  start: { readonly trunk: number; readonly known: number },
  cacheNumber: number,
  backend: Backend,
  options: GenerateOptions,
): AsyncGenerator<[number, Generated], void, undefined> {
  const prompts = members.map((i): Request => {
    const { prompt } = requests[i]!;
    const tokens = new Int32Array(prompt.length + 1);
    tokens.set(prompt);
    return { tokens, start: prompt.length, truncated: 0, merged: false };
  });
  const tokens = layOut(buildTrie(prompts), prompts, start.known);
  let columns = start.known + tokens.length + members.length * GROWTH;
  const enter: number[] = Array(start.known).fill(0);
  const exit: number[] = Array(start.known).fill(SPAN * members.length);
  let cache = cacheNumber;
  let spare = FIRST_SPARE + cacheNumber;
  await backend.allocate(cache, columns, start.trunk);

  const run = async (step: {
    readonly ids: readonly number[];
    readonly positions: readonly number[];
    readonly enter: readonly number[];
    readonly exit: readonly number[];
    readonly rows: readonly number[];
  }): Promise<{ ids: Int32Array; logprobs: Float32Array }> => {
    options.signal?.throwIfAborted();
    const used = enter.length;
    if (used + step.ids.length > columns) {
      columns = used + step.ids.length + members.length * GROWTH;
      await backend.allocate(spare, columns, cache);
      await backend.release(cache);
      [cache, spare] = [spare, cache];
    }
    const view = { enter: new Int32Array(columns), exit: new Int32Array(columns) };
    view.enter.set(enter);
    view.exit.set(exit);
    const full: ForwardStep = {
      ids: Int32Array.from(step.ids),
      positions: Int32Array.from(step.positions),
      enter: Int32Array.from(step.enter),
      exit: Int32Array.from(step.exit),
      past: cache,
      keep: -1,
      pastView: view,
      write: Int32Array.from(step.ids, (_, i) => used + i),
      rows: Int32Array.from(step.rows),
      pairRow: new Int32Array(0),
      pairTarget: new Int32Array(0),
    };
    const result = await backend.forward(full);
    enter.push(...step.enter);
    exit.push(...step.exit);
    options.onStep?.(step.ids.length);
    return { ids: result.topIds, logprobs: result.topLogprobs };
  };

  try {
    const open: Sequence[] = [];
    const finished: [number, Generated][] = [];
    /** Why a sequence ends with the token just taken, or undefined where it goes on. */
    const ending = ({ request, tokens: own, position }: Sequence): Generated['reason'] | undefined => {
      if (requests[request]!.stop(own)) return 'stop';
      if (own.length >= requests[request]!.maxTokens || position >= options.contextLength) return 'length';
      return undefined;
    };
    /** Takes the model's token for a sequence; a sequence that goes on stays open. */
    const take = (sequence: Sequence, id: number, logprob: number): void => {
      let reason: Generated['reason'] | undefined;
      if (requests[sequence.request]!.maxTokens < 1) reason = 'length';
      else if (options.endTokens.includes(id)) reason = 'end';
      else {
        sequence.tokens.push(id);
        sequence.logprobs.push(logprob);
        reason = ending(sequence);
      }
      if (reason === undefined) open.push(sequence);
      else
        finished.push([sequence.request, { tokens: sequence.tokens, logprobs: sequence.logprobs, reason }]);
    };

    for (let at = 0; at < tokens.length; at += PREFILL_TOKENS) {
      const part = tokens.slice(at, at + PREFILL_TOKENS);
      const rows = part.flatMap((token, i) => (token.asking.length > 0 ? [i] : []));
      const result = await run({
        ids: part.map((t) => t.id),
        positions: part.map((t) => t.position),
        enter: part.map((t) => t.enter),
        exit: part.map((t) => t.exit),
        rows,
      });
      for (const [r, i] of rows.entries()) {
        for (const place of part[i]!.asking) {
          const position = prompts[place]!.start;
          const sequence = { request: members[place]!, place, position, tokens: [], logprobs: [] };
          take(sequence, result.ids[r]!, result.logprobs[r]!);
        }
      }
    }
    yield* finished.splice(0);
    while (open.length > 0) {
      const batch = open.splice(0);
      const result = await run({
        ids: batch.map((s) => s.tokens.at(-1)!),
        positions: batch.map((s) => s.position),
        enter: batch.map((s) => s.place * SPAN + s.position),
        exit: batch.map((s) => (s.place + 1) * SPAN),
        rows: batch.map((_, i) => i),
      });
      for (const [i, sequence] of batch.entries()) {
        sequence.position++;
        take(sequence, result.ids[i]!, result.logprobs[i]!);
      }
      yield* finished.splice(0);
    }
  } finally {
    await backend.release(cache);
  }
}

/** A prompt token of a group, with the places of the sequences whose last prompt token it is. */
interface PromptToken {
  readonly id: number;
  readonly position: number;
  readonly enter: number;
  readonly exit: number;
  readonly asking: number[];
}

/** The tree's tokens beyond the known ones, depth-first, with their intervals. */
function layOut(root: TrieNode, prompts: readonly Request[], known: number): PromptToken[] {
  const tokens: PromptToken[] = [];
  const walk = (node: TrieNode): [first: number, last: number] => {
    // Places are in the order of the tree, so those below a node are one range.
    const at = tokens.length;
    const ids: PromptToken[] = [];
    let first = Infinity;
    let last = -1;
    for (let depth = Math.max(node.from, known); depth < node.to; depth++) {
      const asking = node.asked.filter((a) => a.depth === depth).map((a) => a.request);
      ids.push({ id: prompts[node.via]!.tokens[depth]!, position: depth, enter: 0, exit: 0, asking });
    }
    for (const { request } of node.asked) [first, last] = [Math.min(first, request), Math.max(last, request)];
    tokens.push(...ids);
    for (const child of node.children) {
      const [from, to] = walk(child);
      [first, last] = [Math.min(first, from), Math.max(last, to)];
    }
    for (const [i, token] of ids.entries()) {
      tokens[at + i] = { ...token, enter: first * SPAN + token.position, exit: (last + 1) * SPAN };
    }
    return [first, last];
  };
  walk(root);
  return tokens;
}

function commonPrefix(a: Int32Array, b: Int32Array): number {
  // At least one token of each prompt is left to ask for the next.
  const n = Math.min(a.length, b.length) - 1;
  let i = 0;
  while (i < n && a[i] === b[i]) i++;
  return i;
}

function compare(a: Int32Array, b: Int32Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
