import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { decompress as unzstd } from 'fzstd';
import unbzip2 from 'unbzip2-stream';
import { messageOf, UserError } from '../errors.ts';

/** How a file is packed, by the end of its name. */
const PACKED: Readonly<Record<string, (bytes: Buffer) => Buffer | Promise<Buffer>>> = {
  gz: gunzipSync,
  bz2: (bytes) => buffer(Readable.from([bytes]).pipe(unbzip2())),
  // Checksums are not looked at: where they matter, the card has the file's hash.
  zst: (bytes) => Buffer.from(unzstd(bytes)),
};

/** A file's content; what is not packed as it is. @throws UserError where it can't be unpacked */
export async function unpacked(path: string, bytes: Buffer): Promise<Buffer> {
  const kind = /\.(gz|bz2|zst)$/.exec(path)?.[1];
  if (kind === undefined) return bytes;
  try {
    return await (PACKED[kind] as (bytes: Buffer) => Buffer | Promise<Buffer>)(bytes);
  } catch (error) {
    throw new UserError(`${path}: expected ${kind} data: ${messageOf(error)}`);
  }
}
