import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { packageFolder } from '../package.ts';

/** How a file's records lie in it: a JSON object a line, or a text a line. */
export type RecordFormat = 'jsonl' | 'lines';

/** Where one split of a data set comes from. Facts that are not known are null. */
export type SplitCard = FileSplit | GeneratedSplit;

export interface FileSplit {
  /** Path below a data folder; below the package's `datasets` where `bundled`. */
  readonly file: string;
  readonly bundled?: boolean;
  readonly format: RecordFormat;
  readonly url?: string;
  readonly sha256?: string | null;
  readonly bytes?: number | null;
  readonly records?: number;
}

export interface GeneratedSplit {
  readonly generator: 'arithmetic';
  readonly set: string;
  readonly format: RecordFormat;
  readonly records: number;
}

/** A data set's card, `datasets/NAME.json`. */
export interface DatasetCard {
  readonly name: string;
  readonly title: string;
  readonly homepage: string;
  readonly licence: string;
  readonly citation: string;
  readonly notes?: readonly string[];
  readonly splits: Readonly<Record<string, SplitCard>>;
}

/** The folder of the cards and of what is bundled. */
export function datasetsFolder(): string {
  return join(packageFolder(), 'datasets');
}

/** Reads a card by its data set's name. @throws UserError where there is none. */
export function readCard(name: string): DatasetCard {
  const path = join(datasetsFolder(), `${name}.json`);
  if (!existsSync(path)) throw new UserError(`data set "${name}": expected a card ${path}, found none`);
  return JSON.parse(readFileSync(path, 'utf8')) as DatasetCard;
}

/** The names of all cards, sorted. */
export function cardNames(): string[] {
  return readdirSync(datasetsFolder())
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}
