import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from '../errors.ts';

/** The two ways in which a run writes. A test puts a failing one in its place. */
export interface Disk {
  /** Adds text to a file's end; when it returns, the text is on the disk. */
  append(path: string, text: string): Promise<void>;
  /** Writes a file whole or not at all. */
  replace(path: string, text: string): Promise<void>;
}

export const disk: Disk = {
  append: (path, text) => writeSynced(path, 'a', text),
  async replace(path, text) {
    const temporary = `${path}.${process.pid}.tmp`;
    await writeSynced(temporary, 'w', text);
    await rename(temporary, path);
  },
};

async function writeSynced(path: string, flags: 'a' | 'w', text: string): Promise<void> {
  await makeFolder(dirname(path));
  const file = await open(path, flags);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Makes a folder and those above it. Node's own recursive form never ends where a parent refuses entries (/proc). */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return;
    if (!hasCode(error, 'ENOENT')) throw error;
    await makeFolder(dirname(folder));
    // The folder above is there now, made here or by someone else meanwhile: a second refusal is final.
    await mkdir(folder).catch((again) => {
      if (!hasCode(again, 'EEXIST')) throw again;
    });
  }
}
