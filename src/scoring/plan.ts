import type { ForwardStep, Request } from '../types.ts';
import { type Asked, buildTrie, type TrieNode } from './trie.ts';

/** What a step may hold, and what it costs in units of one token's forward pass. */
export interface PlanLimits {
  /** New tokens of a step made of unrelated branches: beyond this their masked attention costs more than it saves. */
  readonly treeTokens: number;
  /** New tokens of any step. */
  readonly stepTokens: number;
  /** Places of a step at which a distribution over the vocabulary is asked. */
  readonly stepRows: number;
  /** Cost of one token attending to one other: 1 / (6 width) for a GPT of that width. */
  readonly pairCost: number;
  /** Fixed cost of a step. */
  readonly stepCost: number;
  /** Cost of fetching and holding the keys and values of a trunk. */
  readonly trunkCost: number;
  /** Tokens of a trunk that is kept because it saves work; one that must be kept may be longer. */
  readonly trunkTokens: number;
  /**
   * False for a model whose numbers depend on what it computes together, or that can't build on a trunk: then every
   * distinct sequence is a step of its own, however long.
   */
  readonly shares: boolean;
}

export const DEFAULT_LIMITS: PlanLimits = {
  treeTokens: 256,
  stepTokens: 640,
  stepRows: 256,
  pairCost: 1 / 4608,
  stepCost: 16,
  trunkCost: 32,
  trunkTokens: 4096,
  shares: true,
};

/** Keys and values of a trunk may take this much memory. */
const TRUNK_BYTES = 256 * 2 ** 20;

/** The limits that suit a model of the given shape. */
export function planLimits(model: {
  readonly layers: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly shares?: boolean;
}): PlanLimits {
  const width = model.keyValueHeads * model.headSize;
  const trunkTokens = Math.floor(TRUNK_BYTES / (2 * 4 * model.layers * width));
  return { ...DEFAULT_LIMITS, pairCost: 1 / (6 * width), trunkTokens, shares: model.shares ?? true };
}

/** A step and where its results go: pair i is slot `pairSlot[i]` of request `pairRequest[i]`. */
export interface PlannedStep extends ForwardStep {
  readonly pairRequest: Int32Array;
  readonly pairSlot: Int32Array;
}

/** The steps that score a list of requests, in order. Pure data: no model is needed to make or test it. */
export interface Plan {
  readonly steps: readonly PlannedStep[];
  /** Tokens fed if every request were run by itself. */
  readonly tokensRequested: number;
  /** Distinct prefixes among them: the least that any plan computes. */
  readonly tokensDistinct: number;
  /** Tokens that this plan computes. */
  readonly tokensComputed: number;
  readonly tokensScored: number;
}

/** A computed trunk: its number, or -1 for none, and its length in tokens. */
interface Trunk {
  readonly id: number;
  readonly length: number;
}

/**
 * Plans the scoring of requests so that each distinct prefix is computed once, or nearly so.
 *
 * The requests form a prefix tree. A part of it that fits a step is laid out depth-first as one sequence. A part
 * that does not is cut where it branches: the path to the cut is either computed once and kept as a trunk, or
 * repeated in each of the steps below it, whichever costs less.
 */
