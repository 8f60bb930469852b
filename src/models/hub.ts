import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type DownloadEvent, download, fetchHead, fetchJson, Unreachable } from '../download.ts';
import { hasCode, messageOf, UserError } from '../errors.ts';
import { parseJson } from '../json.ts';

/**
 * Models of the Hugging Face hub, in the cache layout of its own Python library, so that either finds what the other
 * has fetched: models--OWNER--NAME/{blobs/ETAG, refs/REVISION, snapshots/COMMIT/FILE -> ../../blobs/ETAG}.
 */
export interface HubOptions {
  /** Branch, tag or commit; `main` unless told. */
  readonly revision?: string | null;
  /** No request is made. */
  readonly offline?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onDownload?: (event: DownloadEvent) => void;
  readonly onWarning?: (message: string) => void;
}

/** A snapshot in the cache. */
export interface Snapshot {
  readonly folder: string;
  readonly repo: string;
  readonly revision: string;
  readonly commit: string;
}

const COMMIT = /^[0-9a-f]{40}$/;
const REPO = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;
/** Files beside the weights that say how to read them. */
const SMALL = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
];
const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

export function isRepoId(ref: string): boolean {
  return REPO.test(ref) && !ref.includes('..');
}

/** The hub's cache folder: HF_HUB_CACHE, else `hub` below HF_HOME, else below the user's cache folder. */
export function hubCache(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE || join(hubHome(environment), 'hub');
}

function hubHome(environment: NodeJS.ProcessEnv): string {
  const cache = environment.XDG_CACHE_HOME || join(homedir(), '.cache');
  return environment.HF_HOME || join(cache, 'huggingface');
}

/** Offline by the option or by the environment: EVALGPT_OFFLINE, or the hub's own HF_HUB_OFFLINE. */
export function isOffline(asked: boolean | undefined, environment: NodeJS.ProcessEnv = process.env): boolean {
  const set = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? '');
  return asked === true || set(environment.EVALGPT_OFFLINE) || set(environment.HF_HUB_OFFLINE);
}

/**
 * A repository's snapshot with all the files that scoring needs, fetched where the cache lacks them. Where the hub
 * can't be reached, a whole snapshot of the cache is taken, with a warning.
 * @throws UserError naming the repository, and what is missing or refused
 */
export async function pullModel(repo: string, options: HubOptions = {}): Promise<Snapshot> {
  const revision = options.revision || 'main';
  if (!/^[\w./-]+$/.test(revision) || revision.split('/').some((part) => part === '' || /^\.+$/.test(part))) {
    throw new UserError(`--revision ${revision}: expected a branch, tag or commit`);
  }
  const cached = await findSnapshot(repo, revision);
  if (cached && COMMIT.test(revision) && (await lacks(cached.folder)) === undefined) return cached;
  if (isOffline(options.offline)) {
    const missing = cached ? await lacks(cached.folder) : `revision ${revision}`;
    if (cached && missing === undefined) return cached;
    throw new UserError(
      `${repo}: offline, and ${missing} is not in ${repoFolder(repo)}; \`evalgpt models pull ${repo}\` fetches it`,
    );
  }
  try {
    return await fetchSnapshot(repo, revision, options);
  } catch (error) {
    if (!(error instanceof Unreachable) || !cached || (await lacks(cached.folder)) !== undefined) throw error;
    options.onWarning?.(
      `${error.message}; ${repo} is taken from the cache, commit ${cached.commit.slice(0, 12)}`,
    );
    return cached;
  }
}

/** What the cache holds: a line a repository and commit. */
export async function cachedModels(): Promise<
  (Snapshot & { readonly bytes: number; readonly missing?: string })[]
> {
  const found: (Snapshot & { bytes: number; missing?: string })[] = [];
  for (const name of await list(hubCache())) {
    const [kind, owner, model] = name.split('--');
    if (kind !== 'models' || owner === undefined || model === undefined) continue;
    const repo = `${owner}/${name.split('--').slice(2).join('--')}`;
    const refs = await readRefs(join(hubCache(), name, 'refs'));
    for (const commit of await list(join(hubCache(), name, 'snapshots'))) {
      const folder = join(hubCache(), name, 'snapshots', commit);
      let bytes = 0;
      for (const file of await list(folder))
        bytes += (await stat(join(folder, file)).catch(() => undefined))?.size ?? 0;
      const missing = await lacks(folder);
      const revision = [...refs].find(([, at]) => at === commit)?.[0] ?? commit;
      found.push({ folder, repo, revision, commit, bytes, ...(missing === undefined ? {} : { missing }) });
    }
  }
  return found;
}

