import { gunzipSync } from 'node:zlib';
import { Decompress } from 'fzstd';
import unbzip2 from 'unbzip2-stream';
import { messageOf, UserError } from '../errors.ts';

/** Bytes that a file may unpack to: more than a text can hold, less than a machine. */
const MOST_UNPACKED = 2 ** 30;

/** How a file is packed, by the end of its name. */
const PACKED: Readonly<Record<string, (bytes: Buffer, most: number) => Buffer | Promise<Buffer>>> = {
  gz: (bytes, most) => gunzipSync(bytes, { maxOutputLength: most }),
  bz2: bunzip2,
  zst: unzstd,
};

/**
 * A file's content; what is not packed as it is.
 * @throws UserError where it can't be unpacked, or unpacks to more than `most` bytes
 */
export async function unpacked(path: string, bytes: Buffer, most: number = MOST_UNPACKED): Promise<Buffer> {
  const kind = /\.(gz|bz2|zst)$/.exec(path)?.[1];
  const unpack = kind === undefined ? undefined : PACKED[kind];
  if (!unpack) return bytes;
  try {
    if (bytes.length === 0) throw new Error('found an empty file');
    return await unpack(bytes, most);
  } catch (error) {
    throw new UserError(`${path}: expected ${kind} data: ${messageOf(error)}`);
  }
}

/** Collects what a stream unpacks. @throws where there is more than may be */
function collector(most: number): { add(chunk: Uint8Array): void; all(): Buffer } {
  const chunks: Uint8Array[] = [];
  let total = 0;
  return {
    add(chunk) {
      total += chunk.length;
      if (total > most) throw new Error(`it unpacks to more than ${most} bytes`);
      chunks.push(chunk);
    },
    all: () => Buffer.concat(chunks),
  };
}

/** Checksums are not looked at: where they matter, the card has the file's hash. */
function unzstd(bytes: Buffer, most: number): Buffer {
  const found = collector(most);
  let ended = false;
  const stream = new Decompress((chunk, isLast) => {
    // The library goes on in the memory of a chunk.
    found.add(chunk.slice());
    ended ||= isLast === true;
  });
  stream.push(bytes, true);
  if (!ended) throw new Error('it is cut short');
  return found.all();
}

/** The library's stream is of the old kind, which nothing of Node's own collects. */
function bunzip2(bytes: Buffer, most: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const found = collector(most);
    const stream = unbzip2();
    stream.on('data', (chunk: Buffer) => {
      try {
        found.add(chunk);
      } catch (error) {
        stream.destroy();
        reject(error);
      }
    });
    stream.on('end', () => resolve(found.all()));
    stream.on('error', reject);
    stream.end(bytes);
  });
}
