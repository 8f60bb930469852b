import * as ort from 'onnxruntime-node';
import type { ForwardResult, ForwardStep } from '../../types.ts';
import type { Session, SessionOptions } from '../ort.ts';
import { type Numbers, putColumns, takeColumns } from './cache.ts';
import { columnsSeen, type Segment, treesOf } from './chains.ts';
import type { ExportPorts } from './interface.ts';

/** What a session over an export is opened with: its graph is the export with the scoring head (head.ts). */
export type ExportSessionOptions = ExportPorts &
  Pick<SessionOptions, 'graph' | 'weightFolder' | 'vocabularySize' | 'device' | 'threads' | 'prepack'>;

/** Known tokens: their ids and, where the export takes them, keys and values in the order of its inputs. */
interface Past {
  readonly ids: Int32Array;
  readonly layers: readonly Numbers[];
}

/** Tokens of a step, by their indexes, that are run as one sequence. */
type Chain = readonly number[];

/** A beginning of this many tokens, times the branches behind it less one, is worth a run of its own. */
const WORTH_A_RUN = 48;

/** Chains run together, the tokens of such a batch, and the bytes of past keys and values repeated for it. */
const BATCH = 8;
const BATCH_TOKENS = 512;
const BATCH_BYTES = 2 ** 26;

/**
 * A session over an exported model, which knows causal sequences only: a step's trees are taken apart into chains
 * from root to leaf, each run as one sequence. A beginning that chains share is run once and handed on as past keys
 * and values where the export takes them. Where it does not, or where a token's numbers depend on all that is run
 * with it, every chain is run whole.
 */
