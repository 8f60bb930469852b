import { CsvError, parse } from 'csv-parse/sync';
import { messageOf, UserError } from '../errors.ts';
import { parseJson as parseText } from '../json.ts';
import type { RecordFormat } from './card.ts';

/**
 * One record of a data file with checked access to its fields. Errors name file and line, what was expected and
 * what was found.
 */
export interface DataRecord {
  /** Line in the file, from 1. */
  readonly line: number;
  /** The whole line, for formats whose record is a text. */
  readonly text: string;
  string(key: string): string;
  /** A string among the given ones. */
  oneOf<T extends string>(key: string, values: readonly T[]): T;
  /** A whole number from 0 on. */
  count(key: string): number;
  flag(key: string): boolean;
  strings(key: string): readonly string[];
  /** A list of lists of strings. */
  lists(key: string): readonly (readonly string[])[];
  /** An object within the record, and a list of objects. */
  object(key: string): DataRecord;
  objects(key: string): readonly DataRecord[];
  /** The record's keys and their values, which are objects. */
  entries(): readonly (readonly [key: string, value: DataRecord])[];
  /** An object that a text within the record spells. */
  json(key: string): DataRecord;
  has(key: string): boolean;
  keys(): readonly string[];
  /** A value as it stands, for what may be of several kinds. */
  value(key: string): unknown;
  fail(message: string): never;
}

/** The formats whose files are texts. */
export type TextFormat = Exclude<RecordFormat, 'tar' | 'parquet'>;

/** Splits a file's text into records. Empty lines are skipped; they still count as lines. */
export function parseRecords(
  path: string,
  text: string,
  format: TextFormat,
  {
    header,
    each = 1,
  }: { readonly header?: readonly string[] | undefined; readonly each?: number | undefined } = {},
): DataRecord[] {
  switch (format) {
    case 'jsonl':
      return linesOf(text).map(({ line, text: one }) => parseJson(`${path}:${line}`, line, one));
    case 'lines':
      return groupsOf(path, linesOf(text), each);
    case 'text':
      return [record(path, 1, text, {})];
    case 'json':
      return jsonDocument(path, text);
    case 'tsv':
      return separated(path, text, { delimiter: '\t', quote: false, header });
    case 'csv':
      return separated(path, text, { delimiter: ',', quote: '"', header });
    case 'blocks':
      return blocks(path, text);
    case 'sgm':
      return segments(path, text);
  }
}

function linesOf(text: string): { readonly line: number; readonly text: string }[] {
  return text.split('\n').flatMap((raw, i) => {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    return line.trim() === '' ? [] : [{ line: i + 1, text: line }];
  });
}

function groupsOf(path: string, lines: ReturnType<typeof linesOf>, each: number): DataRecord[] {
  if (lines.length % each !== 0)
    throw new UserError(`${path}: expected ${each} lines a record, found ${lines.length} in all`);
  return Array.from({ length: lines.length / each }, (_, i) => {
    const own = lines.slice(i * each, (i + 1) * each);
    const line = own[0]?.line ?? 0;
    return record(`${path}:${line}`, line, own.map((one) => one.text).join('\n'), {});
  });
}

/** A JSON object that stands at a place in a file. */
export function parseJson(where: string, line: number, text: string): DataRecord {
  const value = parsed(where, text);
  if (!isObject(value)) throw new UserError(`${where}: expected a JSON object, found ${shorten(value)}`);
  return record(where, line, text, value);
}

/** Rows of a table that has been read already. */
export function parseRows(path: string, rows: readonly Readonly<Record<string, unknown>>[]): DataRecord[] {
  return rows.map((row, i) => record(`${path}: row ${i + 1}`, i + 1, '', row));
}

/** Records side by side as one, each a text under its column's name. */
export function parallelRecords(
  columns: Readonly<Record<string, { readonly path: string; readonly records: readonly DataRecord[] }>>,
): DataRecord[] {
  const [first, ...others] = Object.values(columns);
  if (!first) return [];
  for (const { path, records } of others) {
    if (records.length === first.records.length) continue;
    throw new UserError(
      `${path}: expected ${first.records.length} texts, as many as ${first.path} has, found ${records.length}`,
    );
  }
  return first.records.map((own, i) => {
    const texts = Object.entries(columns).map(([name, { records }]) => [name, records[i]?.text]);
    return record(`${first.path}:${own.line}`, own.line, '', Object.fromEntries(texts));
  });
}

function parsed(where: string, text: string): unknown {
  try {
    return parseText(text);
  } catch (error) {
    throw new UserError(`${where}: not JSON: ${messageOf(error)}`);
  }
}

function jsonDocument(path: string, text: string): DataRecord[] {
  const value = parsed(path, text);
  const listed = isObject(value) && Object.hasOwn(value, 'data') ? value.data : value;
  const under = listed === value ? '' : 'data';
  const entries = Array.isArray(listed)
    ? listed.map((item: unknown, i) => [`${under}[${i}]`, '', item] as const)
    : isObject(listed)
      ? Object.entries(listed).map(([key, item]) => [`"${key}"`, key, item] as const)
      : undefined;
  if (!entries) throw new UserError(`${path}: expected a JSON list or object, found ${shorten(listed)}`);
  return entries.map(([place, key, item], i) => {
    const where = `${path}: ${place}`;
    if (!isObject(item)) throw new UserError(`${where}: expected an object, found ${shorten(item)}`);
    return record(where, i + 1, key, item);
  });
}

