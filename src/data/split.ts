import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type ArithmeticSet, generateArithmetic } from '../../datasets/generate/arithmetic.ts';
import { messageOf, UserError } from '../errors.ts';
import { cacheFolder } from '../package.ts';
import { type DatasetCard, datasetsFolder, type FileSplit, sourceOf } from './card.ts';
import { type DataRecord, parseRecords } from './records.ts';
import { decodeUtf8 } from './text.ts';

/** A split as read: its records, and what identifies it. */
export interface Split {
  readonly records: readonly DataRecord[];
  readonly sha256: string;
  /** What differs from the card, for the run's warnings. */
  readonly warnings: readonly string[];
}

/** The folders in which data files are looked for: those of EVALGPT_DATA in order, then the cache. */
export function dataFolders(environment: NodeJS.ProcessEnv = process.env): string[] {
  const named = (environment.EVALGPT_DATA ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...named, join(cacheFolder(environment), 'data')];
}

/** Where a split's file lies, or undefined where no data folder has it. Generated splits lie nowhere and are always there. */
export function findSplit(
  card: DatasetCard,
  split: string,
  folders: readonly string[] = dataFolders(),
): string | undefined {
  const entry = card.splits[split];
  if (!entry) throw new Error(`card ${card.name} has no split ${split}`);
  if ('generator' in entry) return `${entry.generator}:${entry.set}`;
  const places = entry.bundled ? [datasetsFolder()] : folders;
  return places.map((folder) => join(folder, entry.file)).find((path) => existsSync(path));
}

/**
 * Reads a split of a data set.
 * @throws UserError where its file is in no data folder, or holds a malformed record
 */
export async function readSplit(
  card: DatasetCard,
  split: string,
  folders: readonly string[] = dataFolders(),
): Promise<Split> {
  const entry = card.splits[split];
  const path = findSplit(card, split, folders);
  if (!entry || path === undefined) throw missingSplit(card, split, folders);
  if ('generator' in entry) {
    const text = generateArithmetic(entry.set as ArithmeticSet)
      .map((record) => `${JSON.stringify(record)}\n`)
      .join('');
    return { records: parseRecords(path, text, entry.format), sha256: sha256(text), warnings: [] };
  }
  const bytes = await readFile(path);
  const records = parseRecords(path, decodeUtf8(path, unpacked(path, bytes)), entry.format);
  if (records.length === 0)
    throw new UserError(`${path}: expected ${entry.records ?? 'some'} records, found none`);
  const found = sha256(bytes);
  return { records, sha256: found, warnings: differences(card, split, entry, found, records.length) };
}

/** The content of a file that is kept compressed. */
function unpacked(path: string, bytes: Buffer): Buffer {
  if (!path.endsWith('.gz')) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new UserError(`${path}: expected gzip data: ${messageOf(error)}`);
  }
}

function differences(
  card: DatasetCard,
  split: string,
  entry: FileSplit,
  hash: string,
  records: number,
): string[] {
  if (entry.sha256 == null || entry.sha256 === hash) return [];
  const counts = entry.records === records ? '' : ` and ${records} records instead of ${entry.records}`;
  return [
    `${card.name} ${split}: not the published file (sha256 ${hash.slice(0, 12)}… instead of ${entry.sha256.slice(0, 12)}…${counts}): scores may not compare`,
  ];
}

/** What to tell where no data folder has a split's file: where it was looked for, and where it is published. */
export function missingSplit(
  card: DatasetCard,
  split: string,
  folders: readonly string[] = dataFolders(),
): UserError {
  const entry = card.splits[split];
  const file = entry && 'file' in entry ? entry.file : split;
  const source = entry && sourceOf(card, entry);
  const pull =
    source === undefined ? '' : `\`evalgpt data pull ${card.name}\` fetches it from ${source}, or `;
  return new UserError(
    `data set "${card.name}": expected its ${split} split as ${file} in ${folders.join(' or ')}, found none: ${pull}set EVALGPT_DATA to a folder that holds it`,
  );
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
