import type { Backend, ForwardResult } from '../types.ts';
import { commonPrefix, comparePrompts, layOut } from './prompt-tree.ts';

/** New tokens of one step while prompts are read. */
const PREFILL_TOKENS = 256;
/** A cache grows by this many columns a sequence at a time. */
const GROWTH = 16;
/** Places of one sequence in the order of visibility; more than any window holds. */
const SPAN = 2 ** 15;

/** Numbers of what is kept for a while only: pieces of the preamble, and the caches that grown ones move to. */
const FIRST_PIECE = 1_000_000;
const FIRST_SPARE = 2_000_000;

export interface GroupOptions {
  /** Prompts continued together. */
  readonly prompts: number;
  /** Sequences that continue each of them. */
  readonly branches: number;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((tokens: number) => void) | undefined;
}

/**
 * Tokens fed together: what `ForwardStep` says of them. `write` names the columns of the cache that take their keys
 * and values; without it these are the next free ones.
 */
export interface GroupStep {
  readonly ids: readonly number[];
  readonly positions: readonly number[];
  readonly enter: readonly number[];
  readonly exit: readonly number[];
  readonly rows: readonly number[];
  readonly topK: number;
  readonly write?: readonly number[];
}

/** The most probable tokens at a place, [K], descending. */
export interface Likely {
  readonly ids: Int32Array;
  readonly logprobs: Float32Array;
}

/** Prompts that are continued together, and the cache that they share. */
export interface Group {
  /** The prompts' indexes. Where one stands here is its place. */
  readonly members: readonly number[];
  /** The interval of each column in use: by it a token sees a column or does not. */
  readonly enter: number[];
  readonly exit: number[];
  /** Reads the prompts, and answers for each place what is likely behind its prompt. */
  read(topK: number): Promise<Likely[]>;
  /** Feeds tokens, and answers what is likely behind each row. */
  feed(step: GroupStep): Promise<Likely[]>;
}

/**
 * Where a token of a sequence enters the order of visibility: S branches of a group's place p are the sequences
 * p * S to p * S + S - 1. A token leaves it behind the last sequence that goes on from it: so one rule serves
 * prompts and what is written behind them, and among the columns that a token sees, the order is that of the text.
 */
export function entersAt(sequence: number, position: number): number {
  return sequence * SPAN + position;
}

/** Behind everything of a sequence. */
export function leavesAt(sequence: number): number {
  return (sequence + 1) * SPAN;
}

/**
 * Prompts in groups, ready to be read. The prompts of a group form a prefix tree, each node of it computed once; the
 * prefix common to all prompts is computed once for all groups. A group ends when the next is asked for.
 */
export async function* groupsOf(
  prompts: readonly Int32Array[],
  backend: Backend,
  options: GroupOptions,
): AsyncGenerator<Group, void, undefined> {
  if (prompts.length === 0) return;
  const order = prompts.map((_, i) => i).sort((a, b) => comparePrompts(prompts[a]!, prompts[b]!) || a - b);
  const preamble = commonPrefix(prompts[order[0]!]!, prompts[order.at(-1)!]!);
  let trunk = -1;
  let number = 0;
  if (order.length > options.prompts && preamble > 0) {
    trunk = number++;
    await prefillTrunk(prompts[order[0]!]!.subarray(0, preamble), trunk, backend, options);
  }
  try {
    const start = { trunk, known: trunk < 0 ? 0 : preamble };
    for (let at = 0; at < order.length; at += options.prompts) {
      const members = order.slice(at, at + options.prompts);
      const { group, release } = await openGroup(prompts, members, start, number++, backend, options);
      try {
        yield group;
      } finally {
        await release();
      }
    }
  } finally {
    if (trunk >= 0) await backend.release(trunk);
  }
}

async function prefillTrunk(
  tokens: Int32Array,
  trunk: number,
  backend: Backend,
  options: GroupOptions,
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

async function openGroup(
  prompts: readonly Int32Array[],
  members: readonly number[],
  start: { readonly trunk: number; readonly known: number },
  cacheNumber: number,
  backend: Backend,
  options: GroupOptions,
): Promise<{ group: Group; release: () => Promise<void> }> {
  const { branches } = options;
  const tokens = layOut(
    members.map((i) => prompts[i]!),
    start.known,
  );
  const growth = members.length * branches * GROWTH;
  let columns = start.known + tokens.length + growth;
  const enter: number[] = Array(start.known).fill(0);
  const exit: number[] = Array(start.known).fill(leavesAt(members.length * branches - 1));
  let cache = cacheNumber;
  let spare = FIRST_SPARE + cacheNumber;
  await backend.allocate(cache, columns, start.trunk);

  const feed = async (step: GroupStep): Promise<Likely[]> => {
    options.signal?.throwIfAborted();
    const write = step.write ?? step.ids.map((_, i) => enter.length + i);
    const needed = Math.max(...write) + 1;
    if (needed > columns) {
      columns = needed + growth;
      await backend.allocate(spare, columns, cache);
      await backend.release(cache);
      [cache, spare] = [spare, cache];
    }
    const view = { enter: new Int32Array(columns), exit: new Int32Array(columns) };
    view.enter.set(enter);
    view.exit.set(exit);
    const { topIds, topLogprobs }: ForwardResult = await backend.forward({
      ids: Int32Array.from(step.ids),
      positions: Int32Array.from(step.positions),
      enter: Int32Array.from(step.enter),
      exit: Int32Array.from(step.exit),
      past: cache,
      keep: -1,
      pastView: view,
      write: Int32Array.from(write),
      rows: Int32Array.from(step.rows),
      pairRow: new Int32Array(0),
      pairTarget: new Int32Array(0),
      topK: step.topK,
    });
    for (const [i, column] of write.entries()) {
      enter[column] = step.enter[i]!;
      exit[column] = step.exit[i]!;
    }
    options.onStep?.(step.ids.length);
    const k = step.topK;
    return step.rows.map((_, r) => ({
      ids: topIds.subarray(r * k, (r + 1) * k),
      logprobs: topLogprobs.subarray(r * k, (r + 1) * k),
    }));
  };

  const read = async (topK: number): Promise<Likely[]> => {
    const behind: Likely[] = [];
    for (let at = 0; at < tokens.length; at += PREFILL_TOKENS) {
      const part = tokens.slice(at, at + PREFILL_TOKENS);
      const rows = part.flatMap((token, i) => (token.asking.length > 0 ? [i] : []));
      const likely = await feed({
        ids: part.map((t) => t.id),
        positions: part.map((t) => t.position),
        enter: part.map((t) => entersAt(t.first * branches, t.position)),
        exit: part.map((t) => leavesAt((t.last + 1) * branches - 1)),
        rows,
        topK,
      });
      for (const [r, i] of rows.entries()) for (const place of part[i]!.asking) behind[place] = likely[r]!;
    }
    return behind;
  };

  return { group: { members, enter, exit, read, feed }, release: () => backend.release(cache) };
}
