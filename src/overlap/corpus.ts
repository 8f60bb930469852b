import { readdirSync, type Stats, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { UserError } from '../errors.ts';

/** A file of a corpus. `text` is one document, `jsonl` has one a line, `parquet` one a row. */
export interface CorpusFile {
  /** As the user would name it; "-" is standard input. */
  readonly path: string;
  readonly format: 'text' | 'jsonl' | 'parquet';
  readonly packed: 'gz' | 'zst' | 'bz2' | null;
  /** As it lies on the disk; null of standard input. */
  readonly bytes: number | null;
  /** When it was last changed, in milliseconds since 1970. */
  readonly modified: number;
}

/** What stands in a folder for a document or several. */
const CORPUS_NAME = /\.(?:txt|text|md|jsonl|ndjson|parquet)(?:\.(?:gz|zst|bz2))?$/;
const STDIN = '-';

/**
 * The files of a corpus, each once, in the order of the patterns and by name within one.
 * @param patterns files, folders (with all below them), globs of `*`, `?`, `**` and `{a,b}`, or "-"
 * @throws UserError for a pattern that nothing fits
 */
export function corpusFiles(patterns: readonly string[]): CorpusFile[] {
  const found = new Map<string, CorpusFile>();
  for (const pattern of patterns) {
    const files = pattern === STDIN ? [corpusFile(STDIN, undefined)] : filesOf(pattern);
    if (files.length === 0)
      throw new UserError(
        `--corpus ${pattern}: expected a file, a folder or a glob of .txt, .jsonl or .parquet files, also packed (.gz, .zst, .bz2), found none`,
      );
    for (const file of files) found.set(file.path, file);
  }
  return [...found.values()];
}

function filesOf(given: string): CorpusFile[] {
  // As the paths that are found are written: './c/*' and 'c/*' are one pattern.
  const pattern = given === '-' ? given : normalize(given);
  const stats = statSync(pattern, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return below(pattern).filter(({ path }) => CORPUS_NAME.test(path));
  if (stats) return [corpusFile(pattern, stats)];
  const fixed = /^(?:[^*?{]*\/)?/.exec(pattern)?.[0] as string;
  if (fixed === pattern || !/[*?{]/.test(pattern)) return [];
  const fits = globExpression(pattern.slice(fixed.length));
  if (!statSync(fixed || '.', { throwIfNoEntry: false })?.isDirectory()) return [];
  return below(fixed || '.')
    .map((file) => (fixed === '' ? { ...file, path: file.path.replace(/^\.\//, '') } : file))
    .filter(({ path }) => fits.test(path.slice(fixed.length)));
}

/** All files below a folder, by name; what is no file, as a pipe, is left out. */
function below(folder: string): CorpusFile[] {
  const names = readdirSync(folder).sort();
  return names.flatMap((name) => {
    const path = folder === '.' ? `./${name}` : join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory()) return below(path);
    return stats?.isFile() ? [corpusFile(path, stats)] : [];
  });
}

function globExpression(glob: string): RegExp {
  const parts = glob.match(/\*\*\/?|\*|\?|\{[^{}]*\}|[^*?{]+|\{/g) ?? [];
  const source = parts.map((part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    if (part.startsWith('{') && part.endsWith('}'))
      return `(?:${part.slice(1, -1).split(',').map(escapeExpression).join('|')})`;
    return escapeExpression(part);
  });
  return new RegExp(`^${source.join('')}$`);
}

function escapeExpression(text: string): string {
  return text.replace(/[.*+^${}()|[\]\\?]/g, '\\$&');
}

function corpusFile(path: string, stats: Stats | undefined): CorpusFile {
  const packed = (/\.(gz|zst|bz2)$/.exec(path)?.[1] ?? null) as CorpusFile['packed'];
  const name = packed === null ? path : path.slice(0, -packed.length - 1);
  const format = /\.(?:jsonl|ndjson)$/.test(name) ? 'jsonl' : name.endsWith('.parquet') ? 'parquet' : 'text';
  if (format === 'parquet' && packed !== null)
    throw new UserError(`--corpus ${path}: parquet files are packed within: expected one without .${packed}`);
  return { path, format, packed, bytes: stats?.size ?? null, modified: Math.floor(stats?.mtimeMs ?? 0) };
}

/** The files of the i-th of n shards, counted from 1: every n-th one. */
export function shardOf<T>(files: readonly T[], { i, n }: { readonly i: number; readonly n: number }): T[] {
  return files.filter((_, place) => place % n === i - 1);
}