function blocks(path: string, text: string): DataRecord[] {
  const found: { readonly line: number; readonly lines: string[] }[] = [];
  let last = -1;
  for (const { line, text: one } of linesOf(text)) {
    if (line === last + 1) found.at(-1)?.lines.push(one);
    else found.push({ line, lines: [one] });
    last = line;
  }
  return found.map(({ line, lines }) => record(`${path}:${line}`, line, lines.join('\n'), {}));
}

/** WMT's files are no XML: they hold bare ampersands, and no entity. */
function segments(path: string, text: string): DataRecord[] {
  return linesOf(text).flatMap(({ line, text: one }) => {
    const where = `${path}:${line}`;
    const found = /<seg id="[^"]*">(.*?)<\/seg>/.exec(one)?.[1];
    if (found !== undefined) return [record(where, line, found.trim(), {})];
    if (/<\/?seg\b/.test(one))
      throw new UserError(`${where}: expected a whole segment on a line, found ${shorten(one)}`);
    return [];
  });
}

/** Line ends are \n, also within a quoted cell: a file's prompts are the same on every system. */
function separated(
  path: string,
  text: string,
  {
    header,
    ...format
  }: {
    readonly delimiter: string;
    readonly quote: string | false;
    readonly header: readonly string[] | undefined;
  },
): DataRecord[] {
  try {
    const rows = parse(text.replaceAll('\r\n', '\n'), {
      ...format,
      columns: header ? [...header] : (names: string[]) => columnNames(path, names),
      bom: true,
      info: true,
      skip_empty_lines: true,
    }) as unknown as { record: Record<string, string>; info: { lines: number } }[];
    return rows.map(({ record: fields, info }) => {
      // csv-parse counts up to a record's last line.
      const breaks = Object.values(fields).join('').split('\n').length - 1;
      const line = info.lines - breaks;
      return record(`${path}:${line}`, line, '', fields);
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const where = `${path}:${String(error.lines ?? 1)}`;
    if (error.code !== 'CSV_RECORD_INCONSISTENT_COLUMNS') throw new UserError(`${where}: ${error.message}`);
    const { columns, record: found } = error as unknown as { columns: unknown[]; record: unknown[] };
    const hint = format.quote === false ? '' : '; a text that holds a comma stands between double quotes';
    const named = header ? '' : ', as in the first line';
    throw new UserError(`${where}: expected ${columns.length} columns${named}, found ${found.length}${hint}`);
  }
}

function columnNames(path: string, names: readonly string[]): string[] {
  const trimmed = names.map((name) => name.trim());
  const nameless = trimmed.indexOf('');
  if (nameless >= 0) throw new UserError(`${path}:1: column ${nameless + 1} has no name`);
  const twice = trimmed.find((name, i) => trimmed.indexOf(name) < i);
  if (twice !== undefined) throw new UserError(`${path}:1: two columns are named "${twice}"`);
  return trimmed;
}

/**
 * A record that stands at `where`; `within` names an object inside it, for its errors: "passage.questions[2].".
 */
function record(
  where: string,
  line: number,
  text: string,
  fields: Readonly<Record<string, unknown>>,
  within = '',
): DataRecord {
  const fail = (message: string): never => {
    throw new UserError(`${where}: ${message}`);
  };
  const value = (key: string): unknown => (Object.hasOwn(fields, key) ? fields[key] : undefined);
  const read = <T>(key: string, expected: string, is: (value: unknown) => value is T): T => {
    const found = value(key);
    return is(found) ? found : fail(`"${within}${key}" expected ${expected}, found ${shorten(found)}`);
  };
  const string = (key: string): string => read(key, 'a string', (v) => typeof v === 'string');
  const object = (key: string): DataRecord =>
    record(where, line, text, read(key, 'an object', isObject), `${within}${key}.`);
  return {
    line,
    text,
    fail,
    string,
    object,
    json: (key) => parseJson(where, line, string(key)),
    has: (key) => Object.hasOwn(fields, key),
    keys: () => Object.keys(fields),
    value,
    oneOf<T extends string>(key: string, values: readonly T[]): T {
      const text = string(key);
      const found = values.find((v) => v === text);
      return found ?? fail(`"${within}${key}" expected one of ${values.join(', ')}, found ${shorten(text)}`);
    },
    count: (key) =>
      read(key, 'a whole number', (v): v is number => Number.isSafeInteger(v) && (v as number) >= 0),
    flag: (key) => read(key, 'true or false', (v) => typeof v === 'boolean'),
    strings: (key) => read(key, 'a list of strings', isStrings),
    lists: (key) =>
      read(
        key,
        'a list of lists of strings',
        (v): v is string[][] => Array.isArray(v) && v.every((item) => isStrings(item)),
      ),
    objects: (key) =>
      read(
        key,
        'a list of objects',
        (v): v is Record<string, unknown>[] => Array.isArray(v) && v.every(isObject),
      ).map((item, i) => record(where, line, text, item, `${within}${key}[${i}].`)),
    entries: () => Object.keys(fields).map((key) => [key, object(key)] as const),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function shorten(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
