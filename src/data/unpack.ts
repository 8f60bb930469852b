import { createReadStream } from 'node:fs';
import { crc32, createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { type Entry, openPromise } from 'yauzl';
import { messageOf, UserError } from '../errors.ts';
import type { Archive } from './card.ts';
import { type Expected, MOST_BYTES, openSink, type Sink } from './place.ts';

/** A file to take out of an archive. */
export interface Member extends Expected {
  /** Its path in the archive. */
  readonly path: string;
  /** Where it goes; nothing in the archive has a say in that. */
  readonly target: string;
}

export interface UnpackOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of a member whose size is not known. */
  readonly mostBytes?: number;
  /** Of all that a tar.gz unpacks to: what is not wanted must be read as well. */
  readonly mostInAll?: number;
}

/** LAMBADA's archive, the largest so far, unpacks to about a gigabyte. */
const MOST_IN_ALL = 2 ** 34;

/** A member that is being read, and what is wrong with it so far. */
interface Taken {
  readonly member: Member;
  readonly sink: Sink;
  problem: string | undefined;
}

/**
 * Takes the given files out of an archive, each whole or not at all. What is not asked for is not written; links,
 * and members that are not what they must be, are left out.
 * @returns what is wrong with members, by their paths; the others are in their places
 * @throws UserError where the archive can't be read to its end or a path leads out of it: then nothing is written
 */
export async function unpack(
  archive: { readonly path: string; readonly format: Archive['format'] },
  members: readonly Member[],
  options: UnpackOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const wanted = new Map(members.map((member) => [member.path, member]));
  const taken = new Map<string, Taken>();
  const problems = new Map<string, string>();
  /** Where a member's content goes; undefined for what is not wanted. */
  const begin = (path: string, isFile: boolean): Taken | undefined => {
    const member = wanted.get(path.replace(/^(\.\/)+/, ''));
    if (!member) return undefined;
    if (taken.has(member.path)) throw new Error(`it holds ${member.path} twice`);
    if (!isFile) {
      problems.set(member.path, 'expected a file, found a link or a folder');
      return undefined;
    }
    const { mostBytes = MOST_BYTES } = options;
    const one: Taken = { member, sink: openSink(member.target, member, mostBytes), problem: undefined };
    taken.set(member.path, one);
    return one;
  };
  try {
    await (archive.format === 'zip' ? readZip : readTarGz)(archive.path, begin, options).catch(
      (error: unknown) => {
        options.signal?.throwIfAborted();
        if (error instanceof UserError) throw error;
        throw new UserError(
          `${archive.path}: not a ${archive.format} archive that can be unpacked: ${messageOf(error)}`,
        );
      },
    );
    for (const { path } of members) {
      const one = taken.get(path);
      const problem = one ? (one.problem ?? one.sink.check()) : 'there is no such member';
      if (problem !== undefined && !problems.has(path)) problems.set(path, problem);
    }
    for (const { member, sink } of taken.values()) if (!problems.has(member.path)) sink.place();
    return problems;
  } finally {
    for (const { sink } of taken.values()) sink.discard();
  }
}

type Begin = (path: string, isFile: boolean) => Taken | undefined;

const TYPE = 0o170000;
const REGULAR = 0o100000;

async function readZip(path: string, begin: Begin, { signal }: UnpackOptions): Promise<void> {
  // yauzl refuses absolute paths, `..` and backslashes itself.
  const zip = await openPromise(path, { autoClose: false, strictFileNames: true });
  try {
    for await (const entry of zip.eachEntry()) {
      signal?.throwIfAborted();
      const one = begin(entry.fileName, isRegular(entry));
      if (!one) continue;
      let crc = 0;
      let whole = true;
      try {
        for await (const chunk of await zip.openReadStreamPromise(entry)) {
          signal?.throwIfAborted();
          crc = crc32(chunk as Uint8Array, crc);
          whole = one.sink.write(chunk as Uint8Array);
          if (!whole) break;
        }
        if (whole && crc !== entry.crc32) one.problem = 'its checksum is wrong';
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof UserError) throw error;
        one.problem = messageOf(error);
      }
    }
  } finally {
    zip.close();
  }
}

/** A type in the upper half where a Unix made the entry; elsewhere none. */
function isRegular(entry: Entry): boolean {
  const type = (entry.externalFileAttributes >>> 16) & TYPE;
  return (type === 0 || type === REGULAR) && !entry.fileName.endsWith('/');
}

async function readTarGz(path: string, begin: Begin, options: UnpackOptions): Promise<void> {
  const { signal, mostInAll = MOST_IN_ALL } = options;
  let failure: unknown;
  const onReadEntry = (entry: ReadEntry): void => {
    try {
      if (leadsOut(entry.path)) throw new Error(`its member ${JSON.stringify(entry.path)} leads out of it`);
      const one = begin(entry.path, entry.type === 'File' || entry.type === 'OldFile');
      if (one) entry.on('data', (chunk) => one.sink.write(chunk));
    } catch (error) {
      failure ??= error;
    }
    entry.resume();
  };
  // The bytes are unpacked here, where they are counted, and not a second time by the parser.
  const parser = new Parser({ strict: true, gzip: false, brotli: false, zstd: false, onReadEntry });
  parser.on('error', (error: unknown) => {
    failure ??= error;
  });
  let total = 0;
  const ended = new Promise((resolve) => parser.on('end', resolve));
  const packed = createReadStream(path);
  const plain = createGunzip();
  packed.on('error', (error) => plain.destroy(error));
  try {
    for await (const chunk of packed.pipe(plain)) {
      signal?.throwIfAborted();
      total += (chunk as Uint8Array).length;
      if (total > mostInAll) throw new Error(`it unpacks to more than ${mostInAll} bytes`);
      parser.write(chunk as Uint8Array);
      if (failure !== undefined) throw failure;
    }
    parser.end();
    if (failure === undefined) await ended;
    if (failure !== undefined) throw failure;
  } finally {
    packed.destroy();
  }
}

function leadsOut(path: string): boolean {
  return /^([/\\]|[a-z]:)/i.test(path) || path.split(/[/\\]/).includes('..');
}
