import { stat } from 'node:fs/promises';
import { didYouMean } from '../closest.ts';
import { messageOf, UserError } from '../errors.ts';
import { cardNames, type DatasetCard, filesOf, readCard, type SplitCard, sourceOf } from './card.ts';
import { type Found, findFile, findSplit, readFound, readSplit } from './split.ts';

/** A file of a split, or a split that is generated: what its card says, and where it lies. */
export interface InventoryEntry {
  readonly set: string;
  readonly split: string;
  /** Path below a data folder, even where a copy of it is here instead; null for what is generated. */
  readonly file: string | null;
  readonly url: string | null;
  readonly sha256: string | null;
  readonly bytes: number | null;
  readonly records: number | null;
  readonly licence: string;
  /** Where it lies; null where no data folder has it. */
  readonly path: string | null;
}

/** Cards by their names, or all of them. @throws UserError for a name that no card has */
export function selectCards(names: readonly string[]): DatasetCard[] {
  const known = cardNames();
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, known);
    throw new UserError(`no data set "${unknown}"; \`evalgpt data list\` lists them${hint}`);
  }
  return known.filter((name) => names.length === 0 || names.includes(name)).map(readCard);
}

export function inventory(cards: readonly DatasetCard[]): InventoryEntry[] {
  return cards.flatMap((card) =>
    Object.entries(card.splits).flatMap(([split, entry]): InventoryEntry | InventoryEntry[] => {
      const common = { set: card.name, split, licence: card.licence };
      if ('generator' in entry) {
        const unknown = { file: null, url: null, sha256: null, bytes: null };
        return { ...common, ...unknown, records: entry.records, path: findSplit(card, split) ?? null };
      }
      return filesOf(entry).map((file) => {
        const found = findFile(file);
        const { sha256, bytes, records } = found?.facts ?? file;
        return {
          ...common,
          file: file.file,
          url: sourceOf(card, file) ?? null,
          sha256: sha256 ?? null,
          bytes: bytes ?? null,
          records: ('columns' in entry ? entry.records : records) ?? null,
          path: found?.path ?? null,
        };
      });
    }),
  );
}

/** What was found of a file that is here. */
export interface Verified {
  readonly entry: InventoryEntry;
  readonly sha256?: string;
  readonly records?: number;
  /** What is wrong with it, in a sentence that names it; undefined where it is what its card says. */
  readonly problem?: string;
}

/** Reads a file that is here whole, and holds its size, hash and records against its card. */
export async function verify(entry: InventoryEntry): Promise<Verified> {
  const { path, set, split } = entry;
  if (path === null) throw new Error(`${set} ${split} is not here`);
  const card = readCard(set);
  const file = filesOf(card.splits[split] as SplitCard).find((one) => one.file === entry.file);
  let found: { readonly sha256: string; readonly records: number };
  try {
    const { sha256, records } = file
      ? await readFound(`${set} ${split}`, findFile(file) as Found)
      : await readSplit(card, split);
    found = { sha256, records: records.length };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { entry, problem: messageOf(error) };
  }
  const bytes = entry.file === null ? null : (await stat(path)).size;
  for (const [what, expected, is] of [
    ['sha256', entry.sha256, found.sha256],
    ['bytes:', bytes === null ? null : entry.bytes, bytes],
    ['records:', entry.records, found.records],
  ] as const) {
    if (expected !== null && expected !== is) {
      return { entry, ...found, problem: `${path}: expected ${what} ${expected}, found ${is}` };
    }
  }
  return { entry, ...found };
}
