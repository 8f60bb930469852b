import type { Backend } from '../types.ts';
import { BATCH, type Generated, type GenerateOptions, type GenerationRequest } from './generate.ts';
import { entersAt, type Group, groupsOf, type Likely, leavesAt } from './groups.ts';

export interface BeamOptions extends GenerateOptions {
  /** Hypotheses kept at each step: W, at least 1. */
  readonly width: number;
  /** At least 0. */
  readonly alpha: number;
  /**
   * What a text of n tokens is divided by: ((5 + n) / 6)^alpha, of GNMT (arXiv 1609.08144, section 7) and the T5 line
   * that GPT-3 cites, or n^alpha, of transformers. n leaves out the prompt and counts an end token.
   */
  readonly penalty: 'gnmt' | 'length';
  /**
   * When a prompt is done, once W texts are finished. As in transformers: `true`, at once; `false` (unless told), when
   * the best hypothesis, as long as it is now, scores no better than the worst of them, though it might when longer;
   * `never`, when it could not even at its greatest length. `true` with a width of 1 is greedy decoding.
   */
  readonly earlyStopping?: boolean | 'never';
  /** Of the model: no more candidates than this can be asked. */
  readonly vocabularySize: number;
}

/** The best text found. */
export interface BeamGenerated extends Generated {
  /** Whether each token is the most probable one at its place. */
  readonly hits: readonly boolean[];
  /** Sum of the log-probabilities, that of an end token too, divided by the length penalty. */
  readonly score: number;
}

/** A token of a tree of hypotheses; with its ancestors it is one. */
interface Hypothesis {
  readonly parent: Hypothesis | undefined;
  readonly token: number;
  readonly logprob: number;
  readonly hit: boolean;
  /** Over all its tokens. */
  readonly sum: number;
  readonly length: number;
  /** Of the cache, once it is fed. */
  column: number;
  /** Among the hypotheses fed with it, depth-first: what one token's descendants fill is one range. */
  branch: number;
}

interface Finished {
  readonly hypothesis: Hypothesis;
  readonly score: number;
  readonly reason: Generated['reason'];
}

/** The search behind one prompt. */
interface Search {
  readonly request: number;
  readonly place: number;
  /** Tokens of the prompt. */
  readonly from: number;
  /** Most tokens that the text may have. */
  readonly limit: number;
  /** At most W, the most probable first. */
  live: Hypothesis[];
  /** At most W, the best first. */
  finished: Finished[];
}

/** A group's cache: from the column `first` on it holds tokens of hypotheses. */
interface Cache {
  readonly group: Group;
  readonly first: number;
  readonly width: number;
}

/**
 * Continues prompts by beam search, as transformers 5.18 does it (generation/utils.py, `_beam_search`). Of all
 * continuations of the live hypotheses the most probable are candidates: twice the width, with E > 1 end tokens
 * E + 1 times, so that those cannot starve the beam. A candidate that ends, by an end token, by its stop rule (its last
 * token counts as an end token does) or by its length, is finished where it is among the first W, else dropped; the
 * first W of the others live on. The text is the finished one of the best score. Ties go to the hypothesis that
 * ranked first, then to the lower token. Unlike transformers, fewer than W live on where no more are there (a tiny
 * vocabulary, or stops of many candidates), with nothing in place of the missing.
 *
 * No keys or values are copied: hypotheses share the columns of their common beginning, the columns' intervals are made
 * anew at each step, and a column that none sees is written again.
 */
export async function* beam(
  requests: readonly GenerationRequest[],
  backend: Backend,
  options: BeamOptions,
): AsyncGenerator<[request: number, generated: BeamGenerated], void, undefined> {
  const { width, batch = BATCH, signal, onStep } = options;
  const candidates = Math.max(2, options.endTokens.length + 1) * width;
  const topK = Math.min(candidates, options.vocabularySize);
  const prompts = requests.map(({ prompt }) => prompt);
  const shape = { prompts: Math.max(1, Math.floor(batch / width)), branches: width };
  for await (const group of groupsOf(prompts, backend, { ...shape, signal, onStep })) {
    const likely = await group.read(topK);
    const cache: Cache = { group, first: group.enter.length, width };
    let open: Search[] = [];
    for (const [place, request] of group.members.entries()) {
      const { prompt, maxTokens } = requests[request]!;
      // The last token is never fed.
      const limit = Math.min(maxTokens, options.contextLength - prompt.length + 1);
      const search: Search = { request, place, from: prompt.length, limit, live: [], finished: [] };
      if (limit < 1) yield [request, { tokens: [], logprobs: [], hits: [], score: 0, reason: 'length' }];
      else if (advance(search, continuations([undefined], [likely[place]!], candidates))) open.push(search);
      else yield [request, best(search)];
    }
    while (open.length > 0) {
      const behind = await feed(open, topK, cache);
      const going: Search[] = [];
      for (const [i, search] of open.entries()) {
        if (advance(search, continuations(search.live, behind[i]!, candidates))) going.push(search);
        else yield [search.request, best(search)];
      }
      open = going;
    }
  }

  /** Sorts candidates, the most probable first, into live and finished ones. False where the search is over. */
  function advance(search: Search, ranked: readonly Hypothesis[]): boolean {
    const { alpha, penalty, earlyStopping = false } = options;
    const divisor = (length: number): number => (penalty === 'gnmt' ? (5 + length) / 6 : length) ** alpha;
    const finished = [...search.finished];
    search.live = [];
    for (const [rank, hypothesis] of ranked.entries()) {
      if (search.live.length === width) break;
      const reason = ending(search, hypothesis);
      if (reason === undefined) search.live.push(hypothesis);
      else if (rank < width)
        finished.push({ hypothesis, reason, score: hypothesis.sum / divisor(hypothesis.length) });
    }
    search.finished = finished.sort((a, b) => b.score - a.score).slice(0, width);
    const [first] = search.live;
    if (first === undefined) return false;
    const worst = search.finished[width - 1];
    if (worst === undefined) return true;
    if (earlyStopping === true) return false;
    const length = earlyStopping === 'never' ? search.limit : first.length;
    return first.sum / divisor(length) > worst.score;
  }

  /** Why a text ends with a hypothesis' last token, or undefined where it goes on. */
  function ending({ request, limit }: Search, hypothesis: Hypothesis): Generated['reason'] | undefined {
    if (options.endTokens.includes(hypothesis.token)) return 'end';
    if (requests[request]!.stop(path(hypothesis).map((h) => h.token))) return 'stop';
    return hypothesis.length >= limit ? 'length' : undefined;
  }
}

