import { CsvError, parse } from 'csv-parse/sync';
import { UserError } from '../errors.ts';
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
  /** An object within the record, and a list of objects. */
  object(key: string): DataRecord;
  objects(key: string): readonly DataRecord[];
  fail(message: string): never;
}

/** Splits a file's text into records. Empty lines are skipped; they still count as lines. */
export function parseRecords(path: string, text: string, format: RecordFormat): DataRecord[] {
  if (format === 'tsv') return tabSeparated(path, text);
  const records: DataRecord[] = [];
  const lines = text.split('\n');
  for (const [i, raw] of lines.entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.trim() === '') continue;
    records.push(format === 'jsonl' ? jsonRecord(path, i + 1, line) : record(path, i + 1, line, {}));
  }
  return records;
}

function tabSeparated(path: string, text: string): DataRecord[] {
  try {
    const rows = parse(text, {
      columns: true,
      delimiter: '\t',
      quote: false,
      bom: true,
      info: true,
      skip_empty_lines: true,
    }) as unknown as { record: Record<string, string>; info: { lines: number } }[];
    return rows.map(({ record: fields, info }) => record(path, info.lines, '', fields));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UserError(`${path}:${String(error.lines ?? 1)}: ${error.message}`);
  }
}

function jsonRecord(path: string, line: number, text: string): DataRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(
      `${path}:${line}: not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UserError(`${path}:${line}: expected a JSON object, found ${shorten(value)}`);
  }
  return record(path, line, text, value as Record<string, unknown>);
}

/** `within` names an object inside the record, for its errors: "passage.questions[2].". */
function record(
  path: string,
  line: number,
  text: string,
  fields: Readonly<Record<string, unknown>>,
  within = '',
): DataRecord {
  const fail = (message: string): never => {
    throw new UserError(`${path}:${line}: ${message}`);
  };
  const read = <T>(key: string, expected: string, is: (value: unknown) => value is T): T => {
    const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
    return is(value) ? value : fail(`"${within}${key}" expected ${expected}, found ${shorten(value)}`);
  };
  const isObject = (v: unknown): v is Record<string, unknown> =>
    typeof v === 'object' && v !== null && !Array.isArray(v);
  const string = (key: string): string => read(key, 'a string', (v) => typeof v === 'string');
  return {
    line,
    text,
    fail,
    string,
    oneOf<T extends string>(key: string, values: readonly T[]): T {
      const value = string(key);
      const found = values.find((v) => v === value);
      return found ?? fail(`"${within}${key}" expected one of ${values.join(', ')}, found ${shorten(value)}`);
    },
    count: (key) =>
      read(key, 'a whole number', (v): v is number => Number.isSafeInteger(v) && (v as number) >= 0),
    flag: (key) => read(key, 'true or false', (v) => typeof v === 'boolean'),
    strings: (key) =>
      read(
        key,
        'a list of strings',
        (v): v is string[] => Array.isArray(v) && v.every((item) => typeof item === 'string'),
      ),
    object: (key) => record(path, line, text, read(key, 'an object', isObject), `${within}${key}.`),
    objects: (key) =>
      read(
        key,
        'a list of objects',
        (v): v is Record<string, unknown>[] => Array.isArray(v) && v.every(isObject),
      ).map((item, i) => record(path, line, text, item, `${within}${key}[${i}].`)),
  };
}

function shorten(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
