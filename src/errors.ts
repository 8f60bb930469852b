/**
 * A mistake that the user can mend: bad option, missing file, malformed line.
 * The command line prints its message as one sentence and exits with 2; every other error is a bug and
 * keeps its stack. The message names the file, line or option, what was expected and what was found.
 */
export class UserError extends Error {
  override name = 'UserError';
}

/** The text of whatever was thrown, for a sentence that quotes it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True for a Node file-system error with the given code, such as ENOENT. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
