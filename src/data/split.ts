import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type ArithmeticSet, generateArithmetic } from '../../datasets/generate/arithmetic.ts';
import { UserError } from '../errors.ts';
import { cacheFolder } from '../package.ts';
import {
  type DatasetCard,
  datasetsFolder,
  type FileFacts,
  type FileSplit,
  filesOf,
  sourceOf,
} from './card.ts';
import { decodeFile } from './decode.ts';
import { type DataRecord, parallelRecords, parseRecords } from './records.ts';

/** A split as read: its records, and what identifies it. */
export interface Split {
  readonly records: readonly DataRecord[];
  readonly sha256: string;
  /** True where it is known to be what was published. */
  readonly known: boolean;
  /** What differs from the card, for the run's warnings. */
  readonly warnings: readonly string[];
}

/** The folders in which data files are looked for: those of EVALGPT_DATA in order, then the cache. */
export function dataFolders(environment: NodeJS.ProcessEnv = process.env): string[] {
  const named = (environment.EVALGPT_DATA ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...named, join(cacheFolder(environment), 'data')];
}

/** A file of a split or a copy of it, and where it lies. */
export interface Found {
  readonly facts: FileFacts;
  readonly path: string;
}

export function findFile(entry: FileSplit, folders: readonly string[] = dataFolders()): Found | undefined {
  const places = entry.bundled ? [datasetsFolder()] : folders;
  return [entry, ...(entry.copies ?? [])]
    .flatMap((facts) => places.map((folder) => ({ facts, path: join(folder, facts.file) })))
    .find(({ path }) => existsSync(path));
}

/**
 * Where a split lies: its file or a copy of it, the first of its files where it is parallel; undefined where no data
 * folder has it whole. Generated splits lie nowhere and are always there.
 */
export function findSplit(
  card: DatasetCard,
  split: string,
  folders: readonly string[] = dataFolders(),
): string | undefined {
  const entry = card.splits[split];
  if (!entry) throw new Error(`card ${card.name} has no split ${split}`);
  if ('generator' in entry) return `${entry.generator}:${entry.set}`;
  const found = filesOf(entry).map((file) => findFile(file, folders));
  return found.includes(undefined) ? undefined : found[0]?.path;
}

/**
 * Reads a split of a data set.
 * @throws UserError where a file of it is in no data folder, or holds a malformed record
 */
export async function readSplit(
  card: DatasetCard,
  split: string,
  folders: readonly string[] = dataFolders(),
): Promise<Split> {
  const entry = card.splits[split];
  if (!entry || findSplit(card, split, folders) === undefined) throw missingSplit(card, split, folders);
  if ('generator' in entry) {
    const text = generateArithmetic(entry.set as ArithmeticSet)
      .map((record) => `${JSON.stringify(record)}\n`)
      .join('');
    const path = `${entry.generator}:${entry.set}`;
    return { records: parseRecords(path, text, 'jsonl'), sha256: sha256(text), known: true, warnings: [] };
  }
  const name = `${card.name} ${split}`;
  if (!('columns' in entry)) return readFound(name, findFile(entry, folders) as Found);
  const columns: Record<string, Split & { readonly path: string }> = {};
  for (const [column, file] of Object.entries(entry.columns)) {
    const found = findFile(file, folders) as Found;
    columns[column] = { ...(await readFound(name, found)), path: found.path };
  }
  const all = Object.values(columns);
  return {
    records: parallelRecords(columns),
    sha256: sha256(all.map((c) => c.sha256).join('\n')),
    known: all.every((c) => c.known),
    warnings: all.flatMap((c) => c.warnings),
  };
}

/** Reads a file that is here. @throws UserError where it holds a malformed record, or none */
export async function readFound(name: string, { facts, path }: Found): Promise<Split> {
  const bytes = await readFile(path);
  const records = await decodeFile(path, bytes, facts);
  if (records.length === 0)
    throw new UserError(`${path}: expected ${facts.records ?? 'some'} records, found none`);
  const found = sha256(bytes);
  const warnings = differences(name, facts, found, records.length);
  return { records, sha256: found, known: facts.sha256 === found, warnings };
}

function differences(name: string, facts: FileFacts, hash: string, records: number): string[] {
  if (facts.sha256 == null || facts.sha256 === hash) return [];
  const counts = facts.records === records ? '' : ` and ${records} records instead of ${facts.records}`;
  return [
    `${name}: not the published file (sha256 ${hash.slice(0, 12)}… instead of ${facts.sha256.slice(0, 12)}…${counts}): scores may not compare`,
  ];
}

/** What to tell where no data folder has a split's file: where it was looked for, and where it is published. */
export function missingSplit(
  card: DatasetCard,
  split: string,
  folders: readonly string[] = dataFolders(),
): UserError {
  const entry = card.splits[split];
  const files = entry ? filesOf(entry) : [];
  const lacking = files.find((one) => findFile(one, folders) === undefined) ?? files[0];
  const file = lacking?.file ?? split;
  const source = lacking && sourceOf(card, lacking);
  const pull =
    source === undefined
      ? card.request === undefined
        ? ''
        : `it is given on request at ${card.request}: `
      : `\`evalgpt data pull ${card.name}\` fetches it from ${source}, or `;
  return new UserError(
    `data set "${card.name}": expected its ${split} split as ${file} in ${folders.join(' or ')}, found none: ${pull}set EVALGPT_DATA to a folder that holds it`,
  );
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
