import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../../errors.ts';
import type { Dtype } from '../../types.ts';

/** An ONNX file to be scored, and the folder that holds its config.json and tokenizer. */
export interface ExportFile {
  readonly file: string;
  readonly folder: string;
}

/**
 * Names of optimum and transformers.js, the most useful first: a file that takes past keys and values saves the
 * shared beginnings, and decoder_with_past_model comes last because it need not work without any.
 */
const STEMS = ['model', 'decoder_model_merged', 'decoder_model', 'decoder_with_past_model'];
const SUFFIXES: Readonly<Record<Dtype, readonly string[]>> = {
  fp32: [''],
  fp16: ['_fp16'],
  int8: ['_int8', '_quantized', '_uint8'],
};

/**
 * Finds the ONNX file that a model reference means: the file itself, or of a folder without safetensors (or its
 * `onnx` subfolder) the one of the wanted type. Undefined where the reference is no export.
 * @throws UserError where there are ONNX files, but none of that type under a known name
 */
export async function findExport(ref: string, type: Dtype): Promise<ExportFile | undefined> {
  if (ref.endsWith('.onnx')) {
    const info = await stat(ref).catch(() => undefined);
    if (info?.isDirectory()) return undefined;
    if (!info) throw new UserError(`--model ${ref}: no such file`);
    if (type !== 'fp32') {
      throw new UserError(
        `--dtype ${type}: ${ref} is computed as it is; name its folder to choose among exports`,
      );
    }
    const own = dirname(ref);
    const folder = [own, dirname(own)].find((path) => existsSync(join(path, 'config.json')));
    if (folder === undefined) {
      throw new UserError(`--model ${ref}: expected config.json beside it or one folder up, found none`);
    }
    return { file: ref, folder };
  }
  const found: string[] = [];
  for (const folder of [ref, join(ref, 'onnx')]) {
    const names = await readdir(folder).catch((): string[] => []);
    if (names.some((name) => /\.safetensors(\.index\.json)?$/.test(name))) return undefined;
    for (const stem of STEMS) {
      for (const suffix of SUFFIXES[type]) {
        const name = `${stem}${suffix}.onnx`;
        if (names.includes(name)) return { file: join(folder, name), folder: ref };
      }
    }
    found.push(...names.filter((name) => name.endsWith('.onnx')));
  }
  if (found.length === 0) return undefined;
  throw new UserError(
    `--model ${ref}: no ${type} export under a known name (${SUFFIXES[type].map((s) => `model${s}.onnx`).join(', ')}); found ${found.sort().join(', ')}: name one of these files`,
  );
}
