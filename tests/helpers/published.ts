import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  cardNames,
  datasetsFolder,
  type FileSplit,
  filesOf,
  readCard,
  type SplitCard,
} from '../../src/data/card.ts';
import { decodeFile } from '../../src/data/decode.ts';
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

export async function publishSamples(folder: string): Promise<Published> {
  for (const part of ['src', 'tasks', 'datasets', 'reports/published', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const files = new Map<string, Buffer>();
  const members = new Map<string, MadeMember[]>();
  for (const card of cardNames().map(readCard)) {
    const splits: Record<string, SplitCard> = {};
    for (const [name, entry] of Object.entries(card.splits)) {
      const publish = async (file: FileSplit): Promise<FileSplit> => {
        if (file.bundled) return file;
        const sample = join(datasetsFolder(), 'samples', file.file);
        // There is no sample of train splits, and nobody knows their hash: others of the card stand in.
        const isTrain = !existsSync(sample);
        const stand = Object.values(card.splits)
          .flatMap(filesOf)
          .map((other) => join(datasetsFolder(), 'samples', other.file))
          .find(existsSync)!;
        const own = readFileSync(isTrain ? stand : sample);
        const content = isTrain && file.format === 'jsonl' ? Buffer.concat([own, own]) : own;
        const sha256 = isTrain ? null : createHash('sha256').update(content).digest('hex');
        const records = (await decodeFile(file.file, content, file)).length;
        if (file.url !== undefined) files.set(file.url, content);
        else if (file.member !== undefined) {
          const { url } = card.archive!;
          const known = (members.get(url) ?? []).filter(({ path }) => path !== file.member);
          members.set(url, [...known, { path: file.member, content }]);
        }
        return { ...file, sha256, bytes: isTrain ? null : content.length, records };
      };
      if ('generator' in entry) splits[name] = entry;
      else if ('columns' in entry) {
        const columns: Record<string, FileSplit> = {};
        for (const [column, file] of Object.entries(entry.columns)) columns[column] = await publish(file);
        splits[name] = { columns, records: Object.values(columns)[0]!.records! };
      } else splits[name] = await publish(entry);
    }
    const path = join(folder, 'datasets', `${card.name}.json`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify({ ...card, splits }));
  }
  for (const [url, made] of members) files.set(url, (url.endsWith('.zip') ? makeZip : makeTarGz)(made));
  return { main: join(folder, 'src', 'cli', 'main.ts'), files, members };
}
