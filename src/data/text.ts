import { readFile } from 'node:fs/promises';
import { messageOf, UserError } from '../errors.ts';

/** Reads a UTF-8 text file that an option names. @throws UserError where it can't be read or is not UTF-8 */
export async function readText(path: string, option = '--text'): Promise<string> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new UserError(`${option} ${path}: cannot be read: ${messageOf(error)}`);
  });
  return decodeUtf8(path, bytes);
}

/** @throws UserError naming the file where the bytes are not UTF-8 */
export function decodeUtf8(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UserError(`${path}: expected UTF-8 text, found bytes that are not`);
  }
}