export async function openExportSession(options: ExportSessionOptions): Promise<Session> {
  const { ports, prefix, vocabularySize } = options;
  const layout = { heads: ports.heads, size: ports.headSize };
  // 8-bit products may round otherwise without it; both branches of a merged graph would have their copy.
  const prepack = !ports.independent || (options.prepack && ports.branch === null);
  const session = await ort.InferenceSession.create(options.graph.model, {
    executionProviders: [options.device],
    intraOpNumThreads: options.threads,
    // Lengths change from run to run: memory patterns would only hold memory.
    enableMemPattern: false,
    logSeverityLevel: 3,
    extra: {
      session: {
        model_external_initializers_file_folder_path: options.weightFolder,
        disable_prepacking: prepack ? '0' : '1',
      },
    },
  });
  const none = ports.pastType === 'float32' ? new Float32Array(0) : new Uint16Array(0);
  const empty: Past = { ids: new Int32Array(0), layers: ports.reused ? ports.past.map(() => none) : [] };
  const kept = new Map<number, Past>();

  return {
    async forward(step) {
      const past = pastOf(step.past);
      const answer = emptyAnswer(step);
      const trees = treesOf(step);
      if (step.keep >= 0 && (trees.length !== 1 || trees[0]!.children.length > 0)) {
        throw new Error(`trunk ${step.keep} is to be kept of a step that is not one chain`);
      }
      const open = new Set(step.rows.keys());
      const ask: Ask = { step, answer, takeRows };
      const columnsOf = (tree: Segment): number[] => columnsSeen(step, tree.tokens[0]!, past.ids.length);
      for (const [columns, group] of grouped(trees, columnsOf)) {
        // All are seen only of a trunk: of a cache not those that this step writes.
        const seen = columns.length === past.ids.length ? past : pick(past, columns);
        if (ports.reused) await runTrees(group, seen);
        else for (const tree of group) await runWhole(tree, [], seen);
        if (seen !== past) free(seen);
      }
      return answer;

      /** Runs trees behind a past: beginnings that are worth it by themselves, the rest as chains from root to leaf. */
      async function runTrees(segments: readonly Segment[], seen: Past): Promise<void> {
        const chains: Chain[] = [];
        const beginnings: Segment[] = [];
        const visit = (segment: Segment, above: Chain): void => {
          const tokens = [...above, ...segment.tokens];
          const { children } = segment;
          if (children.length === 0) chains.push(tokens);
          else if ((children.length - 1) * tokens.length > WORTH_A_RUN) beginnings.push({ tokens, children });
          else for (const child of children) visit(child, tokens);
        };
        for (const segment of segments) visit(segment, []);
        const keeps = step.keep >= 0 || step.write !== undefined;
        for (const batch of batches(chains, seen)) {
          const after = await run(ask, batch, seen, keeps);
          if (step.write) for (const [b, chain] of batch.entries()) write(past, step.write, chain, after[b]!);
          if (step.keep >= 0) kept.set(step.keep, after[0]!);
          // All of a batch lie in the same buffers.
          else if (after[0]) free(after[0]);
        }
        for (const { tokens, children } of beginnings) {
          const [after] = (await run(ask, [tokens], seen, true)) as [Past];
          if (step.write) write(past, step.write, tokens, after);
          await runTrees(children, after);
          free(after);
        }
      }

      /** Runs each chain of a tree from its first token on; where a cache is written, as far as a row is asked. */
      async function runWhole(segment: Segment, above: Chain, seen: Past): Promise<void> {
        const tokens = [...above, ...segment.tokens];
        if (step.write) {
          // A next token is asked: what other sequences go on with must not move it.
          for (let at = above.length; at < tokens.length; at++) {
            past.ids[step.write[tokens[at]!]!] = step.ids[tokens[at]!]!;
            if (step.rows.includes(tokens[at]!)) await run(ask, [tokens.slice(0, at + 1)], seen, false);
          }
        } else if (segment.children.length === 0) {
          await run(ask, [tokens], seen, false);
          if (step.keep >= 0) kept.set(step.keep, { ids: joined(step, tokens, seen), layers: [] });
        }
        for (const child of segment.children) await runWhole(child, tokens, seen);
      }

      /** The asked rows among a chain's tokens that are not answered yet; they count as answered from here on. */
      function takeRows(chain: Chain): Row[] {
        return chain.flatMap((token, at) => {
          const row = step.rows.indexOf(token);
          return open.delete(row) ? [{ row, at }] : [];
        });
      }
    },
    allocate(cache, columns, from) {
      const { ids, layers } = pastOf(from);
      const wide = new Int32Array(columns).fill(-1);
      for (let c = 0; c < ids.length; c++) wide[c] = c;
      kept.set(cache, {
        ids: Int32Array.from(wide, (c) => (c < 0 ? 0 : ids[c]!)),
        layers: layers.map((layer) => takeColumns(layer, wide, layout)),
      });
    },
    release(trunk) {
      free(kept.get(trunk) ?? empty);
      kept.delete(trunk);
    },
    close: () => session.release(),
  };

  function pastOf(trunk: number): Past {
    const past = trunk < 0 ? empty : kept.get(trunk);
    if (!past) throw new Error(`trunk ${trunk} is asked for but was not kept`);
    return past;
  }

  function pick(past: Past, columns: readonly number[]): Past {
    const list = Int32Array.from(columns);
    return {
      ids: list.map((c) => past.ids[c]!),
      layers: past.layers.map((layer) => takeColumns(layer, list, layout)),
    };
  }

  /** Chains in batches, the longest first; the shorter ones of a batch are filled up behind their end. */
  function batches(chains: readonly Chain[], past: Past): Chain[][] {
    const bytes = past.layers.reduce((sum, layer) => sum + layer.byteLength, 0);
    const most = ports.batched ? Math.min(BATCH, Math.max(1, Math.floor(BATCH_BYTES / (bytes + 1)))) : 1;
    const result: Chain[][] = [];
    for (const chain of chains.toSorted((a, b) => b.length - a.length)) {
      const batch = result.at(-1);
      const longest = batch?.[0]?.length ?? 0;
      const fits = batch && batch.length < most && (batch.length + 1) * longest <= BATCH_TOKENS;
      if (fits && chain.length * 4 >= longest * 3) batch.push(chain);
      else result.push([chain]);
    }
    return result;
  }

  /**
   * Runs chains behind one past and puts what their rows say into the answer. Gives past and chain together, one
   * each, where that is kept; a run that would say and keep nothing is left out.
   */
  async function run(
    { step, answer, takeRows }: Ask,
    chains: readonly Chain[],
    past: Past,
    keeps: boolean,
  ): Promise<Past[]> {
    const rows = chains.flatMap((chain, b) => takeRows(chain).map(({ row, at }) => ({ row, at, b })));
    if (rows.length === 0 && !keeps) return [];
    const whole = chains.map((chain) => joined(step, chain, past));
    const known = ports.reused ? past.ids.length : 0;
    const length = whole[0]!.length - known;
    const from = past.ids.length - known;
    const places = new Map(rows.map(({ row }, i) => [row, i]));
    const pairs = Array.from(step.pairRow.keys()).filter((i) => places.has(step.pairRow[i]!));
    const scores = ['logprobs', 'top_ids', 'top_logprobs', ...(step.banned ? ['allowed_ids'] : [])];
    const output = await session.run(
      {
        ...sequences(whole, known, length),
        ...pastFeeds(past, chains.length),
        ...headFeeds(step, {
          rows: rows.map(({ at, b }) => b * length + from + at),
          pairs: pairs.flatMap((i) => [places.get(step.pairRow[i]!)!, step.pairTarget[i]!]),
        }),
      },
      [
        ...(rows.length > 0 ? scores.map((name) => prefix + name) : []),
        ...(keeps ? ports.past.map((port) => port.output) : []),
      ],
    );
    if (rows.length > 0) {
      const data = (name: string): ort.Tensor['data'] => output[prefix + name]!.data;
      const k = step.topK ?? 1;
      const logprobs = data('logprobs') as Float32Array;
      for (const [i, pair] of pairs.entries()) answer.logprobs[pair] = logprobs[i]!;
      const topIds = Int32Array.from(data('top_ids') as BigInt64Array, Number);
      const topLogprobs = data('top_logprobs') as Float32Array;
      for (const [i, { row }] of rows.entries()) {
        answer.topIds.set(topIds.subarray(i * k, (i + 1) * k), row * k);
        answer.topLogprobs.set(topLogprobs.subarray(i * k, (i + 1) * k), row * k);
        if (step.banned) answer.allowedIds[row] = Number((data('allowed_ids') as BigInt64Array)[i]);
      }
    }
    if (!keeps) return [];
    const layers = ports.past.map((port) => numbersOf(output[port.output]!));
    return whole.map((ids, b) => ({
      ids,
      layers: layers.map((layer) => {
        const each = layer.length / chains.length;
        return layer.subarray(b * each, (b + 1) * each);
      }),
    }));
  }

  /** Sequences [B, S] behind the known tokens. What fills the shorter ones up is seen by nothing before it. */
  function sequences(
    whole: readonly Int32Array[],
    known: number,
    length: number,
  ): Record<string, ort.Tensor> {
    const int64 = (values: readonly number[]): ort.Tensor =>
      new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [
        whole.length,
        values.length / whole.length,
      ]);
    const each = (n: number, value: (ids: Int32Array, i: number) => number): number[] =>
      whole.flatMap((ids) => Array.from({ length: n }, (_, i) => value(ids, i)));
    return {
      input_ids: int64(each(length, (ids, i) => ids[known + i] ?? 0)),
      ...(ports.mask ? { attention_mask: int64(each(known + length, () => 1)) } : {}),
      ...(ports.positions ? { position_ids: int64(each(length, (_, i) => known + i)) } : {}),
      ...(ports.logitsKept ? { [ports.logitsKept]: new ort.Tensor('int64', BigInt64Array.of(0n), []) } : {}),
    };
  }

  function pastFeeds(past: Past, batch: number): Record<string, ort.Tensor> {
    const feeds: Record<string, ort.Tensor> = {};
    const { heads, size } = layout;
    for (const [i, { input }] of ports.past.entries()) {
      const layer = past.layers[i] ?? none;
      const repeated = batch === 1 ? layer : repeat(layer, batch);
      feeds[input] = tensorOf(repeated, [batch, heads, layer.length / (heads * size), size]);
    }
    const known = (past.layers[0]?.length ?? 0) > 0;
    if (ports.branch) feeds[ports.branch] = new ort.Tensor('bool', Uint8Array.of(known ? 1 : 0), [1]);
    return feeds;
  }

  function headFeeds(
    step: ForwardStep,
    asked: { readonly rows: readonly number[]; readonly pairs: readonly number[] },
  ): Record<string, ort.Tensor> {
    // No rows at all would crash the runtime's TopK (1.30.0): a run that is only kept asks one and drops it.
    const rows = Int32Array.from(asked.rows.length > 0 ? asked.rows : [0]);
    const ban = new Float32Array(step.banned ? vocabularySize : 0);
    for (const id of step.banned ?? []) ban[id] = -Infinity;
    return {
      [`${prefix}rows`]: new ort.Tensor('int32', rows, [rows.length]),
      [`${prefix}pairs`]: new ort.Tensor('int64', BigInt64Array.from(asked.pairs, BigInt), [
        asked.pairs.length / 2,
        2,
      ]),
      [`${prefix}top_k`]: new ort.Tensor('int64', BigInt64Array.of(BigInt(step.topK ?? 1)), [1]),
      [`${prefix}ban`]: new ort.Tensor('float32', ban, [step.banned ? 1 : 0, vocabularySize]),
    };
  }

  /** Puts a chain's ids, keys and values into columns of a cache, in place. */
  function write(cache: Past, columns: Int32Array, chain: Chain, after: Past): void {
    const to = chain.map((token) => columns[token]!);
    const known = after.ids.length - to.length;
    for (const [i, column] of to.entries()) cache.ids[column] = after.ids[known + i]!;
    for (const [i, layer] of cache.layers.entries()) {
      putColumns(layer, { numbers: after.layers[i]!, from: known }, to, layout);
    }
  }
}

