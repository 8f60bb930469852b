import { create, toBinary } from '@bufbuild/protobuf';
import {
  type Attribute,
  AttributeSchema,
  ModelSchema,
  type Node,
  NodeSchema,
  type Tensor,
  TensorSchema,
  type ValueInfo,
  ValueInfoSchema,
} from './onnx_pb.ts';

/** Element types by their number in ONNX's TensorProto.DataType. */
const ElementType = {
  float32: 1,
  float64: 11,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
} as const;
export type ElementTypeName = keyof typeof ElementType;

/** Operators that are onnxruntime's own, not ONNX's. */
const CONTRIBUTED: ReadonlySet<string> = new Set(['MatMulNBits', 'MultiHeadAttention']);

type AttributeValue = number | string | readonly number[] | { readonly float: number };

/**
 * Collects nodes and tensors of one ONNX graph. A value is its name; every method that adds a node returns the
 * name of its (first) output, so a graph reads as nested calls.
 */
export class GraphBuilder {
  private readonly nodes: Node[] = [];
  private readonly tensors = new Map<string, Tensor>();
  private readonly inputs: ValueInfo[] = [];
  private readonly outputs: ValueInfo[] = [];
  private readonly computed = new Map<string, string>();
  private counter = 0;

  /** Adds what `make` adds on the first call with this key; later calls get the same value. */
  once(key: string, make: () => string): string {
    const known = this.computed.get(key) ?? make();
    this.computed.set(key, known);
    return known;
  }

  /** True where the graph has an input of that name. */
  has(input: string): boolean {
    return this.inputs.some(({ name }) => name === input);
  }

  input(name: string, type: ElementTypeName, shape: readonly (number | string)[]): string {
    this.inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** Makes a value an output of the graph, under the name that its node gave it. */
  output(value: string, type: ElementTypeName, shape: readonly (number | string)[]): void {
    this.outputs.push(valueInfo(value, type, shape));
  }

  /**
   * Adds a node. Attributes that are whole numbers become ints; write `{ float: 1 }` where a float is meant.
   * A value that leaves the graph is given its `name` here: an Identity node would copy it.
   */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeValue> = {},
    name: string = this.fresh(op),
  ): string {
    this.add(op, inputs, { outputs: [name], attributes });
    return name;
  }

  cast(value: string, to: ElementTypeName): string {
    return this.node('Cast', [value], { to: ElementType[to] });
  }

  /** Cuts a value into parts of the given sizes along an axis. */
  split(value: string, sizes: readonly number[], axis: number): string[] {
    const outputs = sizes.map(() => this.fresh('Split'));
    this.add('Split', [value, this.constant('int64', sizes)], { outputs, attributes: { axis } });
    return outputs;
  }

  /** The k largest values along the last axis, descending, lower index first on ties; their indexes become `indexes`. */
  top(value: string, k: string, indexes: string): string {
    const values = this.fresh('TopK');
    this.add('TopK', [value, k], { outputs: [values, indexes], attributes: { axis: -1 } });
    return values;
  }

  /** A small constant stored in the model itself; the same constant asked twice is stored once. */
  constant(
    type: 'float32' | 'int32' | 'int64',
    values: readonly number[],
    shape: readonly number[] = [values.length],
  ): string {
    const name = `const.${type}.${shape.join('x')}.${values.join('_')}`;
    if (!this.tensors.has(name)) {
      const data =
        type === 'int64'
          ? BigInt64Array.from(values, BigInt)
          : type === 'int32'
            ? Int32Array.from(values)
            : Float32Array.from(values);
      this.tensors.set(
        name,
        create(TensorSchema, {
          name,
          dataType: ElementType[type],
          dims: shape.map(BigInt),
          rawData: new Uint8Array(data.buffer),
        }),
      );
    }
    return name;
  }

  scalar(value: number): string {
    return this.constant('float32', [value], []);
  }

  /** A tensor that stays in its own file: bytes [offset, offset + length) of `location`. */
  external(
    name: string,
    type: ElementTypeName,
    shape: readonly number[],
    at: { readonly location: string; readonly offset: number; readonly length: number },
  ): string {
    if (!this.tensors.has(name)) {
      this.tensors.set(
        name,
        create(TensorSchema, {
          name,
          dataType: ElementType[type],
          dims: shape.map(BigInt),
          dataLocation: 1,
          externalData: [
            { key: 'location', value: at.location },
            { key: 'offset', value: String(at.offset) },
            { key: 'length', value: String(at.length) },
          ],
        }),
      );
    }
    return name;
  }

  /** The serialised model: IR version 10, operator set 20. */
  build(): Uint8Array {
    return toBinary(
      ModelSchema,
      create(ModelSchema, {
        irVersion: 10n,
        producerName: 'evalgpt',
        opsetImport: [
          { domain: '', version: 20n },
          { domain: 'com.microsoft', version: 1n },
        ],
        graph: {
          name: 'evalgpt',
          node: this.nodes,
          initializer: [...this.tensors.values()],
          input: this.inputs,
          output: this.outputs,
        },
      }),
    );
  }

  // Names carry a prefix of their own, so that they never meet a tensor's name in the checkpoint.
  private fresh(op: string): string {
    return `%${op}.${this.counter++}`;
  }

  private add(
    op: string,
    inputs: readonly string[],
    options: { outputs: string[]; attributes?: Record<string, AttributeValue> },
  ): void {
    const attribute = Object.entries(options.attributes ?? {}).map(([name, value]) =>
      toAttribute(name, value),
    );
    this.nodes.push(
      create(NodeSchema, {
        opType: op,
        domain: CONTRIBUTED.has(op) ? 'com.microsoft' : '',
        name: options.outputs[0] ?? op,
        input: [...inputs],
        output: options.outputs,
        attribute,
      }),
    );
  }
}

// Attribute types by their number in ONNX's AttributeProto.AttributeType.
function toAttribute(name: string, value: AttributeValue): Attribute {
  if (typeof value === 'string') return create(AttributeSchema, { name, type: 3, s: Buffer.from(value) });
  if (typeof value === 'number') return create(AttributeSchema, { name, type: 2, i: BigInt(value) });
  if ('float' in value) return create(AttributeSchema, { name, type: 1, f: value.float });
  return create(AttributeSchema, { name, type: 7, ints: value.map(BigInt) });
}

function valueInfo(name: string, type: ElementTypeName, shape: readonly (number | string)[]): ValueInfo {
  const dim = shape.map((d) =>
    typeof d === 'string'
      ? { value: { case: 'dimParam' as const, value: d } }
      : { value: { case: 'dimValue' as const, value: BigInt(d) } },
  );
  return create(ValueInfoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: ElementType[type], shape: { dim } } } },
  });
}
