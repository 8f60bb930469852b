/**
 * A mistake that the user can mend: bad option, missing file, malformed line.
 * The command line prints its message as one sentence and exits with 2; every other error is a bug and
 * keeps its stack. The message names the file, line or option, what was expected and what was found.
 */
export class UserError extends Error {
  override name = 'UserError';

  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
  }
}

/** Messages quote files of others: what would break the line or move a terminal's cursor is spelled, long ones are cut. */
const UNPRINTABLE = /[\p{Cc}\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu;
const [LONGEST, BEGINNING, END] = [1500, 1000, 400];

function oneLine(message: string): string {
  const short =
    message.length > LONGEST ? `${message.slice(0, BEGINNING)} … ${message.slice(-END)}` : message;
  return short.replace(UNPRINTABLE, (found) => {
    const spelled = JSON.stringify(found).slice(1, -1);
    return spelled === found ? `\\u{${found.codePointAt(0)?.toString(16)}}` : spelled;
  });
}

/** The text of whatever was thrown, for a sentence that quotes it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True for a Node file-system error with the given code, such as ENOENT. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
