import { createReadStream } from 'node:fs';
import { stat, truncate } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { hasCode, messageOf, UserError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { disk } from '../store/disk.ts';
import { checkShape, count, flag, listOf, mapOf, object, oneOf, type Shape, text } from '../store/shape.ts';
import type { Findings } from './matcher.ts';
import type { OverlapItem, OverlapResult } from './result.ts';
import type { ScannedFile } from './scan.ts';
import type { OverlapMethod, TestSet } from './test-set.ts';

/**
 * An overlap index is a file of JSON Lines that grows: the head, a line for every corpus file as it is finished, and
 * at last the flags. Without flags as its last line it is a scan that was stopped, and the same command takes it up.
 */
interface Head {
  readonly kind: 'overlap';
  readonly format: 1;
  readonly method: OverlapMethod;
  /** N-grams of more than 10 documents are left out. */
  readonly ignore_common: boolean;
  /** See TestSet: what the numbers of grams mean. */
  readonly key: string;
  /** The test sets that were looked for. */
  readonly tasks: readonly IndexTask[];
}

/** A test set of an index. */
export interface IndexTask {
  readonly task: string;
  /** Of the data that were looked for. */
  readonly dataset_sha256: string;
  /** Words of an n-gram. */
  readonly ngram: number;
  /** Items. */
  readonly n: number;
}

/** A finished file. */
interface FileLine {
  readonly kind: 'file';
  readonly file: ScannedFile['file'];
  /** How many were read, of how many bytes. */
  readonly documents: number;
  readonly bytes: number;
  /** Numbers of the n-grams that were found, of how many documents each, and their first documents. */
  readonly grams: readonly number[];
  readonly counts: readonly number[];
  readonly places: readonly number[];
}

/** The dirty items; those of the head's tasks that are not here are clean. */
interface FlagLine {
  readonly kind: 'flags';
  readonly corpus: OverlapResult['corpus'];
  readonly items: readonly OverlapItem[];
}

const HEAD: Shape = object({
  ...{ method: oneOf('gpt2', 'gpt3'), ignore_common: flag, key: text },
  tasks: listOf(object({ task: text, dataset_sha256: text, ngram: count, n: count })),
});
const FILE: Shape = object({
  ...{ file: object({ path: text }), documents: count, bytes: count },
  ...{ grams: listOf(count), counts: listOf(count), places: listOf(count) },
});
const FLAGS: Shape = object({
  items: listOf(
    object({
      ...{ task: text, id: text, dirty: oneOf(true) },
      fields: mapOf(object({ grams: count, matched: count })),
      where: listOf(object({ file: text, document: count, text })),
    }),
  ),
});

/** The flags of one index: what a run needs. */
export interface OverlapFlags {
  readonly method: OverlapMethod;
  readonly tasks: readonly IndexTask[];
  readonly items: readonly OverlapItem[];
}

export function headOf(testSet: TestSet, method: OverlapMethod, ignoreCommon: boolean): Head {
  return {
    kind: 'overlap',
    format: 1,
    method,
    ignore_common: ignoreCommon,
    key: testSet.key,
    tasks: testSet.tasks.map(({ task, dataset_sha256, ngram, items }) => ({
      task,
      dataset_sha256,
      ngram,
      n: items.length,
    })),
  };
}

/** An index file while a scan writes it. */
export interface OpenIndex {
  file(scanned: ScannedFile): Promise<void>;
  flags(result: OverlapResult): Promise<void>;
}

/**
 * Opens an index to write: a new one, or that of a scan of the same test set.
 * @param onFinished told of each file that former scans into this index have finished
 * @throws UserError where it is another test set's
 */
export async function openIndex(
  path: string,
  head: Head,
  onFinished: (scanned: ScannedFile) => void,
): Promise<OpenIndex> {
  const write = (line: Head | FileLine | FlagLine): Promise<void> =>
    disk.append(path, `${JSON.stringify(line)}\n`).catch((error: unknown) => {
      throw new UserError(`--index ${path}: cannot be written: ${messageOf(error)}`);
    });
  const there = await stat(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw new UserError(`--index ${path}: cannot be read: ${messageOf(error)}`);
  });
  if (!there || there.size === 0) {
    await write(head);
  } else {
    const whole = await readFinished(path, head, onFinished);
    if (whole < there.size) await truncate(path, whole);
  }
  return {
    file: ({ file, documents, bytes, findings }) =>
      write({
        ...{ kind: 'file', file, documents, bytes, grams: [...findings.grams] },
        ...{ counts: [...findings.documents], places: [...findings.places] },
      }),
    flags: ({ corpus, items }) => write({ kind: 'flags', corpus, items: items.filter((item) => item.dirty) }),
  };
}

