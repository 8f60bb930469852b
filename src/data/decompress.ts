import { gunzipSync } from 'node:zlib';
import { decompress as unzstd } from 'fzstd';
import unbzip2 from 'unbzip2-stream';
import { messageOf, UserError } from '../errors.ts';

/** How a file is packed, by the end of its name. */
const PACKED: Readonly<Record<string, (bytes: Buffer) => Buffer | Promise<Buffer>>> = {
  gz: gunzipSync,
  bz2: bunzip2,
  // Checksums are not looked at: where they matter, the card has the file's hash.
  zst: (bytes) => Buffer.from(unzstd(bytes)),
};

/** A file's content; what is not packed as it is. @throws UserError where it can't be unpacked */
export async function unpacked(path: string, bytes: Buffer): Promise<Buffer> {
  const kind = /\.(gz|bz2|zst)$/.exec(path)?.[1];
  if (kind === undefined) return bytes;
  try {
    if (bytes.length === 0) throw new Error('found an empty file');
    return await (PACKED[kind] as (bytes: Buffer) => Buffer | Promise<Buffer>)(bytes);
  } catch (error) {
    throw new UserError(`${path}: expected ${kind} data: ${messageOf(error)}`);
  }
}

/** The library's stream is of the old kind, which nothing of Node's own collects. */
function bunzip2(bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const stream = unbzip2();
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    stream.on('error', reject);
    stream.end(bytes);
  });
}
