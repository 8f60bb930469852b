import { existsSync } from 'node:fs';
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
  async append(path, text) {
    await makeFolder(dirname(path));
    const file = await open(path, 'a');
    try {
      await file.appendFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
  },
  async replace(path, text) {
    await makeFolder(dirname(path));
    const temporary = `${path}.${process.pid}.tmp`;
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  },
};

/** Makes a folder and those above it. Node's own recursive form never ends where a parent refuses entries (/proc). */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return;
    if (!hasCode(error, 'ENOENT') || existsSync(dirname(folder))) throw error;
    await makeFolder(dirname(folder));
    await makeFolder(folder);
  }
}
