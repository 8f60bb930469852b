import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { packageFolder } from '../package.ts';

/**
 * How a file's records lie in it. `jsonl`: a JSON object a line. `json`: a document: a list of objects, alone or under
 * "data", or an object whose entries are the records. `lines`: a text a line, or as many lines as `each`
 * says. `blocks`: texts between blank lines. `text`: the whole file is one.
 * `tsv`: columns named by the first line, between tabs, without quoting. `csv`: the same between commas, with double
 * quotes. `sgm`: the segments of a WMT file. `tar`: the members of an archive that `members` fits, a JSON object each.
 * `parquet`: its rows. Behind any of them .gz, .bz2 or .zst at the end of the name says how the file is packed.
 */
export type RecordFormat =
  | 'jsonl'
  | 'json'
  | 'lines'
  | 'blocks'
  | 'text'
  | 'tsv'
  | 'csv'
  | 'sgm'
  | 'tar'
  | 'parquet';
const FORMATS: readonly RecordFormat[] = [
  'jsonl',
  'json',
  'lines',
  'blocks',
  'text',
  'tsv',
  'csv',
  'sgm',
  'tar',
  'parquet',
];

/** Where one split of a data set comes from. Facts that are not known are null. */
export type SplitCard = FileSplit | ParallelSplit | GeneratedSplit;

/** A file of records, and what is known of it. */
export interface FileFacts {
  /** Path below a data folder; below the package's `datasets` where `bundled`. */
  readonly file: string;
  /** How records stand in it: see RecordFormat. */
  readonly format: RecordFormat;
  /** Of a tar: what the paths of the wanted members begin with. */
  readonly members?: string;
  /** Of a table without a first line that names its columns: their names. */
  readonly header?: readonly string[];
  /** Lines of a text. */
  readonly each?: number;
  readonly sha256?: string | null;
  readonly bytes?: number | null;
  /** How many it holds. */
  readonly records?: number;
}

/** A split that is a file. */
export interface FileSplit extends FileFacts {
  /** It comes with the package. */
  readonly bundled?: boolean;
  /** Where the file itself is published. */
  readonly url?: string;
  /** The file's path in the card's archive, where it is published in one. */
  readonly member?: string;
  /** The same records in other files, which serve where the published one is not here. */
  readonly copies?: readonly FileFacts[];
}

/** Files of one text each line or segment, side by side: a record has a text from each, by the columns' names. */
export interface ParallelSplit {
  readonly columns: Readonly<Record<string, FileSplit>>;
  readonly records: number;
}

/** A split that evalgpt makes itself, from a seed. */
export interface GeneratedSplit {
  readonly generator: 'arithmetic';
  /** Which of the generator's sets. */
  readonly set: string;
  readonly format: RecordFormat;
  readonly records: number;
}

/** An archive that splits are members of. Cards may share one by its URL. */
export interface Archive {
  readonly url: string;
  readonly format: 'zip' | 'tar.gz';
  /** Null where it is not known. */
  readonly sha256: string | null;
  readonly bytes: number | null;
}

/** A data set's card, `datasets/NAME.json`. */
export interface DatasetCard {
  /** As `evalgpt data` names it. */
  readonly name: string;
  readonly title: string;
  readonly homepage: string;
  /** As the publisher states it. */
  readonly licence: string;
  /** The paper or the authors. */
  readonly citation: string;
  /** What is to be known, a sentence each. */
  readonly notes?: readonly string[];
  /** Where its files are members of one. */
  readonly archive?: Archive;
  /** The page where files that have no URL are to be asked for. */
  readonly request?: string;
  /** By name. */
  readonly splits: Readonly<Record<string, SplitCard>>;
}

/** The folder of the cards and of what is bundled. */
export function datasetsFolder(): string {
  return join(packageFolder(), 'datasets');
}

/** Reads a card by its data set's name. @throws UserError where there is none, or it is not a card */
export function readCard(name: string): DatasetCard {
  const path = join(datasetsFolder(), `${name}.json`);
  if (!existsSync(path)) throw new UserError(`data set "${name}": expected a card ${path}, found none`);
  return parseCard(path, readFileSync(path, 'utf8'));
}

