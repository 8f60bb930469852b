import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Parser, type ReadEntry } from 'tar';
import { messageOf, UserError } from '../errors.ts';
import type { FileFacts } from './card.ts';
import { unpacked } from './decompress.ts';
import { readParquetRows } from './parquet.ts';
import { type DataRecord, parseJson, parseRecords, parseRows } from './records.ts';
import { decodeUtf8 } from './text.ts';

/**
 * The records of a file.
 * @throws UserError naming the file and the line, member or row where it is not what its format says
 */
export async function decodeFile(
  path: string,
  bytes: Buffer,
  { format, members, header, each }: Pick<FileFacts, 'format' | 'members' | 'header' | 'each'>,
): Promise<DataRecord[]> {
  const content = await unpacked(path, bytes);
  if (format === 'tar') return tarRecords(path, content, members ?? '');
  if (format === 'parquet') return parquetRecords(path, content);
  return parseRecords(path, decodeUtf8(path, content), format, { header, each });
}

/** Members in the order of their names, whatever the archive's. */
async function tarRecords(path: string, content: Buffer, members: string): Promise<DataRecord[]> {
  const found: { readonly name: string; readonly content: Promise<Buffer> }[] = [];
  const parser = new Parser({
    strict: true,
    onReadEntry(entry: ReadEntry) {
      const name = entry.path.replace(/^(\.\/)+/, '');
      if (entry.type === 'File' && name.startsWith(members)) found.push({ name, content: buffer(entry) });
      else entry.resume();
    },
  });
  try {
    await new Promise((resolve, reject) => {
      parser.on('end', resolve).on('error', reject);
      Readable.from([content]).pipe(parser);
    });
  } catch (error) {
    throw new UserError(`${path}: expected a tar archive: ${messageOf(error)}`);
  }
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  const records: DataRecord[] = [];
  for (const member of found) {
    const where = `${path}: ${member.name}`;
    records.push(parseJson(where, records.length + 1, decodeUtf8(where, await member.content)));
  }
  return records;
}

async function parquetRecords(path: string, content: Buffer): Promise<DataRecord[]> {
  // A copy: a small Buffer is a piece of a larger pool.
  const file = new Uint8Array(content).buffer;
  let rows: Record<string, unknown>[];
  try {
    rows = await readParquetRows(file);
  } catch (error) {
    throw new UserError(`${path}: expected a parquet file: ${messageOf(error)}`);
  }
  return parseRows(path, rows.map(plain) as Record<string, unknown>[]);
}

/** As JSON would have it: parquet's 64-bit integers come as bigints. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, plain(own)]));
}