export function planScoring(requests: readonly Request[], limits: PlanLimits = DEFAULT_LIMITS): Plan {
  const root = buildTrie(requests);
  const steps: PlannedStep[] = limits.shares ? [] : wholeSequences(requests);
  const emitted = new Set<TrieNode>();
  let trunks = 0;

  const cost = (tokens: number, past: number): number =>
    limits.stepCost + tokens * (1 + (past + tokens) * limits.pairCost);
  const length = (path: readonly TrieNode[]): number => path.reduce((sum, n) => sum + n.to - n.from, 0);

  /** Scores everything below the last node of `path`, the nodes on the way from the trunk that are not computed yet. */
  const place = (path: readonly TrieNode[], below: readonly TrieNode[], past: Trunk): void => {
    const chain = length(path);
    const tokens = below.reduce((sum, n) => sum + n.tokens, 0);
    const rows = below.reduce((sum, n) => sum + n.rows, 0) + path.reduce((sum, n) => sum + openRows(n), 0);
    const steps = Math.ceil(tokens / limits.treeTokens);
    const share = tokens / steps;
    const repeated = steps * cost(chain + share, past.length);
    const kept = limits.trunkCost + cost(chain, past.length) + steps * cost(share, past.length + chain);
    const affordable = past.length + chain <= limits.trunkTokens;
    const fits = chain + tokens <= limits.stepTokens && rows <= limits.stepRows;
    if (
      fits &&
      (tokens === 0 || cost(chain + tokens, past.length) <= Math.min(affordable ? kept : Infinity, repeated))
    ) {
      emitTree(path, below, past);
    } else if (
      chain > 0 &&
      ((affordable && kept < repeated) || chain > limits.stepTokens / 2 || tokens === 0)
    ) {
      const trunk = emitChain(path, past, tokens > 0);
      if (tokens > 0) scatter([], below, trunk);
    } else {
      scatter(path, below, past);
    }
  };

  /** Packs small branches into steps in order, each behind the same path, and places the large ones by themselves. */
  const scatter = (path: readonly TrieNode[], branches: readonly TrieNode[], past: Trunk): void => {
    const room = limits.treeTokens - length(path);
    const isSmall = (n: TrieNode): boolean => n.tokens <= room && n.rows <= limits.stepRows;
    for (const group of pack(branches.filter(isSmall), room, limits.stepRows)) emitTree(path, group, past);
    for (const branch of branches) if (!isSmall(branch)) place([...path, branch], branch.children, past);
  };

  const openRows = (n: TrieNode): number => (emitted.has(n) ? 0 : new Set(n.asked.map((a) => a.depth)).size);

  const emitTree = (path: readonly TrieNode[], branches: readonly TrieNode[], past: Trunk): void => {
    const step = newStep();
    for (const n of path) addTokens(step, n, n.from, n.to);
    for (const branch of branches) addBranch(step, branch);
    for (let i = 0; i < length(path); i++) step.exit[i] = step.ids.length;
    finish(step, past.id, -1);
  };

  /** Computes a path in pieces that respect the limits; keeps it as a trunk where something builds on it. */
  const emitChain = (path: readonly TrieNode[], past: Trunk, keep: boolean): Trunk => {
    let trunk = past;
    let step = newStep();
    const close = (last: boolean): void => {
      if (step.ids.length === 0) return;
      step.exit.fill(step.ids.length);
      const kept = keep || !last ? { id: trunks++, length: trunk.length + step.ids.length } : trunk;
      finish(step, trunk.id, kept.id === trunk.id ? -1 : kept.id);
      trunk = kept;
      step = newStep();
    };
    for (const n of path) {
      const rows = new Set(emitted.has(n) ? [] : n.asked.map((a) => a.depth));
      let from = n.from;
      let asked = new Set(step.asked.map((a) => a.depth)).size;
      for (let depth = n.from; depth < n.to; depth++) {
        if (
          step.ids.length + depth - from >= limits.stepTokens ||
          (rows.has(depth) && asked >= limits.stepRows)
        ) {
          addTokens(step, n, from, depth);
          close(false);
          from = depth;
          asked = 0;
        }
        if (rows.has(depth)) asked++;
      }
      addTokens(step, n, from, n.to);
    }
    close(true);
    return trunk;
  };

  const addBranch = (step: OpenStep, n: TrieNode): void => {
    const first = step.ids.length;
    addTokens(step, n, n.from, n.to);
    const own = step.ids.length;
    for (const child of n.children) addBranch(step, child);
    for (let i = first; i < own; i++) step.exit[i] = step.ids.length;
  };

  const addTokens = (step: OpenStep, n: TrieNode, from: number, to: number): void => {
    const source = requests[n.via]!.tokens;
    const shift = step.ids.length - from;
    for (let depth = from; depth < to; depth++) {
      step.ids.push(source[depth]!);
      step.positions.push(depth);
      step.exit.push(0);
    }
    // A path repeated in several steps is asked in the first of them only.
    if (emitted.has(n)) return;
    for (const asked of n.asked) {
      if (asked.depth >= from && asked.depth < to) step.asked.push({ ...asked, depth: asked.depth + shift });
    }
    if (to === n.to) emitted.add(n);
  };

  const finish = (step: OpenStep, past: number, keep: number): void => {
    step.asked.sort((a, b) => a.depth - b.depth || a.request - b.request || a.slot - b.slot);
    const rows = [...new Set(step.asked.map((a) => a.depth))];
    const rowOf = new Map(rows.map((at, i) => [at, i]));
    steps.push({
      ids: Int32Array.from(step.ids),
      positions: Int32Array.from(step.positions),
      enter: Int32Array.from(step.ids, (_, i) => i),
      exit: Int32Array.from(step.exit),
      past,
      keep,
      rows: Int32Array.from(rows),
      pairRow: Int32Array.from(step.asked, (a) => rowOf.get(a.depth)!),
      pairTarget: Int32Array.from(step.asked, (a) => a.target),
      pairRequest: Int32Array.from(step.asked, (a) => a.request),
      pairSlot: Int32Array.from(step.asked, (a) => a.slot),
    });
  };

  if (requests.length > 0 && limits.shares) scatter([], root.children, { id: -1, length: 0 });
  return {
    steps,
    tokensRequested: requests.reduce((sum, r) => sum + r.tokens.length - 1, 0),
    tokensDistinct: root.tokens,
    tokensComputed: steps.reduce((sum, s) => sum + s.ids.length, 0),
    tokensScored: requests.reduce((sum, r) => sum + r.tokens.length - r.start, 0),
  };
}

