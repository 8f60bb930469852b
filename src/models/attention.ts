import type { GraphBuilder } from './onnx/graph.ts';

/** Shapes: S new tokens behind P known ones, T = P+S; H heads over G that keep keys and values, of width D. */
export interface AttentionShape {
  /** Number of the layer. */
  readonly layer: number;
  /** H */
  readonly heads: number;
  /** G; a divisor of H, each kept head serving H/G neighbouring ones (grouped-query attention). */
  readonly keyValueHeads: number;
  /** D */
  readonly headSize: number;
  /** Factor on q k; usually D^-1/2. */
  readonly scale: number;
  /** A token sees itself and so many less one before it; null for all. */
  readonly window: number | null;
}

/** A masked score: far below any real one, yet finite, so that a row of nothing but masked scores stays a number. */
const MASKED = -1e9;

export interface Attention {
  /** Attention of the new tokens over past and new ones. q is [S, H*D], k and v are [S, G*D]; gives [S, H*D]. */
  attend(q: string, k: string, v: string, shape: AttentionShape): string;
  /**
   * Rotary position embedding of the first R dimensions of each head (Su et al. 2021, arXiv:2104.09864), in the
   * half-and-half order of GPT-NeoX. x is [S, heads*D] or [S, heads, D]; gives [S, heads, D].
   */
  rotate(
    x: string,
    shape: { readonly heads: number; readonly headSize: number; readonly rotated: number },
  ): string;
}

/**
 * Declares the inputs that say which token sees which, and writes attention over them. With `wide`, the sums over
 * keys, which run in another order in other company, are taken in float64: rounded back, they are the same in any.
 */