/** A step under way: what is asked of it and what is known already. */
interface Ask {
  readonly step: ForwardStep;
  readonly answer: ForwardResult;
  readonly takeRows: (chain: Chain) => Row[];
}

/** A row of the step, and where in a chain its token stands. */
interface Row {
  readonly row: number;
  readonly at: number;
}

function emptyAnswer(step: ForwardStep): ForwardResult {
  const rows = step.rows.length;
  const places = rows * (step.topK ?? 1);
  return {
    logprobs: new Float32Array(step.pairRow.length),
    topIds: new Int32Array(places),
    topLogprobs: new Float32Array(places),
    allowedIds: new Int32Array(step.banned ? rows : 0),
  };
}

/** The ids of a chain behind those of its past. */
function joined(step: ForwardStep, chain: Chain, past: Past): Int32Array {
  const ids = new Int32Array(past.ids.length + chain.length);
  ids.set(past.ids);
  for (const [i, token] of chain.entries()) ids[past.ids.length + i] = step.ids[token]!;
  return ids;
}

/** Trees by the columns of the past that they see, in order. */
function grouped(trees: readonly Segment[], columnsOf: (tree: Segment) => number[]): [number[], Segment[]][] {
  const groups = new Map<string, [number[], Segment[]]>();
  for (const tree of trees) {
    const columns = columnsOf(tree);
    const key = columns.join();
    const group = groups.get(key) ?? [columns, []];
    group[1].push(tree);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function repeat(layer: Numbers, times: number): Numbers {
  const length = layer.length * times;
  const all = layer instanceof Float32Array ? new Float32Array(length) : new Uint16Array(length);
  for (let i = 0; i < times; i++) all.set(layer, i * layer.length);
  return all;
}

/**
 * A tensor of float32 numbers or of float16 bits. Where a runtime has Float16Array, the bits are made one, whose length
 * onnxruntime-node takes for 0 (https://github.com/microsoft/onnxruntime/pull/32323): the bits themselves are handed
 * over in its place.
 */
function tensorOf(numbers: Numbers, shape: readonly number[]): ort.Tensor {
  if (numbers instanceof Float32Array) return new ort.Tensor('float32', numbers, shape);
  const tensor = new ort.Tensor('float16', numbers, shape);
  return Object.defineProperty(tensor, 'data', { value: numbers });
}

/** The numbers of a tensor; float16 as bits, whichever array the runtime made of them. */
function numbersOf(tensor: ort.Tensor): Numbers {
  if (tensor.type === 'float32') return tensor.data as Float32Array;
  const { buffer, byteOffset, length } = tensor.data as Uint16Array;
  return new Uint16Array(buffer, byteOffset, length);
}

/** Moving the buffers into a message that nobody reads frees them now, not at some later garbage collection. */
function free({ layers }: Past): void {
  const buffers = layers.filter((layer) => layer.length > 0).map((layer) => layer.buffer as ArrayBuffer);
  structuredClone(undefined, { transfer: buffers });
}
