import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { architectureOf } from '../../src/models/architectures/index.ts';
import { readCheckpoint, readJson } from '../../src/models/checkpoint.ts';
import { readExport } from '../../src/models/exports/export.ts';
import { rotaryTables } from '../../src/models/rotary.ts';
import { readSafetensors } from '../../src/models/safetensors.ts';
import { openTokenizer } from '../../src/models/tokenizers/open.ts';
import type { Tokenizer } from '../../src/types.ts';
import { exportFolder } from '../helpers/exports.ts';
import { TINY } from '../helpers/tiny-checkpoints.ts';
import { CASES, fuzz, jsonText, mutatedBytes, mutatedJson, peakMiB } from './fuzz.ts';

type Json = Record<string, unknown>;

/** Tiny tokenizers of every family, and texts that pull them apart: see make_tokenizers.py beside the file. */
const { texts: all, families } = JSON.parse(
  readFileSync(new URL('../vectors/tokenizers.json', import.meta.url), 'utf8'),
) as {
  texts: string[];
  families: Record<string, { config: Json; tokenizer_config: Json; tokenizer: Json & { model: Json } }>;
};
const texts = all.slice(0, 40).filter((_, i) => i % 2 === 0);

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-hostile-models-'));
const before = peakMiB();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function tiny(name: string): string {
  const path = join(folder, name);
  const { options, write } = TINY[name]!;
  write(path, { ...options, byteTokenizer: true });
  return path;
}

/** The header of a safetensors file as JSON, and what follows it. */
function parts(path: string): { header: Record<string, unknown>; data: Buffer } {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  return { header: JSON.parse(bytes.toString('utf8', 8, 8 + length)), data: bytes.subarray(8 + length) };
}

