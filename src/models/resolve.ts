import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { didYouMean } from '../closest.ts';
import { UserError } from '../errors.ts';
import { packageFolder } from '../package.ts';
import { type HubOptions, isRepoId, pullModel } from './hub.ts';

/** Short names of models on the hub. */
export const ALIASES: Readonly<Record<string, string>> = {
  gpt2: 'openai-community/gpt2',
  'gpt2-medium': 'openai-community/gpt2-medium',
  'gpt2-large': 'openai-community/gpt2-large',
  'gpt2-xl': 'openai-community/gpt2-xl',
  distilgpt2: 'distilbert/distilgpt2',
  'openai-gpt': 'openai-community/openai-gpt',
  ...Object.fromEntries(
    ['14m', '31m', '70m', '160m', '410m', '1b', '1.4b', '2.8b', '6.9b', '12b'].map((size) => [
      `pythia-${size}`,
      `EleutherAI/pythia-${size}`,
    ]),
  ),
};

/** Where a reference to a model leads. */
export interface ResolvedModel {
  /** A folder, or an .onnx file. */
  readonly path: string;
  /** Repository and commit of a model of the hub. */
  readonly repo?: string;
  readonly commit?: string;
}

/** Names of the bundled demo checkpoints. */
export function bundledModels(): string[] {
  const demo = join(packageFolder(), 'datasets', 'demo');
  return readdirSync(demo)
    .filter((name) => existsSync(join(demo, name, 'config.json')))
    .map((name) => `demo-${name}`);
}

/**
 * A reference to a model, or, where it is a glob (`out/step*`), to each checkpoint folder that fits, by name with numbers
 * in their order. A path that exists is never a glob.
 * @throws UserError where none fits
 */
export function expandModel(ref: string): string[] {
  if (!/[*?]/.test(ref) || /^https?:/i.test(ref) || existsSync(ref)) return [ref];
  const [first = '', ...rest] = ref.split('/');
  const found = rest.reduce(
    (folders, part) => folders.flatMap((folder) => inFolder(`${folder}/`, part)),
    first === '' ? [''] : inFolder('', first),
  );
  const models = found.filter((path) => existsSync(join(path, 'config.json')));
  if (models.length === 0)
    throw new UserError(
      `--model ${ref}: expected a glob of checkpoint folders with a config.json, found none`,
    );
  return models;
}

/** What fits a part of a glob in a folder: names by stars and question marks, or the one that is named. */
function inFolder(folder: string, part: string): string[] {
  if (!/[*?]/.test(part)) return [folder + part];
  const source = part
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const fits = new RegExp(`^${source}$`, 's');
  const where = folder === '' ? '.' : folder;
  if (!statSync(where, { throwIfNoEntry: false })?.isDirectory()) return [];
  const byNumber = new Intl.Collator('en', { numeric: true }).compare;
  return readdirSync(where)
    .filter((name) => fits.test(name) && !name.startsWith('.'))
    .sort(byNumber)
    .map((name) => folder + name);
}

/** @throws UserError for a name that can't be a model's, whatever the hub has */
export function checkModelName(ref: string): void {
  if (!existsSync(ref) && bundledFolder(ref) === undefined && repoOf(ref) === undefined)
    throw unknownModel(ref);
}

function unknownModel(ref: string): UserError {
  return new UserError(
    `--model ${ref}: no such folder, nor a name that evalgpt knows${didYouMean(ref, [...Object.keys(ALIASES), ...bundledModels()])}; expected a folder, OWNER/NAME on the hub, or one of \`evalgpt models list\``,
  );
}

function repoOf(ref: string): string | undefined {
  return Object.hasOwn(ALIASES, ref) ? ALIASES[ref] : isRepoId(ref) ? ref : undefined;
}

function bundledFolder(ref: string): string | undefined {
  const name = /^demo-([a-z0-9-]+)$/.exec(ref)?.[1];
  const path = name === undefined ? undefined : join(packageFolder(), 'datasets', 'demo', name);
  return path !== undefined && existsSync(path) ? path : undefined;
}

/**
 * Finds a model: a path that exists, a bundled demo checkpoint `demo-NAME`, an alias or a repository of the hub.
 * @throws UserError where it can't be found or fetched
 */
export async function resolveModel(ref: string, options: HubOptions = {}): Promise<ResolvedModel> {
  if (existsSync(ref)) {
    if (options.revision)
      throw new UserError(`--revision ${options.revision}: ${ref} is a folder, not a model of the hub`);
    return { path: ref };
  }
  if (/^https?:\/\//i.test(ref))
    throw new UserError(`--model ${ref}: is served, and has no files to be read here`);
  const bundled = bundledFolder(ref);
  if (bundled !== undefined) return { path: bundled };
  const repo = repoOf(ref);
  if (repo === undefined) throw unknownModel(ref);
  try {
    const { folder, commit } = await pullModel(repo, options);
    return { path: folder, repo, commit };
  } catch (error) {
    // A mistyped path has the form of a repository, too.
    if (!(error instanceof UserError) || repo !== ref) throw error;
    throw new UserError(`--model ${ref}: no such folder here; on the hub, ${error.message}`);
  }
}