export function startAttention(graph: GraphBuilder, { wide }: { readonly wide: boolean }): Attention {
  graph.input('enter_q', 'int32', ['S']);
  graph.input('enter_k', 'int32', ['T']);
  graph.input('exit_k', 'int32', ['T']);
  const column = graph.constant('int64', [1]);
  // Token i sees token j iff enter[j] <= enter[i] < exit[j]: one [S, T] bias for all layers.
  const asker = graph.node('Unsqueeze', ['enter_q', column]);
  const visible = graph.node('And', [
    graph.node('LessOrEqual', ['enter_k', asker]),
    graph.node('Less', [asker, 'exit_k']),
  ]);
  const toBias = (seen: string): string => graph.node('Where', [seen, graph.scalar(0), graph.scalar(MASKED)]);
  const biases = new Map<number | null, string>();

  const biasFor = (window: number | null): string => {
    const known = biases.get(window);
    if (known) return known;
    let seen = visible;
    if (window !== null) {
      if (!graph.has('positions_k')) graph.input('positions_k', 'int32', ['T']);
      const distance = graph.node('Sub', [graph.node('Unsqueeze', ['positions', column]), 'positions_k']);
      seen = graph.node('And', [
        visible,
        graph.node('Less', [distance, graph.constant('int32', [window], [])]),
      ]);
    }
    const bias = toBias(seen);
    biases.set(window, bias);
    return bias;
  };

  /** softmax(scores) values, whatever the leading dimensions; `fold` brings the weights to the values' rank. */
  const mix = (scores: string, values: string, fold = (weights: string): string => weights): string => {
    if (!wide) return graph.node('MatMul', [fold(graph.node('Softmax', [scores], { axis: -1 })), values]);
    const last = graph.constant('int64', [-1]);
    const largest = graph.node('ReduceMax', [scores, last]);
    const weights = graph.cast(fold(graph.node('Exp', [graph.node('Sub', [scores, largest])])), 'float64');
    const sums = graph.node('MatMul', [weights, graph.cast(values, 'float64')]);
    const total = graph.node('ReduceSum', [weights, last]);
    return graph.cast(graph.node('Div', [sums, total]), 'float32');
  };

  return {
    attend(q, k, v, { layer, heads, keyValueHeads, headSize, scale, window }) {
      graph.input(`past_key_${layer}`, 'float32', [keyValueHeads, headSize, 'P']);
      graph.input(`past_value_${layer}`, 'float32', [keyValueHeads, 'P', headSize]);
      const perHead = graph.constant('int64', [-1, keyValueHeads, headSize]);
      const turn = (x: string, perm: readonly number[], name?: string): string =>
        graph.node('Transpose', [graph.node('Reshape', [x, perHead])], { perm }, name);
      const key = turn(k, [1, 2, 0], `key_${layer}`);
      const value = turn(v, [1, 0, 2], `value_${layer}`);
      graph.output(key, 'float32', [keyValueHeads, headSize, 'S']);
      graph.output(value, 'float32', [keyValueHeads, 'S', headSize]);
      const keys = graph.node('Concat', [`past_key_${layer}`, key], { axis: 2 });
      const values = graph.node('Concat', [`past_value_${layer}`, value], { axis: 1 });
      const bias = biasFor(window);
      const width = graph.constant('int64', [-1, heads * headSize]);
      // Written out, not as one fused operator: WebGPU's fused attention is wrong beyond 32 tokens with a bias.
      if (heads === keyValueHeads) {
        const query = graph.node('Mul', [turn(q, [1, 0, 2]), graph.scalar(scale)]);
        const scores = graph.node('Add', [graph.node('MatMul', [query, keys]), bias]);
        const mixed = mix(scores, values);
        return graph.node('Reshape', [graph.node('Transpose', [mixed], { perm: [1, 0, 2] }), width]);
      }
      // The heads that share a kept one are laid out as more queries to it: [G, H/G*S, D] x [G, D, T].
      const shared = heads / keyValueHeads;
      const grouped = graph.node('Reshape', [
        q,
        graph.constant('int64', [-1, keyValueHeads, shared, headSize]),
      ]);
      const query = graph.node('Mul', [
        graph.node('Transpose', [grouped], { perm: [1, 2, 0, 3] }),
        graph.scalar(scale),
      ]);
      const rows = graph.node('Reshape', [query, graph.constant('int64', [keyValueHeads, -1, headSize])]);
      const folded = graph.node('MatMul', [rows, keys]);
      const unfold = graph.node('Concat', [graph.constant('int64', [keyValueHeads, shared]), sizes(bias)], {
        axis: 0,
      });
      const scores = graph.node('Add', [graph.node('Reshape', [folded, unfold]), bias]);
      const foldedSize = graph.node('Shape', [folded]);
      const mixed = mix(scores, values, (weights) => graph.node('Reshape', [weights, foldedSize]));
      const apart = graph.node('Reshape', [
        mixed,
        graph.constant('int64', [keyValueHeads, shared, -1, headSize]),
      ]);
      return graph.node('Reshape', [graph.node('Transpose', [apart], { perm: [2, 0, 1, 3] }), width]);
    },
    rotate(x, { heads, headSize, rotated }) {
      if (!graph.has('rope_cos')) {
        graph.input('rope_cos', 'float32', ['S', rotated / 2]);
        graph.input('rope_sin', 'float32', ['S', rotated / 2]);
      }
      const cos = graph.once('rope_cos_heads', () => graph.node('Unsqueeze', ['rope_cos', column]));
      const sin = graph.once('rope_sin_heads', () => graph.node('Unsqueeze', ['rope_sin', column]));
      const perHead = graph.node('Reshape', [x, graph.constant('int64', [-1, heads, headSize])]);
      const parts = [rotated / 2, rotated / 2, headSize - rotated].filter((size) => size > 0);
      const [left, right, rest] = graph.split(perHead, parts, 2) as [string, string, string?];
      const [a, b] = [graph.node('Mul', [left, cos]), graph.node('Mul', [right, sin])];
      const [c, d] = [graph.node('Mul', [right, cos]), graph.node('Mul', [left, sin])];
      const turned = [graph.node('Sub', [a, b]), graph.node('Add', [c, d])];
      return graph.node('Concat', rest === undefined ? turned : [...turned, rest], { axis: 2 });
    },
  };

  function sizes(value: string): string {
    return graph.once(`sizes of ${value}`, () => graph.node('Shape', [value]));
  }
}
