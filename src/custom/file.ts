import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { RecordFormat } from '../data/card.ts';
import { decodeFile } from '../data/decode.ts';
import type { Split } from '../data/split.ts';
import { messageOf, UserError } from '../errors.ts';

/** A file of the user's and its SHA-256. @throws UserError where it can't be read */
export async function readOwn(path: string): Promise<{ readonly bytes: Buffer; readonly sha256: string }> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new UserError(`${path}: cannot be read: ${messageOf(error)}`);
  });
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

const FORMATS: Readonly<Record<string, RecordFormat>> = {
  csv: 'csv',
  tsv: 'tsv',
  jsonl: 'jsonl',
  json: 'json',
  txt: 'lines',
  parquet: 'parquet',
};

/**
 * Reads the records of a file that no card describes, by the end of its name.
 * @throws UserError where it can't be read, is of another kind, or holds no record
 */
export async function readOwnRecords(path: string): Promise<Split> {
  const ending = /\.([a-z]+)(?:\.(?:gz|bz2|zst))?$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  const format = FORMATS[ending];
  if (format === undefined) {
    throw new UserError(`${path}: expected a file that ends in .${Object.keys(FORMATS).join(', .')}`);
  }
  const { bytes, sha256 } = await readOwn(path);
  // Spreadsheets put a byte-order mark before their texts.
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const records = await decodeFile(path, marked ? bytes.subarray(3) : bytes, { format });
  if (records.length === 0) throw new UserError(`${path}: expected items, found none`);
  return { records, sha256, known: false, warnings: [] };
}
