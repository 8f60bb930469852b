import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { readSafetensors, type WeightTensor } from './safetensors.ts';

/** A Hugging Face checkpoint folder: its configuration and where every tensor lies. No weight is read. */
export interface Checkpoint {
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  /** The weight files' real paths, in order of name. */
  readonly weightFiles: readonly string[];
}

/**
 * Reads a folder with config.json and model.safetensors or model.safetensors.index.json.
 * Weight files are resolved with realpath: the hub's cache is made of symlinks, which onnxruntime refuses.
 * @throws UserError where a file is missing or malformed.
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const info = await stat(folder).catch(() => undefined);
  if (!info) throw new UserError(`--model ${folder}: no such folder`);
  if (!info.isDirectory())
    throw new UserError(`--model ${folder}: expected a checkpoint folder, found a file`);
  const config = await readJson(join(folder, 'config.json'));
  const files = await weightFiles(folder);
  const tensors = new Map<string, WeightTensor>();
  const real: string[] = [];
  for (const [path, names] of files) {
    const resolved = await realpath(path).catch(() => {
      throw new UserError(`${path}: missing; the checkpoint's index names it`);
    });
    real.push(resolved);
    const found = await readSafetensors(resolved);
    for (const name of names ?? found.keys()) {
      const tensor = found.get(name);
      if (!tensor)
        throw new UserError(`${path}: tensor "${name}" is missing; the checkpoint's index places it here`);
      tensors.set(name, tensor);
    }
  }
  return { folder, config, tensors, weightFiles: real };
}

/** Reads a JSON object. @throws UserError naming the file. */
export async function readJson(path: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UserError(`${path}: cannot be read: ${messageOf(error)}`);
  }
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new UserError(`${path}: not JSON: ${messageOf(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UserError(
      `${path}: expected a JSON object, found ${Array.isArray(value) ? 'an array' : typeof value}`,
    );
  }
  return value as Record<string, unknown>;
}

/** Weight files and, for a sharded checkpoint, the tensors that the index places in each. */
async function weightFiles(folder: string): Promise<[path: string, names: string[] | null][]> {
  const single = join(folder, 'model.safetensors');
  if (existsSync(single)) return [[single, null]];
  const indexPath = join(folder, 'model.safetensors.index.json');
  if (!existsSync(indexPath)) {
    const pickled = existsSync(join(folder, 'pytorch_model.bin'));
    throw new UserError(
      `${folder}: expected model.safetensors or model.safetensors.index.json, found neither${
        pickled
          ? ' (pytorch_model.bin is a pickle, which can run code and is never loaded: save it as safetensors)'
          : ''
      }`,
    );
  }
  const { weight_map: map } = await readJson(indexPath);
  if (typeof map !== 'object' || map === null) {
    throw new UserError(`${indexPath}: expected "weight_map" to be an object, found ${JSON.stringify(map)}`);
  }
  const shards = new Map<string, string[]>();
  for (const [tensor, file] of Object.entries(map as Record<string, unknown>)) {
    if (typeof file !== 'string' || basename(file) !== file || ['', '.', '..'].includes(file)) {
      throw new UserError(
        `${indexPath}: tensor "${tensor}" lies in ${JSON.stringify(file)}, expected a file name`,
      );
    }
    shards.set(file, [...(shards.get(file) ?? []), tensor]);
  }
  return [...shards].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, names]) => [join(folder, file), names]);
}

/** The deepest folder that holds all the given absolute files. */
export function commonFolder(files: readonly string[]): string {
  const parts = files.map((file) => dirname(file).split(sep));
  const first = parts[0]!;
  let depth = 0;
  while (depth < first.length && parts.every((p) => p[depth] === first[depth])) depth++;
  return first.slice(0, depth).join(sep) || sep;
}

/** SHA-256 of a checkpoint's weight files in order; of a single file, that file's own. */
export async function hashWeights(files: readonly string[]): Promise<string> {
  const digests: string[] = [];
  // One buffer for all: a stream would leave the whole file behind as garbage.
  const buffer = Buffer.alloc(1 << 22);
  for (const file of files) {
    const hash = createHash('sha256');
    const handle = await open(file, 'r');
    try {
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
    digests.push(hash.digest('hex'));
  }
  return digests.length === 1 ? digests[0]! : createHash('sha256').update(digests.join('\n')).digest('hex');
}