function repoFolder(repo: string): string {
  return join(hubCache(), `models--${repo.replaceAll('/', '--')}`);
}

/** The snapshot that a revision leads to in the cache. */
async function findSnapshot(repo: string, revision: string): Promise<Snapshot | undefined> {
  const root = repoFolder(repo);
  const named = await readFile(join(root, 'refs', revision), 'utf8').catch(() => undefined);
  const commit = named?.trim() ?? revision;
  if (!COMMIT.test(commit)) return undefined;
  const folder = join(root, 'snapshots', commit);
  return existsSync(folder) ? { folder, repo, revision, commit } : undefined;
}

/** The first file that a snapshot lacks to be scored, or undefined. */
async function lacks(folder: string): Promise<string | undefined> {
  if (!existsSync(join(folder, 'config.json'))) return 'config.json';
  if (existsSync(join(folder, SINGLE))) return undefined;
  if (!existsSync(join(folder, INDEX))) {
    const exports = await list(join(folder, 'onnx'));
    return exports.some((file) => file.endsWith('.onnx')) ? undefined : SINGLE;
  }
  return shardsOf(await readFile(join(folder, INDEX), 'utf8'), INDEX).find(
    (file) => !existsSync(join(folder, file)),
  );
}

function shardsOf(text: string, name: string): string[] {
  let map: unknown;
  try {
    map = (parseJson(text) as { weight_map?: unknown } | null)?.weight_map;
  } catch (error) {
    throw new UserError(`${name}: not JSON: ${messageOf(error)}`);
  }
  const files = typeof map === 'object' && map !== null ? [...new Set(Object.values(map))] : [];
  if (files.length === 0) throw new UserError(`${name}: expected "weight_map" to name files`);
  for (const file of files) {
    if (typeof file !== 'string' || !/^[\w.-]+\.safetensors$/.test(file)) {
      throw new UserError(
        `${name}: "weight_map" names ${JSON.stringify(file)}, expected a .safetensors file`,
      );
    }
  }
  return (files as string[]).sort();
}

interface RepoInfo {
  readonly commit: string;
  readonly files: readonly string[];
  readonly licence: string | null;
}

async function fetchSnapshot(repo: string, revision: string, options: HubOptions): Promise<Snapshot> {
  const info = await fetchInfo(repo, revision, options);
  const root = repoFolder(repo);
  const folder = join(root, 'snapshots', info.commit);
  const bring = (file: string): Promise<void> => fetchFile(repo, info, file, root, options);
  if (!info.files.includes('config.json')) throw new UserError(`${repo}: has no config.json at ${revision}`);
  for (const file of SMALL.filter((name) => info.files.includes(name))) await bring(file);
  if (info.files.includes(SINGLE)) {
    await bring(SINGLE);
  } else if (info.files.includes(INDEX)) {
    await bring(INDEX);
    for (const shard of shardsOf(await readFile(join(folder, INDEX), 'utf8'), `${repo}/${INDEX}`))
      await bring(shard);
  } else {
    const exported = exportFiles(info.files);
    if (exported.length === 0) throw new UserError(`${repo}: ${withoutWeights(info.files)}`);
    for (const file of exported) await bring(file);
  }
  if (revision !== info.commit) {
    const ref = join(root, 'refs', revision);
    await mkdir(dirname(ref), { recursive: true });
    await writeWhole(ref, info.commit);
  }
  return { folder, repo, revision, commit: info.commit };
}

/** The float32 export of a repository that has no safetensors, with its external data. */
function exportFiles(files: readonly string[]): string[] {
  const names = ['model', 'decoder_model_merged', 'decoder_model'];
  const found = names
    .flatMap((name) => [`onnx/${name}.onnx`, `${name}.onnx`])
    .find((file) => files.includes(file));
  return found === undefined
    ? []
    : files.filter((file) => file === found || file.startsWith(`${found}_data`));
}

function withoutWeights(files: readonly string[]): string {
  const pickled = files.some((file) => /^pytorch_model.*\.bin$/.test(file));
  return pickled
    ? 'has pytorch_model.bin only, a pickle, which can run code and is never loaded: a revision with safetensors is needed'
    : `has neither ${SINGLE} nor ${INDEX} nor an ONNX export`;
}

