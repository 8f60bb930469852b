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
  fail(message: string): never;
}

/** Splits a file's text into records. Empty lines are skipped; they still count as lines. */
export function parseRecords(path: string, text: string, format: RecordFormat): DataRecord[] {
  const records: DataRecord[] = [];
  const lines = text.split('\n');
  for (const [i, raw] of lines.entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.trim() === '') continue;
    records.push(format === 'jsonl' ? jsonRecord(path, i + 1, line) : record(path, i + 1, line, {}));
  }
  return records;
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

function record(
  path: string,
  line: number,
  text: string,
  fields: Readonly<Record<string, unknown>>,
): DataRecord {
  const fail = (message: string): never => {
    throw new UserError(`${path}:${line}: ${message}`);
  };
  const string = (key: string): string => {
    const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
    return typeof value === 'string' ? value : fail(`"${key}" expected a string, found ${shorten(value)}`);
  };
  return {
    line,
    text,
    fail,
    string,
    oneOf<T extends string>(key: string, values: readonly T[]): T {
      const value = string(key);
      const found = values.find((v) => v === value);
      return found ?? fail(`"${key}" expected one of ${values.join(', ')}, found ${shorten(value)}`);
    },
  };
}

function shorten(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
