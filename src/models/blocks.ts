import { relative, sep } from 'node:path';
import { UserError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type ElementTypeName, GraphBuilder } from './onnx/graph.ts';

/**
 * Building blocks of scoring graphs, shared by the architectures.
 *
 * Shapes: S new tokens behind P known ones, R rows asked, N scored pairs, H heads of width D, vocabulary V.
 * Inputs: ids, positions, enter_q [S]; enter_k, exit_k [P+S]; rows [R]; pairs [N,2]; top_k [1]; ban [B,V];
 * and per layer past_key_i [H,D,P] and past_value_i [H,P,D].
 * Outputs: logprobs [N]; top_ids, top_logprobs [R,K]; allowed_ids [R,B] (the most probable token once the
 * banned ones, -inf in `ban`, are out); and per layer key_i [H,D,S], value_i [H,S,D] of the new tokens.
 */
export interface Blocks {
  readonly graph: GraphBuilder;
  /** A weight by name, checked against the shape that the configuration implies, as float32. */
  weight(name: string, shape: readonly number[]): string;
  /** The first of several names that the checkpoint has. */
  first(...names: readonly string[]): string;
  /** x W + b with W stored as [in, out]. */
  linear(x: string, weight: string, bias: string): string;
  layerNorm(x: string, weight: string, bias: string, epsilon: number): string;
  activation(x: string, name: ActivationName): string;
  /** Attention of the new tokens over past and new ones, by the visibility inputs; q, k, v and the result are [S, H*D]. */
  attention(layer: number, q: string, k: string, v: string, shape: AttentionShape): string;
  /** The rows of the last hidden state [S, width] that are asked. */
  rows(hidden: string): string;
  /** Turns logits [R, V] into the scoring outputs. */
  score(logits: string, vocabularySize: number): void;
}

export interface AttentionShape {
  readonly heads: number;
  readonly headSize: number;
  /** Factor on q k; usually headSize^-1/2. */
  readonly scale: number;
}

export const ACTIVATIONS = [
  'gelu_new',
  'gelu_pytorch_tanh',
  'gelu_fast',
  'gelu',
  'relu',
  'silu',
  'swish',
  'tanh',
] as const;
export type ActivationName = (typeof ACTIVATIONS)[number];

const ELEMENT: Readonly<Record<string, ElementTypeName>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
};

/** Raised by every change of the graphs that may move a score. */
export const GRAPH_VERSION = 1;

/** A masked score: far below any real one, yet finite, so that a row of nothing but masked scores stays a number. */
const MASKED = -1e9;

