import { stat } from 'node:fs/promises';
import { messageOf, UserError } from '../errors.ts';
import { cardNames, type DatasetCard, readCard, sourceOf } from './card.ts';
import { findSplit, readSplit } from './split.ts';

/** A split of a data set: what its card says, and where it lies. */
export interface InventoryEntry {
  readonly set: string;
  readonly split: string;
  /** Path below a data folder; null for what is generated. */
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
    const near = known.filter((name) => name.startsWith(unknown.slice(0, 4)));
    const hint = near.length > 0 ? ` (did you mean ${near.slice(0, 3).join(', ')}?)` : '';
    throw new UserError(`no data set "${unknown}"; \`evalgpt data list\` lists them${hint}`);
  }
  return known.filter((name) => names.length === 0 || names.includes(name)).map(readCard);
}

export function inventory(cards: readonly DatasetCard[]): InventoryEntry[] {
  return cards.flatMap((card) =>
    Object.entries(card.splits).map(([split, entry]) => {
      const facts = 'file' in entry ? entry : undefined;
      return {
        set: card.name,
        split,
        file: facts?.file ?? null,
        url: sourceOf(card, entry) ?? null,
        sha256: facts?.sha256 ?? null,
        bytes: facts?.bytes ?? null,
        records: entry.records ?? null,
        licence: card.licence,
        path: findSplit(card, split) ?? null,
      };
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

/** Reads a split that is here whole, and holds its size, hash and records against its card. */
export async function verify(entry: InventoryEntry): Promise<Verified> {
  const { path, set, split } = entry;
  if (path === null) throw new Error(`${set} ${split} is not here`);
  const card = readCard(set);
  let found: { readonly sha256: string; readonly records: number };
  try {
    const { sha256, records } = await readSplit(card, split);
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
