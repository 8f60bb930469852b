import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, UserError } from '../errors.ts';
import type { CorpusFile } from './corpus.ts';
import { textReader } from './text-reader.ts';
import type { WordSink } from './words.ts';

/** What is told while a file is read. */
export interface CorpusReader extends WordSink {
  /** A document begins, numbered from 1: by its line in JSON Lines, by its row in Parquet. */
  document(number: number): void;
}

/** Bytes of the disk that are read at once: a piece and what is made of it stay in the processor's cache. */
const PIECE = 1 << 18;

/**
 * Reads a file's words, piece by piece: of the file no more than a piece is in memory, of JSON Lines a line, of
 * Parquet a row group.
 * @param field where a line's or row's text stands
 * @param onBytes told of bytes as they are read from the disk
 * @returns how many documents and bytes there were
 * @throws UserError where the file can't be read or is not what its name says
 */
export async function readCorpusFile(
  file: CorpusFile,
  field: string,
  reader: CorpusReader,
  onBytes: (bytes: number) => void,
): Promise<{ readonly documents: number; readonly bytes: number }> {
  let bytes = 0;
  const count = (more: number): void => {
    bytes += more;
    onBytes(more);
  };
  try {
    const documents =
      file.format === 'parquet'
        ? await readParquet(file, field, reader, count)
        : await readPieces(file, field, reader, count);
    return { documents, bytes };
  } catch (error) {
    if (error instanceof UserError) throw error;
    const what = file.packed ?? (file.format === 'parquet' ? 'parquet' : 'readable');
    throw new UserError(`${nameOf(file)}: expected ${what} data: ${messageOf(error)}`);
  }
}

const nameOf = ({ path }: CorpusFile): string => (path === '-' ? 'standard input' : path);

async function readPieces(
  file: CorpusFile,
  field: string,
  reader: CorpusReader,
  count: (bytes: number) => void,
): Promise<number> {
  const words = textReader(reader);
  let lines: ReturnType<typeof lineReader> | undefined;
  let documents = 0;
  for await (const piece of pieces(file, count)) {
    if (documents === 0 && !lines) {
      // Standard input has no name that tells: a brace begins JSON Lines.
      if (file.format === 'jsonl' || (file.path === '-' && piece[0] === 0x7b))
        lines = lineReader(nameOf(file), field, reader);
      else reader.document(++documents);
    }
    if (lines) lines.push(piece);
    else words.push(piece);
  }
  words.end();
  return lines ? lines.end() : documents;
}

/** Reads JSON Lines: each text under the field. */
function lineReader(
  name: string,
  field: string,
  reader: CorpusReader,
): { push(piece: Uint8Array): void; end(): number } {
  const words = textReader(reader);
  let [line, documents] = [0, 0];
  let begun: Uint8Array[] = [];
  const read = (last: Uint8Array): void => {
    line++;
    const whole =
      begun.length === 0
        ? Buffer.from(last.buffer, last.byteOffset, last.length)
        : Buffer.concat([...begun, last]);
    begun = [];
    const source = whole.toString('utf8');
    if (source.trim() === '') return;
    let value: unknown;
    try {
      value = JSON.parse(source);
    } catch (error) {
      throw new UserError(`${name}:${line}: not JSON: ${messageOf(error)}`);
    }
    const text = (value as Record<string, unknown> | null)?.[field];
    if (typeof text !== 'string')
      throw new UserError(`${name}:${line}: expected a text under "${field}", found ${describe(text)}`);
    documents++;
    reader.document(line);
    words.push(Buffer.from(text));
    words.end();
  };
  return {
    push(piece) {
      let from = 0;
      for (let end = piece.indexOf(0x0a); end >= 0; end = piece.indexOf(0x0a, from)) {
        read(piece.subarray(from, end));
        from = end + 1;
      }
      if (from < piece.length) begun.push(piece.slice(from));
    },
    end() {
      if (begun.length > 0) read(new Uint8Array(0));
      return documents;
    },
  };
}

const describe = (value: unknown): string => (value === undefined ? 'nothing' : `a ${typeof value}`);

async function* pieces(file: CorpusFile, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  // A thread's standard input is what the main thread sends it: a pending read of a pipe would keep it from ending.
  const source = file.path === '-' ? process.stdin : createReadStream(file.path, { highWaterMark: PIECE });
  async function* counted(): AsyncGenerator<Buffer> {
    let read = 0;
    for await (const piece of source as AsyncIterable<Buffer>) {
      read += piece.length;
      count(piece.length);
      yield piece;
    }
    if (read === 0 && file.packed !== null) throw new Error('found an empty file');
  }
  switch (file.packed) {
    case null:
      return yield* counted();
    case 'zst':
      return yield* unzstd(counted());
    case 'gz': {
      const input = Readable.from(counted());
      const unpacked = createGunzip({ chunkSize: PIECE });
      input.on('error', (error) => unpacked.destroy(error));
      return yield* input.pipe(unpacked) as AsyncIterable<Buffer>;
    }
    case 'bz2':
      return yield* bunzip2(counted());
  }
}

/** The library's stream is of the old kind, and does its work while it is written to. */
async function* bunzip2(source: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = [];
  let failure: unknown;
  const { default: unbzip2 } = await import('unbzip2-stream');
  const stream = unbzip2();
  stream.on('data', (piece: Buffer) => ready.push(piece));
  stream.on('error', (error: unknown) => {
    failure ??= error;
  });
  const take = (): Uint8Array[] => {
    if (failure !== undefined) throw failure;
    const taken = ready;
    ready = [];
    return taken;
  };
  for await (const piece of source) {
    stream.write(piece);
    yield* take();
  }
  stream.end();
  yield* take();
}

async function* unzstd(source: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import('fzstd');
  let ready: Uint8Array[] = [];
  const stream = new Decompress((piece) => ready.push(piece));
  for await (const piece of source) {
    stream.push(piece);
    yield* ready;
    ready = [];
  }
  stream.push(new Uint8Array(0), true);
  yield* ready;
}

async function readParquet(
  { path }: CorpusFile,
  field: string,
  reader: CorpusReader,
  count: (bytes: number) => void,
): Promise<number> {
  const { asyncBufferFromFile, parquetMetadataAsync } = await import('hyparquet');
  const { readParquetRows } = await import('../data/parquet.ts');
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  if (!metadata.schema.some(({ name }) => name === field))
    throw new UserError(`${path}: expected a column "${field}", found none`);
  const words = textReader(reader);
  let row = 0;
  let told = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = row + Number(group.num_rows);
    const rows = await readParquetRows(file, { metadata, columns: [field], rowStart: row, rowEnd });
    for (const { [field]: text } of rows) {
      row++;
      if (typeof text !== 'string')
        throw new UserError(`${path}: row ${row}: expected a text under "${field}", found ${describe(text)}`);
      reader.document(row);
      words.push(Buffer.from(text));
      words.end();
    }
    const share = Math.floor((file.byteLength * row) / Math.max(1, Number(metadata.num_rows)));
    count(share - told);
    told = share;
  }
  count(file.byteLength - told);
  return row;
}