export function startBlocks(checkpoint: Checkpoint, weightFolder: string): Blocks {
  const graph = new GraphBuilder();
  graph.input('ids', 'int32', ['S']);
  graph.input('positions', 'int32', ['S']);
  graph.input('enter_q', 'int32', ['S']);
  graph.input('enter_k', 'int32', ['T']);
  graph.input('exit_k', 'int32', ['T']);
  // Token i sees token j iff enter[j] <= enter[i] < exit[j]: one [S, P+S] bias for all layers.
  const asker = graph.node('Unsqueeze', ['enter_q', graph.constant('int64', [1])]);
  const visible = graph.node('And', [
    graph.node('LessOrEqual', ['enter_k', asker]),
    graph.node('Less', [asker, 'exit_k']),
  ]);
  const bias = graph.node('Where', [visible, graph.scalar(0), graph.scalar(MASKED)]);

  return {
    graph,
    first(...names) {
      const found = names.find((name) => checkpoint.tensors.has(name));
      if (!found) throw new UserError(`${checkpoint.folder}: the checkpoint has no tensor "${names[0]}"`);
      return found;
    },
    weight(name, shape) {
      const tensor = checkpoint.tensors.get(name);
      if (!tensor) throw new UserError(`${checkpoint.folder}: the checkpoint has no tensor "${name}"`);
      if (tensor.shape.join() !== shape.join()) {
        throw new UserError(
          `${tensor.file}: tensor "${name}" has shape [${tensor.shape}], but config.json implies [${shape}]`,
        );
      }
      const type = ELEMENT[tensor.dtype];
      if (!type)
        throw new UserError(`${tensor.file}: tensor "${name}" is ${tensor.dtype}, expected F32, F16 or BF16`);
      const location = relative(weightFolder, tensor.file).split(sep).join('/');
      const { offset, length } = tensor;
      const value = graph.external(name, type, shape, { location, offset, length });
      // onnxruntime folds the cast when it loads the model.
      return type === 'float32' ? value : graph.node('Cast', [value], { to: 1 });
    },
    linear: (x, weight, biasName) => graph.node('Gemm', [x, weight, biasName]),
    layerNorm: (x, weight, biasName, epsilon) =>
      graph.node('LayerNormalization', [x, weight, biasName], { axis: -1, epsilon: { float: epsilon } }),
    activation(x, name) {
      switch (name) {
        case 'relu':
          return graph.node('Relu', [x]);
        case 'tanh':
          return graph.node('Tanh', [x]);
        case 'silu':
        case 'swish':
          return graph.node('Mul', [x, graph.node('Sigmoid', [x])]);
        case 'gelu':
          return graph.node('Gelu', [x]);
        default:
          return graph.node('Gelu', [x], { approximate: 'tanh' });
      }
    },
    attention(layer, q, k, v, { heads, headSize, scale }) {
      graph.input(`past_key_${layer}`, 'float32', [heads, headSize, 'P']);
      graph.input(`past_value_${layer}`, 'float32', [heads, 'P', headSize]);
      const perHead = graph.constant('int64', [-1, heads, headSize]);
      const turn = (x: string, perm: readonly number[], name?: string): string =>
        graph.node('Transpose', [graph.node('Reshape', [x, perHead])], { perm }, name);
      const query = graph.node('Mul', [turn(q, [1, 0, 2]), graph.scalar(scale)]);
      const key = turn(k, [1, 2, 0], `key_${layer}`);
      const value = turn(v, [1, 0, 2], `value_${layer}`);
      graph.output(key, 'float32', [heads, headSize, 'S']);
      graph.output(value, 'float32', [heads, 'S', headSize]);
      const keys = graph.node('Concat', [`past_key_${layer}`, key], { axis: 2 });
      const values = graph.node('Concat', [`past_value_${layer}`, value], { axis: 1 });
      // Written out, not as one fused operator: WebGPU's fused attention is wrong beyond 32 tokens with a bias.
      const scores = graph.node('Add', [graph.node('MatMul', [query, keys]), bias]);
      const mixed = graph.node('MatMul', [graph.node('Softmax', [scores], { axis: -1 }), values]);
      const width = graph.constant('int64', [-1, heads * headSize]);
      return graph.node('Reshape', [graph.node('Transpose', [mixed], { perm: [1, 0, 2] }), width]);
    },
    rows(hidden) {
      graph.input('rows', 'int32', ['R']);
      return graph.node('Gather', [hidden, 'rows']);
    },
    score(logits, vocabularySize) {
      graph.input('pairs', 'int64', ['N', 2]);
      graph.input('top_k', 'int64', [1]);
      graph.input('ban', 'float32', ['B', vocabularySize]);
      const last = graph.constant('int64', [1]);
      const total = graph.node('ReduceLogSumExp', [logits, last], { keepdims: 1 });
      const target = graph.node('GatherND', [logits, 'pairs']);
      const pairRow = graph.node('Gather', ['pairs', graph.constant('int64', [0], [])], { axis: 1 });
      const targetTotal = graph.node('Gather', [graph.node('Squeeze', [total, last]), pairRow]);
      graph.output(graph.node('Sub', [target, targetTotal], {}, 'logprobs'), 'float32', ['N']);
      const topValues = graph.top(logits, 'top_k', 'top_ids');
      graph.output('top_ids', 'int64', ['R', 'K']);
      graph.output(graph.node('Sub', [topValues, total], {}, 'top_logprobs'), 'float32', ['R', 'K']);
      const allowed = graph.node('Add', [graph.node('Unsqueeze', [logits, last]), 'ban']);
      graph.output(graph.node('ArgMax', [allowed], { axis: 2, keepdims: 0 }, 'allowed_ids'), 'int64', [
        'R',
        'B',
      ]);
    },
  };
}
