import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { messageOf, UserError } from '../errors.ts';
import { parseJson } from '../json.ts';
import {
  any,
  checkShape,
  count,
  either,
  listOf,
  mapOf,
  nullable,
  number,
  object,
  optional,
  type Shape,
  text,
} from '../store/shape.ts';

/** What is read of lm-eval's results_*.json; older versions lack some of it. */
export interface LmEvalResults {
  readonly results: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly versions?: Readonly<Record<string, unknown>>;
  readonly 'n-shot'?: Readonly<Record<string, number>>;
  readonly configs?: Readonly<
    Record<string, { readonly dataset_path?: string; readonly num_fewshot?: number }>
  >;
  readonly config: {
    readonly model?: string;
    readonly model_args?: unknown;
    readonly model_num_parameters?: number;
    readonly model_dtype?: string;
    readonly model_sha?: string;
    readonly limit?: number | null;
    readonly fewshot_seed?: number;
  };
  readonly model_name?: string;
  readonly git_hash?: string | null;
  readonly lm_eval_version?: string;
  readonly transformers_version?: string;
}

/** A line of lm-eval's samples_*.jsonl. Versions differ in whether scores are numbers or their text. */
export interface LmEvalSample {
  readonly doc_id: number;
  readonly target: unknown;
  readonly arguments: unknown;
  readonly filtered_resps: readonly unknown[];
  readonly filter?: string;
  readonly metrics?: readonly string[];
  readonly [metric: string]: unknown;
}

const maybeText = optional(nullable(text));
const OUTPUT: Shape = object({
  ...{ results: mapOf(mapOf(any)), versions: optional(mapOf(any)), 'n-shot': optional(mapOf(count)) },
  configs: optional(mapOf(object({ dataset_path: maybeText, num_fewshot: optional(nullable(count)) }))),
  config: object({
    ...{ model: maybeText, model_num_parameters: optional(nullable(count)), model_dtype: maybeText },
    ...{ model_sha: maybeText, limit: optional(nullable(number)), fewshot_seed: optional(nullable(count)) },
  }),
  ...{
    model_name: maybeText,
    git_hash: maybeText,
    lm_eval_version: maybeText,
    transformers_version: maybeText,
  },
});
/** A request: its texts in a list or under names; a text to be written has its options as an object. */
const REQUEST: Shape = either(mapOf(any), listOf(any));
const LINE: Shape = object({
  ...{ doc_id: either(count, text), arguments: either(mapOf(REQUEST), listOf(REQUEST)) },
  ...{ filtered_resps: listOf(any), filter: optional(text), metrics: optional(listOf(text)) },
});

/** One run of lm-eval: its results file, and the samples of each task beside it. */
export interface LmEvalOutput {
  readonly path: string;
  readonly results: LmEvalResults;
  /** By task. */
  readonly samples: ReadonlyMap<string, string>;
}

const RESULTS = /^results_(.*)\.json$/;

/** The results files at a path: the file itself, a folder's, or those of the folders in it, one a model. */
async function resultsFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return RESULTS.test(basename(path)) ? [path] : [];
  if (!found) return [];
  const entries = await readdir(path, { withFileTypes: true });
  const own = latest(
    path,
    entries.filter((e) => e.isFile()).map((e) => e.name),
  );
  if (own.length > 0) return own;
  const folders = entries.filter((e) => e.isDirectory()).map((e) => join(path, e.name));
  return (await Promise.all(folders.map(async (folder) => latest(folder, await readdir(folder))))).flat();
}

/** lm-eval names files by their time: the last one counts. */
function latest(folder: string, names: readonly string[]): string[] {
  const last = names
    .filter((name) => RESULTS.test(name))
    .sort()
    .at(-1);
  return last === undefined ? [] : [join(folder, last)];
}

/** True where a path holds lm-eval's output and no run folder. */
export async function isLmEvalOutput(path: string): Promise<boolean> {
  if (await stat(join(path, 'run.json')).catch(() => undefined)) return false;
  return (await resultsFiles(path)).length > 0;
}

/** @throws UserError where there are several models' results, or no samples beside them */
export async function readOutput(path: string): Promise<LmEvalOutput> {
  const [file, ...more] = await resultsFiles(path);
  if (file === undefined) throw new UserError(`${path}: expected lm-eval's results_*.json, found none`);
  if (more.length > 0)
    throw new UserError(
      `${path}: holds results of ${more.length + 1} models; name one: ${[file, ...more].map((f) => dirname(f)).join(', ')}`,
    );
  let results: LmEvalResults;
  try {
    results = parseJson(plainJson(await readFile(file, 'utf8'))) as LmEvalResults;
  } catch (error) {
    throw new UserError(`${file}: cannot be read: ${messageOf(error)}`);
  }
  const known = results as LmEvalResults | null;
  if (typeof known?.results !== 'object' || typeof known.config !== 'object')
    throw new UserError(`${file}: expected lm-eval's "results" and "config", found other fields`);
  checkShape(results, OUTPUT, file);
  const date = RESULTS.exec(basename(file))?.[1] ?? '';
  const samples = new Map<string, string>();
  for (const name of await readdir(dirname(file))) {
    const task = name.startsWith('samples_') && name.endsWith(`_${date}.jsonl`);
    if (task) samples.set(name.slice('samples_'.length, -`_${date}.jsonl`.length), join(dirname(file), name));
  }
  if (samples.size === 0)
    throw new UserError(
      `${file}: expected samples_*.jsonl beside it, found none: run lm-eval with --log_samples`,
    );
  return { path: file, results, samples };
}

/** The lines of a samples file. @throws UserError naming the line that is no JSON */
export async function* readLines(path: string): AsyncGenerator<LmEvalSample, void, undefined> {
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    line++;
    if (text.trim() === '') continue;
    let sample: unknown;
    try {
      sample = parseJson(plainJson(text));
    } catch (error) {
      throw new UserError(`${path}:${line}: not JSON: ${messageOf(error)}`);
    }
    checkShape(sample, LINE, `${path}:${line}`);
    yield sample as LmEvalSample;
  }
}

/** Python writes NaN and Infinity, which are no JSON: outside of strings they become null. */
function plainJson(text: string): string {
  if (!/NaN|Infinity/.test(text)) return text;
  return text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (found) =>
    found.startsWith('"') ? found : 'null',
  );
}
