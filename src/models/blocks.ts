import { relative, sep } from 'node:path';
import { UserError } from '../errors.ts';
import type { GraphOptions, ScoringGraph } from './architecture.ts';
import { type Attention, startAttention } from './attention.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type ElementTypeName, GraphBuilder } from './onnx/graph.ts';
import { BLOCK, type QuantisedTensor, type Stored } from './quantise.ts';
import type { WeightTensor } from './safetensors.ts';

/**
 * Building blocks of scoring graphs, shared by the architectures.
 *
 * Shapes: S new tokens behind P known ones, R rows asked, N scored pairs, G heads of width D that keep keys and
 * values, vocabulary V.
 * Inputs: ids, positions, enter_q [S]; enter_k, exit_k [P+S]; rows [R]; pairs [N,2]; top_k [1]; ban [B,V];
 * and per layer past_key_i [G,D,P] and past_value_i [G,P,D]. Where a layer sees a window only, positions_k [P+S];
 * where positions are rotary, rope_cos and rope_sin [S, half the rotated width].
 * Outputs: logprobs [N]; top_ids, top_logprobs [R,K]; allowed_ids [R,B] (the most probable token once the
 * banned ones, -inf in `ban`, are out); and per layer key_i [G,D,S], value_i [G,S,D] of the new tokens.
 *
 * Precision: everything is float32 but the matrix products with weights, which `dtype` says: in float16 inputs,
 * weights and result are rounded to float16; in int8 weights are rounded to 8 bits in blocks, activations row by
 * row, and the head stays float32. Rounding would make much of the last digits in which attention depends on a
 * request's company, so in int8 attention has none: see startAttention.
 */
export interface Blocks extends Attention {
  readonly graph: GraphBuilder;
  /** The first of several names that the checkpoint has. */
  first(...names: readonly string[]): string;
  /** A weight by name, checked against the shape that the configuration implies, as float32. */
  weight(name: string, shape: readonly number[]): string;
  /** Rows of an embedding table [count, width]: the token's by `ids`, or the position's by `positions`. */
  embed(name: string, shape: readonly [number, number], by: 'ids' | 'positions'): string;
  /** x W + b; gives [S, out]. */
  linear(x: string, layer: Linear): string;
  layerNorm(x: string, name: string, width: number, epsilon: number): string;
  /** Root mean square normalisation over the last axis (Zhang and Sennrich 2019, arXiv:1910.07467). */
  rmsNorm(x: string, name: string, width: number, epsilon: number): string;
  activation(x: string, name: ActivationName): string;
  /** The rows of the last hidden state [S, width] that are asked. */
  rows(hidden: string): string;
  /** Turns rows [R, width] into the scoring outputs by the head's table [V, width]. */
  score(rows: string, head: string, shape: readonly [vocabularySize: number, width: number]): void;
  build(): ScoringGraph;
}

