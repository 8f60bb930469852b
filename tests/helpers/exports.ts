import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeTiny } from './tiny-checkpoints.ts';

/** The folder of the tiny exports: see make_exports.py beside it. */
export const EXPORTS = fileURLToPath(new URL('../vectors/exports', import.meta.url));

/** Lays a folder out as the hub has it: config and tokenizer, no safetensors, and the given exports under names. */
export function exportFolder(parent: string, files: Readonly<Record<string, string>>): string {
  const folder = writeTiny('exported', parent);
  rmSync(join(folder, 'model.safetensors'));
  for (const [name, source] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    copyFileSync(join(EXPORTS, source), join(folder, name));
  }
  return folder;
}
