import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { cardNames, datasetsFolder, readCard } from '../../src/data/card.ts';
import { parseRecords } from '../../src/data/records.ts';
import { type MadeMember, makeTarGz, makeZip } from './archives.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A copy of the program whose cards describe files that a test can publish: the samples, not the real ones. */
export interface Published {
  /** The copy's command line. */
  readonly main: string;
  /** What its cards say is published, by URL. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Members of the archives by URL, to make others of. */
  readonly members: ReadonlyMap<string, readonly MadeMember[]>;
}

export function publishSamples(folder: string): Published {
  for (const part of ['src', 'tasks', 'datasets', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const files = new Map<string, Buffer>();
  const members = new Map<string, MadeMember[]>();
  for (const card of cardNames().map(readCard)) {
    const splits = { ...card.splits };
    for (const [name, entry] of Object.entries(card.splits)) {
      if ('generator' in entry || entry.bundled) continue;
      const sample = join(datasetsFolder(), 'samples', entry.file);
      // There is no sample of train splits, and nobody knows their hash.
      const isTrain = !existsSync(sample);
      const content = isTrain
        ? Buffer.from(readFileSync(sample.replace('train', 'dev'), 'utf8').repeat(2))
        : readFileSync(sample);
      const sha256 = isTrain ? null : createHash('sha256').update(content).digest('hex');
      const text = (entry.file.endsWith('.gz') ? gunzipSync(content) : content).toString();
      const records = parseRecords(entry.file, text, entry.format).length;
      splits[name] = { ...entry, sha256, bytes: isTrain ? null : content.length, records };
      if (entry.member === undefined) files.set(entry.url!, content);
      else {
        const { url } = card.archive!;
        members.set(url, [...(members.get(url) ?? []), { path: entry.member, content }]);
      }
    }
    const path = join(folder, 'datasets', `${card.name}.json`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify({ ...card, splits }));
  }
  for (const [url, made] of members) files.set(url, (url.endsWith('.zip') ? makeZip : makeTarGz)(made));
  return { main: join(folder, 'src', 'cli', 'main.ts'), files, members };
}
