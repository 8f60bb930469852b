import { open, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, relative, sep } from 'node:path';
import { clone, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageOf, UserError } from '../../errors.ts';
import { type Graph, type Model, ModelSchema, type Tensor } from '../onnx/onnx_pb.ts';
import type { WeightTensor } from '../safetensors.ts';

/** An ONNX file without its weights, and where each of them lies. */
export interface OnnxFile {
  readonly model: Model;
  /** Weights by name. */
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  /** Real paths: the ONNX file, then its data files by name. */
  readonly files: readonly string[];
}

/** Tensors below this many bytes stay in the model: the runtime reads shapes and axes from it before the weights. */
const SMALL = 1024;

/** Element types that weights have, by their number in ONNX's TensorProto.DataType, as safetensors names them. */
const WEIGHTS: Readonly<Record<number, string>> = {
  1: 'F32',
  2: 'U8',
  3: 'I8',
  10: 'F16',
  11: 'F64',
  16: 'BF16',
};

/**
 * Reads an ONNX file and cuts the weights out of it: those inside become external tensors that point into the file
 * itself (onnxruntime maps them at any alignment), those in data files keep their place. The file is in memory
 * while it is parsed and no longer.
 * @throws UserError where it is not an ONNX model, or a data file is missing or too short
 */
export async function readOnnx(path: string): Promise<OnnxFile> {
  const file = await realpath(path);
  const bytes = await readWhole(file);
  let model: Model;
  try {
    model = fromBinary(ModelSchema, bytes);
  } catch (error) {
    throw new UserError(`${path}: not an ONNX model: ${messageOf(error)}`);
  }
  if (!model.graph || model.graph.node.length === 0)
    throw new UserError(`${path}: not an ONNX model: no graph`);
  const tensors = new Map<string, WeightTensor>();
  const dataFiles = new Map<string, DataFile>();
  for (const tensor of tensorsOf(model.graph)) {
    if (tensor.dataLocation === 1) {
      const location = entryOf(tensor, 'location') ?? '';
      const data = dataFiles.get(location) ?? (await dataFile(path, location));
      dataFiles.set(location, data);
      const offset = Number(entryOf(tensor, 'offset') ?? 0);
      const length = Number(entryOf(tensor, 'length') ?? 0);
      if (offset + length > data.size) {
        throw new UserError(
          `${data.file}: tensor "${tensor.name}" ends at byte ${offset + length}, but the file ends at ${data.size}: truncated`,
        );
      }
      tensor.externalData = external(data.file, offset, length);
      addWeight(tensor, { file: data.file, offset, length });
    } else {
      const { byteOffset, length } = tensor.rawData;
      addWeight(tensor, { file, offset: byteOffset - bytes.byteOffset, length });
      if (length < SMALL) continue;
      tensor.externalData = external(file, byteOffset - bytes.byteOffset, length);
      tensor.dataLocation = 1;
      tensor.rawData = new Uint8Array(0);
    }
  }
  const slim = toBinary(ModelSchema, model);
  // Moving the file's bytes into a message that nobody reads frees them now, not at some later garbage collection.
  structuredClone(undefined, { transfer: [bytes.buffer] });
  const others = [...new Set([...dataFiles.values()].map((data) => data.file))]
    .filter((f) => f !== file)
    .sort();
  return { model: fromBinary(ModelSchema, slim), tensors, files: [file, ...others] };

  function addWeight(tensor: Tensor, at: Pick<WeightTensor, 'file' | 'offset' | 'length'>): void {
    const dtype = WEIGHTS[tensor.dataType];
    if (dtype !== undefined) tensors.set(tensor.name, { dtype, shape: tensor.dims.map(Number), ...at });
  }
}

/** Serialises a model whose locations of external tensors, real paths until here, become relative to a folder. */
export function placeWeights(model: Model, folder: string): Uint8Array {
  const placed = clone(ModelSchema, model);
  for (const { externalData } of tensorsOf(placed.graph!)) {
    const location = externalData.find(({ key }) => key === 'location');
    if (location) location.value = relative(folder, location.value).split(sep).join('/');
  }
  return toBinary(ModelSchema, placed);
}

/** The initializers of a graph and of the branches in it. */
function* tensorsOf(graph: Graph): Generator<Tensor> {
  yield* graph.initializer;
  for (const branch of branchesOf(graph)) yield* tensorsOf(branch);
}

/** The graphs that a graph's nodes hold as attributes. */
export function branchesOf(graph: Graph): Graph[] {
  return graph.node.flatMap((node) => node.attribute.flatMap(({ g }) => g ?? []));
}

function entryOf(tensor: Tensor, key: string): string | undefined {
  return tensor.externalData.find((entry) => entry.key === key)?.value;
}

function external(location: string, offset: number, length: number): Tensor['externalData'] {
  const entries = { location, offset: String(offset), ...(length > 0 ? { length: String(length) } : {}) };
  return Object.entries(entries).map(([key, value]) => ({
    $typeName: 'evalgpt.onnx.StringEntry' as const,
    key,
    value,
  }));
}

interface DataFile {
  readonly file: string;
  readonly size: number;
}

async function dataFile(path: string, location: string): Promise<DataFile> {
  const inside = normalize(location);
  if (location === '' || isAbsolute(location) || inside.startsWith('..')) {
    throw new UserError(`${path}: names the data file ${JSON.stringify(location)}, expected one beside it`);
  }
  const beside = join(dirname(path), inside);
  const file = await realpath(beside).catch(() => {
    throw new UserError(`${beside}: missing; ${path} keeps weights in it`);
  });
  return { file, size: (await stat(file)).size };
}

async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const { size } = await stat(path);
  if (size >= 2 ** 31) {
    throw new UserError(
      `${path}: expected an ONNX file below 2 GiB, the format's limit, found ${size} bytes`,
    );
  }
  const bytes = new Uint8Array(size);
  const handle = await open(path, 'r');
  try {
    for (let at = 0; at < size; ) {
      const { bytesRead } = await handle.read(bytes, at, size - at, at);
      if (bytesRead === 0) throw new UserError(`${path}: ended at byte ${at} of ${size} while it was read`);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
  return bytes;
}
