import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import { type Archive, cardNames, type DatasetCard, type FileSplit, filesOf, readCard } from './card.ts';
import { decodeFile } from './decode.ts';
import { inTurn, openSink } from './place.ts';
import { archivePath, membersOf, pullFolder } from './pull.ts';
import { unpack } from './unpack.ts';

export interface ImportOptions {
  readonly signal?: AbortSignal | undefined;
  readonly warn: (message: string) => void;
}

interface Known {
  readonly card: DatasetCard;
  readonly split: string;
  readonly entry: FileSplit;
}

/**
 * Puts a file or an archive that the user has where a download would have put it. It is recognised by its hash, or,
 * where cards know none, by its name.
 * @returns the paths of what is now in place
 * @throws UserError where no card knows it, or it is not what its card says; then nothing is put in place
 */
export async function importFile(path: string, options: ImportOptions): Promise<string[]> {
  const sha256 = await hashFile(path, options.signal);
  const cards = cardNames().map(readCard);
  const files = cards.flatMap((card) =>
    Object.entries(card.splits).flatMap(([split, of]) =>
      filesOf(of).flatMap((entry) => (entry.bundled ? [] : [{ card, split, entry }])),
    ),
  );
  const exact = files.find(({ entry }) => entry.sha256 === sha256);
  if (exact) return [await placeFile(path, exact, options)];
  const archives = cards.flatMap(({ archive }) => archive ?? []);
  const archive =
    archives.find((known) => known.sha256 === sha256) ??
    archives.find(({ url }) => basename(new URL(url).pathname) === basename(path));
  if (archive) {
    if (archive.sha256 === null) options.warn(byName(path, archive.url));
    else if (archive.sha256 !== sha256) throw wrong(path, archive.sha256, sha256);
    return importArchive(path, archive, options);
  }
  const named = nameable(path, files);
  if (!named) {
    throw new UserError(
      `${path}: expected a file or an archive of a data set, found one whose sha256 ${sha256} and name no card has`,
    );
  }
  if (named.entry.sha256) throw wrong(path, named.entry.sha256, sha256);
  options.warn(byName(path, `the ${named.split} split of ${named.card.name}`));
  return [await placeFile(path, named, options)];
}

function byName(path: string, what: string): string {
  return `${path}: taken for ${what} by its name alone: its card knows no hash`;
}

function wrong(path: string, expected: string, found: string): UserError {
  return new UserError(`${path}: expected sha256 ${expected}, found ${found}`);
}

/** The one split whose file, member or URL ends like the path, for as many folders as it takes to tell. */
function nameable(path: string, files: readonly Known[]): Known | undefined {
  const parts = resolve(path).split(sep);
  let left = files;
  for (let count = 1; count <= parts.length; count++) {
    const end = `/${parts.slice(-count).join('/')}`;
    const fit = left.filter(({ entry: { file, member, url } }) =>
      [file, member, url].some((name) => name !== undefined && `/${name}`.endsWith(end)),
    );
    if (fit.length === 1) return fit[0];
    if (fit.length === 0) break;
    left = fit;
  }
  if (left.length === files.length) return undefined;
  const names = left.slice(0, 4).map(({ entry }) => entry.file);
  throw new UserError(
    `${path}: expected a name that tells which file it is, found one that fits ${names.join(', ')}; put it in folders of those names`,
  );
}

async function placeFile(path: string, { entry, card }: Known, options: ImportOptions): Promise<string> {
  const target = join(pullFolder(), entry.file);
  const { signal } = options;
  if (!entry.sha256) await checkRecords(path, entry);
  // What a download of the same file takes its turn by.
  const lock =
    entry.member !== undefined && card.archive ? `${archivePath(card.archive)}.pulling` : `${target}.lock`;
  return inTurn(lock, signal, async () => {
    const sink = openSink(target, entry);
    try {
      for await (const chunk of createReadStream(path, { signal })) if (!sink.write(chunk)) break;
      const problem = sink.check();
      if (problem !== undefined) throw new UserError(`${path}: ${problem}`);
      sink.place();
      return target;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      sink.discard();
    }
  });
}

/** A file of unknown hash must at least hold as many well-formed records as its card says. */
async function checkRecords(path: string, entry: FileSplit): Promise<void> {
  const { length } = await decodeFile(path, await readFile(path), entry);
  if (entry.records === undefined ? length === 0 : length !== entry.records) {
    throw new UserError(`${path}: expected ${entry.records ?? 'some'} records, found ${length}`);
  }
}

async function importArchive(path: string, archive: Archive, options: ImportOptions): Promise<string[]> {
  const members = membersOf(archive);
  return inTurn(`${archivePath(archive)}.pulling`, options.signal, async () => {
    const problems = await unpack({ path, format: archive.format }, members, options);
    const placed = members.filter((member) => !problems.has(member.path));
    const reasons = [...problems].map(([member, problem]) => `${path}: ${member}: ${problem}`);
    if (placed.length === 0) throw new UserError(reasons[0] ?? `${path}: no card wants anything of it`);
    for (const reason of reasons) options.warn(reason);
    return placed.map((member) => member.target);
  });
}

async function hashFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { signal })) hash.update(chunk);
  } catch (error) {
    signal?.throwIfAborted();
    throw new UserError(`${path}: cannot be read: ${messageOf(error)}`);
  }
  return hash.digest('hex');
}