/** The names of all cards, sorted. */
export function cardNames(): string[] {
  return readdirSync(datasetsFolder())
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** The files of a split: none where it is generated, several where it is parallel. */
export function filesOf(entry: SplitCard): readonly FileSplit[] {
  if ('generator' in entry) return [];
  return 'columns' in entry ? Object.values(entry.columns) : [entry];
}

/** The URL that a file comes from, its own or its archive's; undefined where none is published. */
export function sourceOf(card: DatasetCard, entry: FileSplit): string | undefined {
  return entry.member === undefined ? entry.url : card.archive?.url;
}

type Fields = Readonly<Record<string, unknown>>;

/** A card from its text, every fact checked. @throws UserError naming the file and the fact */
export function parseCard(path: string, text: string): DatasetCard {
  let card: unknown;
  try {
    card = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path}: not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const check = checker(path, '', card);
  for (const key of ['name', 'title', 'licence', 'citation']) check(key, isText, 'a text');
  check('homepage', isUrl, 'an https URL');
  check('notes', (v) => v === undefined || (Array.isArray(v) && v.every(isText)), 'a list of texts');
  check('request', (v) => v === undefined || isUrl(v), 'an https URL');
  check('splits', isObject, 'an object of splits');
  const { archive, splits } = card as { archive?: unknown; splits: Fields };
  if (archive !== undefined) {
    const inArchive = checker(path, 'archive.', archive);
    inArchive('url', isUrl, 'an https URL');
    inArchive('format', (v) => v === 'zip' || v === 'tar.gz', '"zip" or "tar.gz"');
    inArchive('sha256', (v) => v === null || isHash(v), '64 hexadecimal digits or null');
    inArchive('bytes', (v) => v === null || isCount(v), 'a number of bytes or null');
  }
  for (const [name, split] of Object.entries(splits)) {
    checkSplit(path, name, split as Fields, archive !== undefined);
  }
  return card as DatasetCard;
}

function checkSplit(path: string, name: string, split: Fields, hasArchive: boolean): void {
  const check = checker(path, `splits.${name}.`, split);
  if (split.generator !== undefined) {
    check('generator', (v) => v === 'arithmetic', '"arithmetic"');
    check('set', isText, 'a text');
    check('records', isCount, 'a number of records');
    return;
  }
  if (split.columns === undefined) {
    checkFile(path, `splits.${name}`, split, hasArchive);
    return;
  }
  check('columns', isObject, 'an object of files');
  check('records', isCount, 'a number of records');
  for (const [column, file] of Object.entries(split.columns as Fields)) {
    checkFile(path, `splits.${name}.columns.${column}`, file as Fields, hasArchive);
  }
}

function checkFile(path: string, where: string, file: Fields, hasArchive: boolean): void {
  const check = checker(path, `${where}.`, file);
  checkFacts(check);
  check('bundled', (v) => v === undefined || typeof v === 'boolean', 'true or false');
  check('url', (v) => v === undefined || isUrl(v), 'an https URL');
  check('member', (v) => v === undefined || isInside(v), 'a relative path without ".."');
  check('copies', (v) => v === undefined || (Array.isArray(v) && v.every(isObject)), 'a list of files');
  for (const [i, copy] of ((file.copies ?? []) as Fields[]).entries()) {
    checkFacts(checker(path, `${where}.copies[${i}].`, copy));
  }
  if (file.member === undefined) return;
  check('url', (v) => v === undefined, 'nothing beside "member"');
  if (!hasArchive) {
    throw new UserError(`${path}: "${where}.member" expected an "archive" in the card, found none`);
  }
}

function checkFacts(check: ReturnType<typeof checker>): void {
  check('format', (v) => FORMATS.includes(v as RecordFormat), `one of ${FORMATS.join(', ')}`);
  check('file', isInside, 'a relative path without ".."');
  check('members', (v) => v === undefined || isInside(String(v).replace(/\/$/, '')), 'a relative path');
  check('header', (v) => v === undefined || (Array.isArray(v) && v.every(isText)), 'a list of texts');
  check('each', (v) => v === undefined || (isCount(v) && v !== 0), 'a whole number from 1 on');
  check('sha256', (v) => v == null || isHash(v), '64 hexadecimal digits or null');
  check('bytes', (v) => v == null || isCount(v), 'a number of bytes or null');
  check('records', (v) => v === undefined || isCount(v), 'a number of records');
}

/** Checks one fact of a card's object. */
function checker(
  path: string,
  prefix: string,
  fields: unknown,
): (key: string, is: (value: unknown) => boolean, expected: string) => void {
  if (!isObject(fields)) {
    throw new UserError(`${path}: expected an object as ${prefix ? `"${prefix.slice(0, -1)}"` : 'the card'}`);
  }
  return (key, is, expected) => {
    const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (is(value)) return;
    const found = value === undefined ? 'nothing' : JSON.stringify(value);
    throw new UserError(`${path}: "${prefix}${key}" expected ${expected}, found ${found}`);
  };
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isUrl(value: unknown): boolean {
  return typeof value === 'string' && /^https:\/\/\S+$/.test(value) && URL.canParse(value);
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A path that stays in the folder it is joined to, on every system. */
function isInside(value: unknown): boolean {
  if (typeof value !== 'string' || !/^[^\\:\0]+$/.test(value)) return false;
  return value.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
