import { readFile } from 'node:fs/promises';
import { hasCode, messageOf, UserError } from '../errors.ts';
import { disk } from './disk.ts';

/** What a long job has finished, a line of JSON each, so that the same command takes it up again. */
export interface Journal<T> {
  readonly lines: readonly T[];
  append(line: T): Promise<void>;
}

/**
 * Opens the lines of one job in a file that may hold several jobs' lines; a last line that was cut short is passed over.
 * @param path undefined keeps nothing
 * @param job all that the lines depend on
 * @throws UserError where the file is another thing, or can't be read or written
 */
export async function openJournal<T>(path: string | undefined, job: object): Promise<Journal<T>> {
  if (path === undefined) return { lines: [], append: () => Promise.resolve() };
  const key = JSON.stringify(job);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return '';
    throw new UserError(`--index ${path}: cannot be read: ${messageOf(error)}`);
  });
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const lines = whole
    .split('\n')
    .slice(0, -1)
    .flatMap((line, i): T[] => {
      const found = parse(line);
      // A line that was cut short: the process died in it, and a later one went on below.
      if (found === undefined && line.startsWith('{"job":')) return [];
      if (typeof found?.job !== 'string')
        throw new UserError(
          `--index ${path}:${i + 1}: expected a line that this test has written, found ${line.slice(0, 40)}`,
        );
      return found.job === key ? [found.line as T] : [];
    });
  let cut = whole.length < text.length;
  return {
    lines,
    append(line) {
      const before = cut ? '\n' : '';
      cut = false;
      return disk.append(path, `${before}${JSON.stringify({ job: key, line })}\n`).catch((error: unknown) => {
        throw new UserError(`--index ${path}: cannot be written: ${messageOf(error)}`);
      });
    },
  };
}

function parse(line: string): { readonly job?: unknown; readonly line?: unknown } | undefined {
  try {
    return JSON.parse(line) as { job?: unknown; line?: unknown };
  } catch {
    return undefined;
  }
}
