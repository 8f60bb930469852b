import { execFileSync } from 'node:child_process';
import type { RunRecord } from '../record.ts';

/** What a run ran on. */
export function environmentOf(known: {
  readonly ort: string;
  readonly threads: number;
}): Omit<RunRecord['environment'], 'warnings' | 'backends'> {
  return {
    git: gitCommit(),
    node: process.version,
    ort: known.ort,
    platform: `${process.platform}-${process.arch}`,
    threads: known.threads,
  };
}

/** Commit of the working directory's repository, with "-dirty" where files differ from it; null outside one. */
function gitCommit(): string | null {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const commit = git('rev-parse', 'HEAD');
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}-dirty`;
  } catch {
    return null;
  }
}
