import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { hasCode, messageOf, UserError } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { Sample } from '../types.ts';
import { SAMPLE } from './record-shape.ts';
import { checkShape, type Shape } from './shape.ts';

/** Where a line stands in a file, in bytes. */
export interface Place {
  readonly offset: number;
  readonly bytes: number;
}

const LINE_FEED = 10;

/**
 * Reads the lines of a JSONL file one by one, with their places; a last line without an end is left out.
 * @param shape what every line must be
 * @returns false where there is no such file
 * @throws UserError naming the line that is no JSON object of the shape
 */
export async function scanLines<T extends object>(
  path: string,
  shape: Shape,
  visit: (value: T, place: Place) => void,
): Promise<boolean> {
  let rest: Buffer[] = [];
  let offset = 0;
  let line = 0;
  const take = (bytes: Buffer): void => {
    line++;
    if (bytes.length > 0)
      visit(parseObject(bytes.toString('utf8'), shape, `${path}:${line}`), { offset, bytes: bytes.length });
    offset += bytes.length + 1;
  };
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
        const part = chunk.subarray(from, end);
        take(rest.length === 0 ? part : Buffer.concat([...rest, part]));
        rest = [];
        from = end + 1;
      }
      if (from < chunk.length) rest.push(chunk.subarray(from));
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    if (error instanceof UserError) throw error;
    throw new UserError(`${path}: cannot be read: ${messageOf(error)}`);
  }
  return true;
}

function parseObject<T extends object>(text: string, shape: Shape, where: string): T {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new UserError(`${where}: not JSON: ${messageOf(error)}`);
  }
  checkShape(value, shape, where);
  return value as T;
}

/** The samples at some places of a file. */
export async function readSamplesAt(path: string, places: readonly Place[]): Promise<Sample[]> {
  const file = await open(path);
  try {
    const samples: Sample[] = [];
    for (const { offset, bytes } of places) {
      const buffer = Buffer.alloc(bytes);
      await file.read(buffer, 0, bytes, offset);
      samples.push(parseObject<Sample>(buffer.toString('utf8'), SAMPLE, `${path}, byte ${offset}`));
    }
    return samples;
  } finally {
    await file.close();
  }
}

/** A model's tokens as text by id; none where the run has kept none. */
export async function readTokens(path: string): Promise<readonly string[]> {
  try {
    const list: unknown = parseJson(await readFile(path, 'utf8'));
    return Array.isArray(list) ? list.map(String) : [];
  } catch {
    return [];
  }
}
