import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type DownloadEvent, download, Unreachable } from '../download.ts';
import { UserError } from '../errors.ts';
import { cacheFolder } from '../package.ts';
import {
  type Archive,
  cardNames,
  type DatasetCard,
  type FileSplit,
  filesOf,
  readCard,
  type SplitCard,
  sourceOf,
} from './card.ts';
import { inTurn } from './place.ts';
import { findFile } from './split.ts';
import { type Member, unpack } from './unpack.ts';

/** A split of a data set. */
export interface SplitName {
  readonly card: DatasetCard;
  readonly split: string;
}

export interface PullOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onDownload?: ((event: DownloadEvent) => void) | undefined;
}

/** One download, and the files that it brings. */
interface Job {
  readonly url: string;
  readonly licence: string;
  readonly what: string;
  readonly files: FileSplit[];
  readonly run: (options: PullOptions) => Promise<ReadonlyMap<string, UserError>>;
}

/** The folder that downloads go to. */
export function pullFolder(): string {
  return join(cacheFolder(), 'data');
}

/**
 * Brings the files of splits that no data folder has into the cache. An archive is downloaded once for all cards
 * that name it, unpacked and deleted.
 * @returns why files could not be had, by the `file` of their splits; one never keeps the others from coming
 * @throws the signal's reason when aborted: what was received so far is taken up by the next call
 */
export async function pullSplits(
  wanted: readonly SplitName[],
  options: PullOptions = {},
): Promise<ReadonlyMap<string, UserError>> {
  const problems = new Map<string, UserError>();
  const dead = new Map<string, UserError>();
  for (const job of jobsOf(wanted)) {
    options.signal?.throwIfAborted();
    const { host } = new URL(job.url);
    let found: ReadonlyMap<string, UserError>;
    try {
      // A host that did not answer for one file is not waited for with the next.
      const known = dead.get(host);
      if (known) throw known;
      found = await job.run(options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof UserError)) throw error;
      if (error instanceof Unreachable) dead.set(host, error);
      found = new Map(job.files.map(({ file }) => [file, error]));
    }
    for (const [file, problem] of found) problems.set(file, problem);
  }
  return problems;
}

function jobsOf(wanted: readonly SplitName[]): Job[] {
  const jobs = new Map<string, Job>();
  for (const { card, split } of wanted) {
    for (const entry of filesOf(card.splits[split] as SplitCard)) {
      const url = entry.bundled ? undefined : sourceOf(card, entry);
      if (url === undefined || findFile(entry) !== undefined) continue;
      const job = jobs.get(url);
      if (job) {
        job.files.push(entry);
        continue;
      }
      const archive = entry.member === undefined ? undefined : card.archive;
      const what = `${card.name} ${basename(new URL(url).pathname)}`;
      const { licence } = card;
      const files = [entry];
      const run = (options: PullOptions): Promise<ReadonlyMap<string, UserError>> => {
        const told = { url, what, licence, ...options };
        return archive ? pullArchive(archive, files, told) : pullFile(entry, told);
      };
      jobs.set(url, { url, licence, what, files, run });
    }
  }
  return [...jobs.values()];
}

interface Told extends PullOptions {
  readonly url: string;
  readonly what: string;
  readonly licence: string;
}

async function pullFile(entry: FileSplit, told: Told): Promise<ReadonlyMap<string, UserError>> {
  await fetchTold(join(pullFolder(), entry.file), entry, told);
  return new Map();
}

async function pullArchive(
  archive: Archive,
  files: readonly FileSplit[],
  told: Told,
): Promise<ReadonlyMap<string, UserError>> {
  const path = archivePath(archive);
  return inTurn(`${path}.pulling`, told.signal, async () => {
    // Another process may have brought them while this one waited.
    const members = membersOf(archive).filter((member) => !existsSync(member.target));
    if (files.every(({ file }) => !members.some((m) => m.target === join(pullFolder(), file))))
      return new Map();
    await fetchTold(path, archive, told);
    try {
      const wrong = await unpack({ path, format: archive.format }, members, told);
      const problems = files.flatMap(({ file, member = '' }) => {
        const problem = wrong.get(member);
        return problem === undefined
          ? []
          : [[file, new UserError(`${archive.url}: ${member}: ${problem}`)] as const];
      });
      await rm(path, { force: true });
      return new Map(problems);
    } catch (error) {
      told.signal?.throwIfAborted();
      // What can't be unpacked today can't be tomorrow.
      await rm(path, { force: true });
      if (!(error instanceof UserError)) throw error;
      throw new UserError(error.message.replaceAll(path, archive.url));
    }
  });
}

/** Downloads, and tells of it: at once where the size is known, else when it is. */
async function fetchTold(
  target: string,
  { sha256 = null, bytes = null }: { readonly sha256?: string | null; readonly bytes?: number | null },
  { url, what, licence, signal, onDownload }: Told,
): Promise<void> {
  if (existsSync(target)) return;
  let told = false;
  const tell = (received: number, total: number | null): void => {
    const event = { kind: 'download', what, licence, total } as const;
    if (!told) onDownload?.({ ...event, received: 0 });
    told = true;
    if (received > 0) onDownload?.({ ...event, received });
  };
  if (bytes !== null) tell(0, bytes);
  await download({ url, target, sha256, bytes }, { signal, onProgress: tell });
}

/** Where an archive lies until it is unpacked. */
export function archivePath({ url }: Archive): string {
  const { host, pathname } = new URL(url);
  return join(pullFolder(), 'archives', host, ...pathname.split('/'));
}

/** What all cards want of an archive. */
export function membersOf(archive: Archive): Member[] {
  const files = cardNames()
    .map(readCard)
    .filter((card) => card.archive?.url === archive.url)
    .flatMap((card) => Object.values(card.splits))
    .flatMap(filesOf);
  // Several splits may read one file.
  const members = new Map<string, Member>();
  for (const { member, file, sha256, bytes } of files) {
    if (member !== undefined)
      members.set(member, { path: member, target: join(pullFolder(), file), sha256, bytes });
  }
  return [...members.values()];
}
