import { UserError } from '../../errors.ts';
import type { Graph, Node, ValueInfo } from '../onnx/onnx_pb.ts';
import { branchesOf } from './read.ts';

/** What an exported graph asks to be fed and gives, checked. */
export interface ExportInterface {
  readonly mask: boolean;
  readonly positions: boolean;
  /** An input that says of how many last tokens logits are wanted; 0 is all. */
  readonly logitsKept: string | null;
  /** The input that switches a merged graph to the branch that takes past keys and values. */
  readonly branch: string | null;
  /** Past keys and values [B, H, P, D] and what they become [B, H, P+S, D], two a layer; none where none go in. */
  readonly past: readonly { readonly input: string; readonly output: string }[];
  readonly pastType: 'float32' | 'float16';
  readonly heads: number;
  readonly headSize: number;
  readonly logitsType: 'float32' | 'float16';
  /** From the shape of the logits, where it is fixed. */
  readonly vocabularySize: number | null;
  /**
   * False where a token's numbers depend on what is run with it: activations are rounded to 8 bits, by scales over
   * whole tensors, or so that the last digit of a sum tips a rounding.
   */
  readonly independent: boolean;
  /** Past keys and values are handed from run to run: they go in, and no number depends on more than the past. */
  readonly reused: boolean;
  /** Takes several sequences at once. */
  readonly batched: boolean;
}

/** What a session needs to know of an export beside its graph. */
export interface ExportPorts {
  readonly ports: ExportInterface;
  /** Stands before the names of the head's inputs and outputs. */
  readonly prefix: string;
}

const FLOAT = { 1: 'float32', 10: 'float16' } as const;
const INT64 = 7;
const BOOL = 9;

/** Operators that round activations to 8 bits, most of them by the extremes of a whole tensor. */
const ROUNDING = new Set([
  'DynamicQuantizeLinear',
  'DynamicQuantizeMatMul',
  'DynamicQuantizeLSTM',
  'MatMulInteger',
  'MatMulIntegerToFloat',
  'ConvInteger',
  'QAttention',
  'QuantizeLinear',
]);

/**
 * Reads what a graph asks and gives under the names that optimum and transformers.js use.
 * @throws UserError naming the first input that is not known, or what is missing
 */
export function readInterface(file: string, graph: Graph): ExportInterface {
  const weights = new Set(graph.initializer.map(({ name }) => name));
  const outputs = new Map(graph.output.map((o) => [o.name, o]));
  const past: { input: string; output: string }[] = [];
  const shapes: Shape[] = [];
  const found = new Set<string>();
  let branch: string | null = null;
  let logitsKept: string | null = null;
  for (const input of graph.input) {
    const { name } = input;
    if (weights.has(name)) continue;
    found.add(name);
    const shape = shapeOf(input);
    const layer = /^past_key_values\.(\d+)\.(key|value)$/.exec(name);
    if (layer) {
      const output = `present.${layer[1]}.${layer[2]}`;
      const result = outputs.get(output);
      if (!result || shapeOf(result).type !== shape.type) {
        throw new UserError(
          `${file}: takes "${name}" but does not return it as "${output}" of the same type`,
        );
      }
      past.push({ input: name, output });
      shapes.push(shape);
    } else if (name === 'use_cache_branch') {
      branch = name;
      expectType(file, name, shape, BOOL, 'bool');
    } else if (name === 'num_logits_to_keep') {
      logitsKept = name;
      expectType(file, name, shape, INT64, 'int64');
    } else if (name === 'input_ids' || name === 'attention_mask' || name === 'position_ids') {
      expectType(file, name, shape, INT64, 'int64');
      for (const [i, d] of shape.dims.entries()) {
        if (typeof d === 'number' && (i > 0 || d !== 1)) {
          throw new UserError(
            `${file}: input "${name}" has the fixed shape [${shape.dims}], expected any length`,
          );
        }
      }
    } else {
      throw new UserError(`${file}: input "${name}" is not one of a causal language model's export`);
    }
  }
  const ids = graph.input.find(({ name }) => name === 'input_ids');
  if (!ids) throw new UserError(`${file}: expected an input "input_ids", found ${[...found]}`);
  const logits = outputs.get('logits');
  if (!logits) throw new UserError(`${file}: expected an output "logits", found ${[...outputs.keys()]}`);
  const independent = !roundsActivations(graph);
  const { type, dims } = shapeOf(logits);
  const last = dims.at(-1);
  return {
    mask: found.has('attention_mask'),
    positions: found.has('position_ids'),
    logitsKept,
    branch,
    past,
    ...pastShape(file, past, shapes),
    logitsType: floatType(file, 'logits', type),
    vocabularySize: typeof last === 'number' && dims.length === 3 ? last : null,
    independent,
    reused: independent && past.length > 0,
    batched: typeof shapeOf(ids).dims[0] === 'string',
  };
}

/** Element type by its number, and each dimension as a number or the name of what it stands for. */
interface Shape {
  readonly type: number;
  readonly dims: readonly (number | string)[];
}

function shapeOf(value: ValueInfo): Shape {
  const tensor = value.type?.value.value;
  const dims = tensor?.shape?.dim ?? [];
  return {
    type: tensor?.elemType ?? 0,
    dims: dims.map(({ value: d }) => (d.case === 'dimValue' ? Number(d.value) : (d.value ?? '?'))),
  };
}

function expectType(file: string, name: string, { type }: Shape, expected: number, word: string): void {
  if (type === expected) return;
  throw new UserError(`${file}: "${name}" expected ${word}, found ONNX element type ${type}`);
}

function floatType(file: string, name: string, type: number): 'float32' | 'float16' {
  if (type === 1 || type === 10) return FLOAT[type];
  throw new UserError(`${file}: "${name}" expected float32 or float16, found ONNX element type ${type}`);
}

function pastShape(
  file: string,
  past: readonly { readonly input: string }[],
  shapes: readonly Shape[],
): Pick<ExportInterface, 'pastType' | 'heads' | 'headSize'> {
  const [first] = shapes;
  if (!first) return { pastType: 'float32', heads: 0, headSize: 0 };
  for (const [i, { type, dims }] of shapes.entries()) {
    const [batch, heads, length, size] = dims;
    const good =
      dims.length === 4 &&
      batch !== 0 &&
      typeof length === 'string' &&
      heads === first.dims[1] &&
      size === first.dims[3];
    if (!good || typeof heads !== 'number' || typeof size !== 'number' || type !== first.type) {
      throw new UserError(
        `${file}: input "${past[i]!.input}" has shape [${dims}], expected [batch, heads, length, size] with heads and size fixed and the same in all layers`,
      );
    }
  }
  return {
    pastType: floatType(file, past[0]!.input, first.type),
    heads: first.dims[1] as number,
    headSize: first.dims[3] as number,
  };
}

function roundsActivations(graph: Graph): boolean {
  const rounds = ({ opType, attribute }: Node): boolean =>
    ROUNDING.has(opType) ||
    (opType === 'MatMulNBits' && attribute.some(({ name, i }) => name === 'accuracy_level' && i === 4n));
  return graph.node.some(rounds) || branchesOf(graph).some(roundsActivations);
}