/** The most probable continuations of hypotheses, or of the bare prompt, best first. */
function continuations(
  parents: readonly (Hypothesis | undefined)[],
  likely: readonly Likely[],
  most: number,
): Hypothesis[] {
  const all = parents.flatMap((parent, rank) => {
    const { ids, logprobs } = likely[rank]!;
    return Array.from(ids, (token, i) => {
      const logprob = logprobs[i]!;
      const sum = (parent?.sum ?? 0) + logprob;
      const length = (parent?.length ?? 0) + 1;
      return {
        rank,
        hypothesis: { parent, token, logprob, hit: i === 0, sum, length, column: -1, branch: 0 },
      };
    });
  });
  all.sort(
    (a, b) =>
      b.hypothesis.sum - a.hypothesis.sum || a.rank - b.rank || a.hypothesis.token - b.hypothesis.token,
  );
  return all.slice(0, most).map(({ hypothesis }) => hypothesis);
}

/** Feeds the last token of every live hypothesis: what is likely behind each, by search and rank. */
async function feed(
  open: readonly Search[],
  topK: number,
  { group, first, width }: Cache,
): Promise<Likely[][]> {
  const tokens = open.flatMap(({ place, from, live }) => {
    const ordered = live.toSorted((a, b) => (a.parent?.branch ?? 0) - (b.parent?.branch ?? 0));
    return ordered.map((hypothesis, branch) => {
      hypothesis.branch = branch;
      return { hypothesis, sequence: place * width + branch, position: from + hypothesis.length - 1 };
    });
  });
  const { enter, exit } = group;
  enter.fill(0, first);
  exit.fill(0, first);
  for (const { hypothesis, sequence, position } of tokens) {
    let at = position;
    for (let node = hypothesis.parent; node; node = node.parent) {
      at--;
      if (exit[node.column] === 0) enter[node.column] = entersAt(sequence, at);
      exit[node.column] = leavesAt(sequence);
    }
  }
  let next = first;
  for (const { hypothesis } of tokens) {
    while (next < exit.length && exit[next] !== 0) next++;
    hypothesis.column = next++;
  }
  const likely = await group.feed({
    ids: tokens.map(({ hypothesis }) => hypothesis.token),
    positions: tokens.map(({ position }) => position),
    enter: tokens.map(({ sequence, position }) => entersAt(sequence, position)),
    exit: tokens.map(({ sequence }) => leavesAt(sequence)),
    rows: tokens.map((_, i) => i),
    topK,
    write: tokens.map(({ hypothesis }) => hypothesis.column),
  });
  const behind = new Map(tokens.map(({ hypothesis }, i) => [hypothesis, likely[i]!]));
  return open.map(({ live }) => live.map((hypothesis) => behind.get(hypothesis)!));
}

/** A hypothesis' tokens, the first first. */
function path(hypothesis: Hypothesis): Hypothesis[] {
  const nodes: Hypothesis[] = [];
  for (let node: Hypothesis | undefined = hypothesis; node; node = node.parent) nodes.push(node);
  return nodes.reverse();
}

function best({ finished }: Search): BeamGenerated {
  const { hypothesis, score, reason } = finished[0]!;
  const nodes = path(hypothesis).slice(0, reason === 'end' ? -1 : undefined);
  return {
    tokens: nodes.map(({ token }) => token),
    logprobs: nodes.map(({ logprob }) => logprob),
    hits: nodes.map(({ hit }) => hit),
    score,
    reason,
  };
}
