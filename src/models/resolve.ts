import { existsSync } from 'node:fs';
import { join } from 'node:path';
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
  const bundled = /^demo-([a-z0-9-]+)$/.exec(ref)?.[1];
  if (bundled !== undefined) {
    const path = join(packageFolder(), 'datasets', 'demo', bundled);
    if (existsSync(path)) return { path };
  }
  const repo = Object.hasOwn(ALIASES, ref) ? ALIASES[ref] : isRepoId(ref) ? ref : undefined;
  if (repo === undefined) {
    throw new UserError(
      `--model ${ref}: no such folder, nor a name that evalgpt knows${nearest(ref)}; expected a folder, OWNER/NAME on the hub, or one of \`evalgpt models list\``,
    );
  }
  try {
    const { folder, commit } = await pullModel(repo, options);
    return { path: folder, repo, commit };
  } catch (error) {
    // A mistyped path has the form of a repository, too.
    if (!(error instanceof UserError) || repo !== ref) throw error;
    throw new UserError(`--model ${ref}: no such folder here; on the hub, ${error.message}`);
  }
}

function nearest(ref: string): string {
  const near = Object.keys(ALIASES).filter((name) => distance(name, ref.toLowerCase()) <= 2);
  return near.length > 0 ? ` (did you mean ${near.slice(0, 3).join(' or ')}?)` : '';
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, swap);
    }
    row = next;
  }
  return row[b.length]!;
}