/** A linear layer: the name of its matrix without `.weight`, and its shape. */
export interface Linear {
  readonly name: string;
  readonly in: number;
  readonly out: number;
  readonly stored: Stored;
  readonly bias: boolean;
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

/** Quantised tensors begin at multiples of this many bytes. */
const ALIGN = 64;

/** Raised by every change of the graphs that may move a score. */
export const GRAPH_VERSION = 1;

export function startBlocks(checkpoint: Checkpoint, options: GraphOptions): Blocks {
  const { weightFolder, dtype, quantisedFile } = options;
  const graph = new GraphBuilder();
  graph.input('ids', 'int32', ['S']);
  graph.input('positions', 'int32', ['S']);
  const attention = startAttention(graph, { wide: dtype === 'int8' });
  const quantised: QuantisedTensor[] = [];
  let quantisedBytes = 0;

  const locate = (file: string): string => relative(weightFolder, file).split(sep).join('/');
  /** A place for so many bytes in the file of quantised weights. */
  const reserve = (length: number): { location: string; offset: number; length: number } => {
    const offset = quantisedBytes;
    quantisedBytes += Math.ceil(length / ALIGN) * ALIGN;
    return { location: locate(quantisedFile), offset, length };
  };

  const find = (name: string, shape: readonly number[]): WeightTensor => {
    const tensor = checkpoint.tensors.get(name);
    if (!tensor) throw new UserError(`${checkpoint.folder}: the checkpoint has no tensor "${name}"`);
    if (tensor.shape.join() !== shape.join()) {
      throw new UserError(
        `${tensor.file}: tensor "${name}" has shape [${tensor.shape}], but config.json implies [${shape}]`,
      );
    }
    if (!ELEMENT[tensor.dtype])
      throw new UserError(`${tensor.file}: tensor "${name}" is ${tensor.dtype}, expected F32, F16 or BF16`);
    return tensor;
  };
  const weightAs = (type: 'float32' | 'float16', name: string, shape: readonly number[]): string => {
    const tensor = find(name, shape);
    const stored = ELEMENT[tensor.dtype]!;
    const { offset, length } = tensor;
    const value = graph.external(name, stored, shape, { location: locate(tensor.file), offset, length });
    // onnxruntime folds the cast when it loads the model.
    return stored === type ? value : graph.once(`${name} as ${type}`, () => graph.cast(value, type));
  };
  const weight = (name: string, shape: readonly number[]): string => weightAs('float32', name, shape);
  const product = (
    x: string,
    name: string,
    shape: readonly number[],
    stored: Stored,
    bias?: string,
  ): string => {
    const attributes = { transB: stored === 'out,in' ? 1 : 0 };
    const half = dtype === 'fp16';
    const matrix = weightAs(half ? 'float16' : 'float32', name, shape);
    const inputs = [half ? graph.cast(x, 'float16') : x, matrix];
    if (bias !== undefined) inputs.push(bias);
    const result = graph.node('Gemm', inputs, attributes);
    return half ? graph.cast(result, 'float32') : result;
  };

  return {
    ...attention,
    graph,
    weight,
    first(...names) {
      const found = names.find((name) => checkpoint.tensors.has(name));
      if (!found) throw new UserError(`${checkpoint.folder}: the checkpoint has no tensor "${names[0]}"`);
      return found;
    },
    embed(name, shape, by) {
      if (dtype !== 'fp16') return graph.node('Gather', [weight(name, shape), by]);
      return graph.cast(graph.node('Gather', [weightAs('float16', name, shape), by]), 'float32');
    },
    linear(x, { name, in: width, out, stored, bias }) {
      const matrix = `${name}.weight`;
      const shape = stored === 'in,out' ? [width, out] : [out, width];
      if (dtype !== 'int8') {
        const type = dtype === 'fp16' ? 'float16' : 'float32';
        return product(x, matrix, shape, stored, bias ? weightAs(type, `${name}.bias`, [out]) : undefined);
      }
      const source = find(matrix, shape);
      const blocks = Math.ceil(width / BLOCK);
      const [weights, scales] = [reserve(out * blocks * BLOCK), reserve(4 * out * blocks)];
      quantised.push({
        weightsAt: weights.offset,
        scalesAt: scales.offset,
        source,
        stored,
        in: width,
        out,
      });
      const result = graph.node(
        'MatMulNBits',
        [
          x,
          graph.external(`%int8.${matrix}`, 'uint8', [out, blocks, BLOCK], weights),
          graph.external(`%scales.${matrix}`, 'float32', [out * blocks], scales),
        ],
        { K: width, N: out, bits: 8, block_size: BLOCK, accuracy_level: 4 },
      );
      return bias ? graph.node('Add', [result, weight(`${name}.bias`, [out])]) : result;
    },
    layerNorm: (x, name, width, epsilon) =>
      graph.node(
        'LayerNormalization',
        [x, weight(`${name}.weight`, [width]), weight(`${name}.bias`, [width])],
        {
          axis: -1,
          epsilon: { float: epsilon },
        },
      ),
    rmsNorm: (x, name, width, epsilon) =>
      graph.node('SimplifiedLayerNormalization', [x, weight(`${name}.weight`, [width])], {
        axis: -1,
        epsilon: { float: epsilon },
        stash_type: 1,
      }),
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
    rows(hidden) {
      graph.input('rows', 'int32', ['R']);
      return graph.node('Gather', [hidden, 'rows']);
    },
    score(rows, head, shape) {
      const [vocabularySize] = shape;
      const logits = product(rows, head, shape, 'out,in');
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
    build: () => ({ model: graph.build(), quantised: { file: quantisedFile, tensors: quantised } }),
  };
}