/**
 * Tells of the files that another scan of the same test set has finished: a shard's.
 * @returns the length of the index in bytes, without a last line that was cut short
 * @throws UserError where it is of another test set
 */
export async function readFinished(
  path: string,
  head: Head,
  onFinished: (scanned: ScannedFile) => void,
): Promise<number> {
  let end = 0;
  for await (const line of linesOf(path)) {
    if (line.first) sameTestSet(path, line.value as Head, head);
    if ((line.value as { kind?: unknown } | null)?.kind === 'file') {
      checkShape(line.value, FILE, path);
      onFinished(scannedFile(line.value as FileLine));
    }
    end = line.end;
  }
  return end;
}

/** The flags that a scan has come to. @throws UserError where the file is no index, or one of a scan that was stopped */
export async function readFlags(path: string): Promise<OverlapFlags> {
  let head: Head | undefined;
  let last: unknown;
  for await (const { value } of linesOf(path)) {
    head ??= value as Head;
    last = value;
  }
  if (!head || (last as FlagLine | null)?.kind !== 'flags')
    throw new UserError(
      `${path}: the scan that writes it is not finished: run the same \`evalgpt overlap\` command again`,
    );
  checkShape(last, FLAGS, `${path}: its last line`);
  return { method: head.method, tasks: head.tasks, items: (last as FlagLine).items };
}

function sameTestSet(path: string, found: Head, wanted: Head): void {
  for (const key of ['method', 'ignore_common', 'key'] as const) {
    if (found[key] === wanted[key]) continue;
    const what = key === 'key' ? 'other tasks, data or n-grams' : `${key} ${found[key]}`;
    throw new UserError(`--index ${path}: holds a scan with ${what}: name another file`);
  }
}

function scannedFile({ file, documents, bytes, grams, counts, places }: FileLine): ScannedFile {
  const findings: Findings = {
    grams: Uint32Array.from(grams),
    documents: Uint32Array.from(counts),
    places: Uint32Array.from(places),
  };
  return { file, documents, bytes, findings };
}

/** The lines of an index, one at a time, and where each ends in bytes; a last one that was cut short is left out. */
async function* linesOf(
  path: string,
): AsyncGenerator<{ readonly first: boolean; readonly value: unknown; readonly end: number }> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw new UserError(`${path}: cannot be read: ${messageOf(error)}`);
  });
  let [number, end] = [0, 0];
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    number++;
    end += Buffer.byteLength(text) + 1;
    if (end > size && number > 1) return;
    let value: unknown;
    try {
      value = parseJson(text);
    } catch (error) {
      throw new UserError(`${path}:${number}: not JSON: ${messageOf(error)}`);
    }
    if (number === 1) checkHead(path, value);
    yield { first: number === 1, value, end };
  }
  if (number === 0) checkHead(path, undefined);
}

function checkHead(path: string, value: unknown): void {
  const head = value as Partial<Head> | null | undefined;
  if (head?.kind !== 'overlap')
    throw new UserError(`${path}: expected an index of \`evalgpt overlap\`, found another file`);
  if (head.format !== 1)
    throw new UserError(`${path}: "format" expected 1, found ${JSON.stringify(head.format)}`);
  checkShape(value, HEAD, `${path}: its first line`);
}