async function fetchInfo(repo: string, revision: string, options: HubOptions): Promise<RepoInfo> {
  const url = `${endpoint()}/api/models/${repo}/revision/${encodeURIComponent(revision)}`;
  const { status, headers, body } = await fetchJson(url, {
    headers: await authorization(),
    signal: options.signal,
  });
  if (status !== 200) throw new UserError(refusal(repo, revision, status, headers));
  const { sha, siblings, cardData } = (body ?? {}) as Record<string, unknown>;
  if (typeof sha !== 'string' || !COMMIT.test(sha) || !Array.isArray(siblings)) {
    throw new UserError(
      `${url}: expected a commit and a list of files, found ${JSON.stringify(body)?.slice(0, 100)}`,
    );
  }
  const files = siblings.flatMap((entry: unknown) => {
    const name = (entry as Record<string, unknown> | null)?.rfilename;
    return typeof name === 'string' ? [name] : [];
  });
  const licence = (cardData as Record<string, unknown> | null | undefined)?.license;
  return { commit: sha, files, licence: typeof licence === 'string' ? licence : null };
}

/** What the hub's answer means, and what can be done. */
function refusal(repo: string, revision: string, status: number, headers: Headers): string {
  const code = headers.get('x-error-code');
  if (code === 'RevisionNotFound') return `${repo}: has no revision "${revision}"`;
  if (code === 'GatedRepo' || status === 403) {
    return `${repo}: access is restricted (${status}); accept its terms at ${endpoint()}/${repo}, and set HF_TOKEN to a token of that account`;
  }
  if (status === 404 || code === 'RepoNotFound') return `${repo}: the hub knows no such model (${status})`;
  if (status === 401) {
    return `${repo}: the hub asks for a token (401): there is no such model, or it is private; set HF_TOKEN to a valid token`;
  }
  return `${repo}: the hub answers ${status}`;
}

/** Brings one file into the snapshot: its blob by the ETag that names it, and a link to it. */
async function fetchFile(
  repo: string,
  { commit, licence }: RepoInfo,
  file: string,
  root: string,
  { signal, onDownload }: HubOptions,
): Promise<void> {
  const pointer = join(root, 'snapshots', commit, file);
  if (existsSync(pointer)) return;
  const url = `${endpoint()}/${repo}/resolve/${commit}/${file}`;
  const headers = await authorization();
  const head = await fetchHead(url, { headers, signal });
  if (head.status >= 400) throw new UserError(refusal(repo, commit, head.status, head.headers));
  const etag = (head.headers.get('x-linked-etag') ?? head.headers.get('etag') ?? '').replace(/^W\/|"/g, '');
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag)) {
    throw new UserError(`${url}: expected an ETag that is a hash, found ${JSON.stringify(etag)}`);
  }
  const length =
    head.headers.get('x-linked-size') ?? (head.status === 200 ? head.headers.get('content-length') : null);
  const bytes = length !== null && /^\d+$/.test(length) ? Number(length) : null;
  const blob = join(root, 'blobs', etag);
  if (!existsSync(blob)) {
    const event = { kind: 'download', what: `${repo} ${file}`, total: bytes, licence } as const;
    onDownload?.({ ...event, received: 0 });
    const hash = etag.length === 64 ? { sha256: etag } : { gitSha1: etag };
    await download(
      { url, target: blob, bytes, headers, ...hash },
      {
        signal,
        onProgress: (received, total) => onDownload?.({ ...event, received, total: total ?? bytes }),
      },
    );
  }
  await mkdir(dirname(pointer), { recursive: true });
  await symlink(relative(dirname(pointer), blob), pointer).catch(async (error: unknown) => {
    if (hasCode(error, 'EEXIST')) return;
    // Some systems keep links for administrators.
    await copyFile(blob, pointer);
  });
}

function endpoint(): string {
  return (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
}

/** The user's token, from HF_TOKEN or the file that the hub's own login writes. */
async function authorization(): Promise<Record<string, string>> {
  const { env } = process;
  const path = env.HF_TOKEN_PATH || join(hubHome(env), 'token');
  const token = env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || (await readFile(path, 'utf8').catch(() => ''));
  return token.trim() === '' ? {} : { Authorization: `Bearer ${token.trim()}` };
}

async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}

async function list(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

async function readRefs(folder: string): Promise<Map<string, string>> {
  const refs = new Map<string, string>();
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  for (const name of names) {
    const commit = await readFile(join(folder, name), 'utf8').catch(() => undefined);
    if (commit !== undefined) refs.set(name, commit.trim());
  }
  return refs;
}
