import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A folder of real data and models beside the repository, where a developer has one. */
export const shared = fileURLToPath(new URL('../../../shared', import.meta.url));

/** A Python with torch, transformers and lm-eval: EVALGPT_PYTHON, or the one that the shared folder's script builds. */
export const python =
  process.env.EVALGPT_PYTHON ?? join(homedir(), '.cache', 'evalgpt-peers', 'bin', 'python');

/** Why a test that needs the given paths can't run here, or undefined where it can. */
export function missing(...paths: readonly string[]): string | undefined {
  const absent = paths.find((path) => !existsSync(path));
  return absent === undefined ? undefined : `skipped: needs ${absent}, which is not here`;
}