function withHeader(header: unknown, data: Buffer): Buffer {
  const json = Buffer.from(jsonText(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

describe('safetensors', () => {
  test('headers of changed bytes and changed JSON', async () => {
    const path = join(tiny('unscaled'), 'model.safetensors');
    const target = join(folder, 'changed.safetensors');
    const bytes = readFileSync(path);
    const { header, data } = parts(path);
    const head = bytes.subarray(0, bytes.length - data.length);
    const read = async (changed: Buffer): Promise<void> => {
      writeFileSync(target, changed);
      const tensors = [...(await readSafetensors(target)).values()].sort((a, b) => a.offset - b.offset);
      // Whatever the header says, no tensor shares a byte with another, and none is left over.
      let end = changed.length - data.length;
      for (const tensor of tensors) {
        expect(tensor.offset).toBe(end);
        end += tensor.length;
      }
      expect(end).toBe(changed.length);
    };
    await fuzz('safetensors bytes', mutatedBytes(head), (changed) => read(Buffer.concat([changed, data])));
    await fuzz('safetensors JSON', mutatedJson(header), (changed) => read(withHeader(changed, data)));
  });
});

/** A checkpoint's folder with one file of it replaced, which is put back when the attempt is over. */
async function changing(path: string, bytes: Buffer | string, attempt: () => Promise<void>): Promise<void> {
  const former = readFileSync(path);
  writeFileSync(path, bytes);
  try {
    await attempt();
  } finally {
    writeFileSync(path, former);
  }
}

describe('checkpoints', () => {
  test('indexes of shards', async () => {
    const own = tiny('untied-sharded');
    const path = join(own, 'model.safetensors.index.json');
    const former = await readCheckpoint(own);
    const read = (text: Buffer | string): Promise<void> =>
      changing(path, text, async () => {
        const found = await readCheckpoint(own);
        // The rest is told where the graph asks for a tensor; none is ever taken from another place.
        architectureOf(found).graph({ weightFolder: folder, dtype: 'fp32', quantisedFile: '' });
        for (const [name, tensor] of found.tensors) expect(tensor).toEqual(former.tensors.get(name));
        expect(found.weightFiles).toEqual(former.weightFiles);
      });
    await fuzz('shard index bytes', mutatedBytes(readFileSync(path)), read);
    const index: unknown = JSON.parse(readFileSync(path, 'utf8'));
    await fuzz('shard index JSON', mutatedJson(index), (v) => read(jsonText(v)));
  });

  test.each(['unscaled', 'gpt1', 'gpt-neo', 'gpt-neox', 'llama', 'llama-yarn', 'qwen2'])(
    'config.json of %s',
    async (name) => {
      const own = tiny(name);
      const path = join(own, 'config.json');
      const { tensors, config } = await readCheckpoint(own);
      const graphOf = (found: Readonly<Record<string, unknown>>): string => {
        const architecture = architectureOf({ folder: own, config: found, tensors, weightFiles: [] });
        const { model } = architecture.graph({ weightFolder: folder, dtype: 'fp32', quantisedFile: '' });
        const { rotary, contextLength } = architecture;
        // What is computed for a window: tables of positions are as long as it.
        if (rotary) rotaryTables(rotary, new Int32Array(8));
        return JSON.stringify([Buffer.from(model).toString('latin1'), rotary, contextLength]);
      };
      const former = graphOf(config);
      const read = (text: Buffer | string): Promise<void> =>
        changing(path, text, async () => {
          const found = await readJson(path);
          // Another computation never goes by the name of the first: the run holds a hash of the values read.
          if (graphOf(found) !== former) expect(JSON.stringify(found)).not.toBe(JSON.stringify(config));
        });
      await fuzz(`config.json bytes (${name})`, mutatedBytes(readFileSync(path)), read);
      await fuzz(`config.json JSON (${name})`, mutatedJson(config), (v) => read(jsonText(v)));
    },
  );
});

describe('tokenizers', () => {
  test.each(Object.keys(families))('tokenizer.json of %s', async (name) => {
    const { tokenizer, tokenizer_config, config } = families[name]!;
    const own = join(folder, `tokenizer ${name}`);
    mkdirSync(own, { recursive: true });
    const path = join(own, 'tokenizer.json');
    writeFileSync(join(own, 'tokenizer_config.json'), JSON.stringify(tokenizer_config));
    writeFileSync(path, JSON.stringify(tokenizer));
    const open = (): ReturnType<typeof openTokenizer> => openTokenizer(own, { vocabularySize: 1000, config });
    const encoded = (found: Tokenizer): string =>
      JSON.stringify(texts.map((text) => [found.encode(text), found.encode(text, { special: true })]));
    const former = await open();
    const expected = encoded(former);
    const read = (text: Buffer | string): Promise<void> =>
      changing(path, text, async () => {
        const found = await open();
        const now = encoded(found);
        if (now !== expected) expect(found.sha256).not.toBe(former.sha256);
        for (const id of (JSON.parse(now) as number[][][]).flat(2)) {
          expect(Number.isInteger(id) && id >= 0 && id < found.vocabularySize, `id ${id}`).toBe(true);
          expect(typeof found.decode([id])).toBe('string');
        }
      });
    await fuzz(`tokenizer.json bytes (${name})`, mutatedBytes(readFileSync(path)), read);
    // Most of a tokenizer is its vocabulary, which any change breaks: the rest is changed more often.
    const { model, ...rest } = tokenizer;
    await fuzz(`tokenizer.json JSON (${name})`, mutatedJson(tokenizer), (v) => read(jsonText(v)));
    await fuzz(
      `tokenizer.json rules (${name})`,
      mutatedJson({ ...rest, model: { ...model, vocab: null, merges: null } }),
      (v) => {
        const { model: changed, ...others } = v as typeof tokenizer;
        const { vocab, merges } = model;
        return read(
          jsonText({
            ...others,
            model: typeof changed === 'object' && changed !== null ? { ...changed, vocab, merges } : changed,
          }),
        );
      },
    );
  });
});

describe('ONNX files', () => {
  test.each(['plain', 'past', 'merged', 'fp16', 'int8', 'external'])('%s.onnx', async (name) => {
    const own = exportFolder(join(folder, name), {
      'model.onnx': `${name}.onnx`,
      ...(name === 'external' ? { 'external.onnx_data': 'external.onnx_data' } : {}),
    });
    const path = join(own, 'model.onnx');
    const bytes = readFileSync(path);
    const read = (changed: Buffer): Promise<void> =>
      changing(path, changed, async () => {
        const { checkpoint, architecture } = await readExport({ file: path, folder: own });
        for (const { file, offset, length, shape } of checkpoint.tensors.values()) {
          expect(
            offset >= 0 && length >= 0 && offset + length <= statSync(file).size,
            `${offset} ${length}`,
          ).toBe(true);
          expect(
            shape.every((d) => Number.isSafeInteger(d) && d >= 0),
            `${shape}`,
          ).toBe(true);
        }
        architecture.graph({ weightFolder: own, dtype: 'fp32', quantisedFile: '' });
      });
    await fuzz(`ONNX bytes (${name})`, mutatedBytes(bytes), read, 4 * CASES);
  });
});

test('nothing of it took much memory', () => {
  expect(peakMiB() - before).toBeLessThan(700);
});

test('a head of two thousand million dimensions is refused before a table of them is made', async () => {
  const own = tiny('llama');
  const config = { ...(await readJson(join(own, 'config.json'))), head_dim: 2 ** 31 };
  const { tensors } = await readCheckpoint(own);
  expect(() => architectureOf({ folder: own, config, tensors, weightFiles: [] })).toThrow(
    /2147483648 of 2147483648 dimensions/,
  );
});