/** A step for each distinct sequence of fed tokens, which asks for all that requests want of it. */
function wholeSequences(requests: readonly Request[]): PlannedStep[] {
  const bySequence = new Map<string, number[]>();
  for (const [i, { tokens }] of requests.entries()) {
    const fed = tokens.subarray(0, -1).join();
    bySequence.set(fed, [...(bySequence.get(fed) ?? []), i]);
  }
  const inOrder = [...bySequence].sort(([a], [b]) => (a < b ? -1 : 1));
  return inOrder.map(([, own]) => {
    const ids = requests[own[0]!]!.tokens.slice(0, -1);
    const index = Int32Array.from(ids, (_, i) => i);
    const from = Math.min(...own.map((r) => requests[r]!.start)) - 1;
    const pairs = own.flatMap((request) => {
      const { tokens, start } = requests[request]!;
      return Array.from(tokens.subarray(start), (target, slot) => ({
        request,
        slot,
        target,
        at: start - 1 + slot,
      }));
    });
    return {
      ids,
      positions: index,
      enter: index,
      exit: new Int32Array(ids.length).fill(ids.length),
      past: -1,
      keep: -1,
      rows: index.slice(from),
      pairRow: Int32Array.from(pairs, ({ at }) => at - from),
      pairTarget: Int32Array.from(pairs, ({ target }) => target),
      pairRequest: Int32Array.from(pairs, ({ request }) => request),
      pairSlot: Int32Array.from(pairs, ({ slot }) => slot),
    };
  });
}

/**
 * The steps that the wanted requests need, in order: those that ask something of them, and the trunks below those.
 * A step is never changed, so a request's scores do not depend on what else is wanted.
 */
export function neededSteps(plan: Plan, wanted: (request: number) => boolean): PlannedStep[] {
  const trunks = new Set<number>();
  const needed: PlannedStep[] = [];
  for (const step of [...plan.steps].reverse()) {
    if (!(step.keep >= 0 && trunks.has(step.keep)) && !step.pairRequest.some(wanted)) continue;
    needed.push(step);
    if (step.past >= 0) trunks.add(step.past);
  }
  return needed.reverse();
}

/**
 * Packs branches into groups that respect both bounds, the largest first, each into the fullest group that has
 * room for it (best-fit decreasing). The branches of a group keep their order.
 */
function pack(branches: readonly TrieNode[], tokens: number, rows: number): TrieNode[][] {
  interface Group {
    readonly members: number[];
    rows: number;
  }
  const byRoom: Group[][] = Array.from({ length: Math.max(0, tokens) + 1 }, () => []);
  const order = branches.map((_, i) => i).sort((a, b) => branches[b]!.tokens - branches[a]!.tokens || a - b);
  for (const i of order) {
    const branch = branches[i]!;
    let group: Group = { members: [], rows: 0 };
    let room = tokens;
    search: for (let r = branch.tokens; r < tokens; r++) {
      for (const [at, found] of byRoom[r]!.entries()) {
        if (found.rows + branch.rows > rows) continue;
        byRoom[r]!.splice(at, 1);
        group = found;
        room = r;
        break search;
      }
    }
    group.members.push(i);
    group.rows += branch.rows;
    byRoom[room - branch.tokens]!.push(group);
  }
  return byRoom
    .flat()
    .map(({ members }) => members.sort((a, b) => a - b))
    .sort((a, b) => a[0]! - b[0]!)
    .map((members) => members.map((i) => branches[i]!));
}

/** A step being laid out; the depths of `asked` count from the step's first token. */
interface OpenStep {
  readonly ids: number[];
  readonly positions: number[];
  readonly exit: number[];
  readonly asked: Asked[];
}

function newStep(): OpenStep {
  return { ids: [], positions: [], exit: [], asked: [] };
}
