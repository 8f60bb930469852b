import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openTaskFiles } from '../custom/open.ts';
import { UserError } from '../errors.ts';
import type { Model } from '../models/open.ts';
import type { CellResult, RunRecord, RunSpec } from '../record.ts';
import { random, shuffled } from '../stats/random.ts';
import { disk } from '../store/disk.ts';
import { type Place, readSamplesAt, scanLines } from '../store/read-run.ts';
import { SAMPLE } from '../store/record-shape.ts';
import { readRecord } from '../store/run-folder.ts';
import { specOf } from '../store/spec-file.ts';
import type { Backend, Example, Sample } from '../types.ts';
import { type BlockContext, builderFor, itemsOf } from './blocks.ts';
import { type Cell, cellResults, cellsOf, factsOf, summarise } from './cells.ts';
import { generateBlock } from './generate-block.ts';
import { type LoadedTask, loadTask, selectTasks } from './load.ts';
import { openAnyModel } from './open-model.ts';
import { CHECK_BOUND } from './ready.ts';
import { scoreBlock } from './score-block.ts';
import { loadTexts } from './texts.ts';

export interface VerifyOptions {
  /** Items to score again, over all cells. */
  readonly sample: number;
  readonly seed: number;
  readonly offline?: boolean | undefined;
  /** The user's own task files, where the record's are programs. */
  readonly taskFiles?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What came of verifying a run folder; written into it as verified.json. */
export interface Verification {
  /** Version of the format. */
  readonly format: 1;
  /** Nothing is wrong. */
  readonly verified: boolean;
  /** Version that verified. */
  readonly evalgpt: string;
  /** How many were scored again, and their tokens. */
  readonly items: number;
  readonly tokens: number;
  /** Largest and mean difference of one token's log-probability from the stored one, in nats, and what is allowed. */
  readonly max: number;
  readonly mean: number;
  readonly bound: number;
  /** Items whose answer came out differently, by file and id. */
  readonly answers: readonly string[];
  /** What of the folder does not fit together, a sentence each. */
  readonly problems: readonly string[];
  /** SHA-256 of run.json and of every samples file, by path below the folder. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Scores stored items of a run again, one by one on the CPU in float32, and reduces all stored samples to the results
 * again. Weights, data and prompts must be those of the run.
 * @throws UserError where the model or the data can't be had
 */
export async function verifyRun(folder: string, options: VerifyOptions): Promise<Verification> {
  const record = await readRecord(folder);
  const judged = record.spec.tasks.find(({ rescored }) => rescored !== undefined);
  if (judged)
    throw new UserError(
      `${folder}: was judged anew (${judged.name} by ${judged.rescored}): verify the run that it was made of`,
    );
  const spec = fullSpec(record, folder);
  const warn = (): void => {};
  const wanted = [...selectTasks(spec.tasks), ...(await openTaskFiles(options.taskFiles ?? spec.taskFiles))];
  const loaded = await Promise.all(wanted.map((task) => loadTask(task, spec, warn)));
  if (spec.texts.length > 0) loaded.push(await loadTexts(spec.texts));
  const problems = loaded.flatMap((task) => identityProblems(task, record));
  const models: Model[] = [];
  for (const identity of record.spec.models) {
    const source = { threads: spec.threads, revision: spec.revision, offline: options.offline ?? false };
    const { tokenizer, contextLength } = spec;
    const model = await openAnyModel(identity.ref, {
      ...{ ...source, tokenizer, contextLength, signal: options.signal },
    });
    for (const key of ['sha256', 'tokenizer_sha256'] as const) {
      if (model.identity[key] !== identity[key])
        throw new UserError(
          `${identity.ref}: not the run's model: ${key} is ${identity[key].slice(0, 12)} in the run and ${model.identity[key].slice(0, 12)} now`,
        );
    }
    models.push(model);
  }

  const files: Record<string, string> = { 'run.json': await sha256File(join(folder, 'run.json')) };
  const entries: Entry[] = [];
  for (const model of models) {
    const { ref } = model.identity;
    for (const task of loaded.filter(({ missing }) => missing === undefined)) {
      const cells = cellsOf(factsOf(task), ref);
      for (const cell of cells) {
        const found = await scanLines<Sample>(join(folder, cell.path), SAMPLE, (sample, place) => {
          if (cell.finished.has(sample.id)) problems.push(`${cell.path}: "${sample.id}" stands in it twice.`);
          cell.finished.set(sample.id, summarise(sample));
          if (sample.status === 'scored') entries.push({ model, task, cell, id: sample.id, place });
        });
        if (found) files[cell.path] = await sha256File(join(folder, cell.path));
        else problems.push(`${cell.path} is not there.`);
      }
      problems.push(...resultProblems(record, task, model, spec, cells));
    }
  }
  const chosen = chooseEntries(entries, options);
  const scored = await scoreAgain(folder, chosen, spec, options, problems);
  const bound = CHECK_BOUND[spec.dtype];
  const verification: Verification = {
    format: 1,
    verified: problems.length === 0 && scored.answers.length === 0 && scored.max <= bound && scored.items > 0,
    evalgpt: record.spec.evalgpt,
    ...scored,
    bound,
    problems,
    files,
  };
  await disk.replace(join(folder, 'verified.json'), `${JSON.stringify(verification, null, 2)}\n`);
  return verification;
}

/** A stored sample: where it lies, and what scores it again. */
interface Entry {
  readonly model: Model;
  readonly task: LoadedTask;
  readonly cell: Cell;
  readonly id: string;
  readonly place: Place;
}

function fullSpec(record: RunRecord, folder: string): RunSpec {
  // What a record names by hash a spec names by name; all other fields are the same.
  const { spec } = specOf(record.spec, join(folder, 'run.json'));
  return { ...record.spec, ...spec } as RunSpec;
}

function identityProblems({ identity, missing }: LoadedTask, { spec }: RunRecord): string[] {
  const then = spec.tasks.find(({ name }) => name === identity.name);
  if (!then) return [`run.json has no task ${identity.name}.`];
  if (missing !== undefined) return then.dataset_sha256 === '' ? [] : [`${identity.name}: ${missing}.`];
  return (['version', 'dataset_sha256', 'prompts_sha256'] as const).flatMap((key) =>
    then[key] === identity[key] ? [] : [`${identity.name}: ${key} is not what it was in the run.`],
  );
}

/** Where the stored samples do not give the stored results. */
function resultProblems(
  record: RunRecord,
  task: LoadedTask,
  { identity: { ref: model }, contextLength }: Model,
  spec: RunSpec,
  cells: readonly Cell[],
): string[] {
  const name = task.task.name;
  const lacking = cells.find((cell) => task.examples.some(({ id }) => !cell.finished.has(id)));
  if (lacking) return [`${lacking.path} does not hold all items.`];
  const stored = record.results.filter((r) => r.model === model && r.task === name);
  const ids = task.examples.map(({ id }) => id);
  const found = cellResults({ task: factsOf(task), ids, model, contextLength, spec }, cells);
  const essence = (result: CellResult): object => {
    const { shots, draw, draws, n, unscored, primary, metrics, chance, ties, shots_used, tokens_dropped } =
      result;
    return { shots, draw, draws, n, unscored, primary, metrics, chance, ties, shots_used, tokens_dropped };
  };
  return stored.length === found.length &&
    stored.every((result, i) => isDeepStrictEqual(essence(result), essence(found[i] as CellResult)))
    ? []
    : [`${name}: the results in run.json are not those of the samples of ${model}.`];
}

/** A seeded choice; the items of one model stand together. */
function chooseEntries(entries: readonly Entry[], { sample, seed }: VerifyOptions): Entry[] {
  const chosen: Entry[] = [];
  for (const i of shuffled(entries.length, random('verify', seed))) {
    if (chosen.length === sample) break;
    chosen.push(entries[i] as Entry);
  }
  return chosen.sort((a, b) => (a.model.identity.ref < b.model.identity.ref ? -1 : 1));
}

async function scoreAgain(
  folder: string,
  chosen: readonly Entry[],
  spec: RunSpec,
  { signal, onProgress }: VerifyOptions,
  problems: string[],
): Promise<Pick<Verification, 'items' | 'tokens' | 'max' | 'mean' | 'answers'>> {
  const answers: string[] = [];
  const differences: number[] = [];
  let open: { model: Model; backend: Backend } | undefined;
  try {
    for (const [done, { model, task, cell, id, place }] of chosen.entries()) {
      signal?.throwIfAborted();
      if (open?.model !== model) {
        await open?.backend.close();
        open = { model, backend: await model.open({ device: 'cpu', dtype: 'fp32', tokensToCompute: 0 }) };
      }
      const { backend } = open;
      const [stored] = (await readSamplesAt(join(folder, cell.path), [place])) as [Sample];
      const fresh = await scoreOne(model, task, cell, id, spec, backend, signal);
      if (!fresh || fresh.prompt !== stored.prompt) {
        problems.push(`${cell.path}: item ${id} is not in the data as it was asked.`);
        continue;
      }
      if (!isDeepStrictEqual(fresh.prediction, stored.prediction)) answers.push(`${cell.path}: ${id}`);
      const pairs = (stored.spans ?? []).flatMap((span, i) =>
        span.logprobs.map((logprob, j) => Math.abs(logprob - (fresh.spans?.[i]?.logprobs[j] ?? Number.NaN))),
      );
      // A text that came out differently has other tokens.
      if (typeof stored.prediction !== 'string' || fresh.prediction === stored.prediction)
        for (const d of pairs) differences.push(Number.isNaN(d) ? Infinity : d);
      const changed = changedParts(fresh, stored, spec);
      if (changed.length > 0) problems.push(`${cell.path}: item ${id} has other ${changed.join(', ')}.`);
      onProgress?.(done + 1, chosen.length);
    }
  } finally {
    await open?.backend.close();
  }
  const max = differences.reduce((a, b) => Math.max(a, b), 0);
  const mean = differences.reduce((a, b) => a + b, 0) / Math.max(1, differences.length);
  return { items: chosen.length, tokens: differences.length, max, mean, answers };
}

/**
 * What of a stored item is not what scoring gives, its answer and log-probabilities aside, which are compared by
 * themselves. Where the best two nearly tie, or in lower precisions, other normalisations may fall otherwise.
 */
function changedParts(fresh: Sample, stored: Sample, { dtype }: RunSpec): string[] {
  const changed: string[] = [];
  if (!isDeepStrictEqual(fresh.gold, stored.gold)) changed.push('gold');
  // A text or choice that came out differently is told by itself, and has other values.
  if (!isDeepStrictEqual(fresh.prediction, stored.prediction)) return changed;
  const shape = ({ spans = [] }: Sample): unknown =>
    spans.map(({ tokens, logprobs }) => [tokens, logprobs.length]);
  if (!isDeepStrictEqual(shape(fresh), shape(stored))) changed.push('spans');
  if (!isDeepStrictEqual(fresh.counts, stored.counts)) changed.push('counts');
  const isNear = dtype !== 'fp32' || [...fresh.flags, ...stored.flags].includes('tie');
  const tokens = (fresh.spans ?? []).reduce((sum, { logprobs }) => sum + logprobs.length, 1);
  const names = new Set([...Object.keys(fresh.values ?? {}), ...Object.keys(stored.values ?? {})]);
  for (const name of names) {
    const [a, b] = [fresh.values?.[name], stored.values?.[name]];
    // A rating that is predicted is a mean over the choices' probabilities, of 0 to 5.
    const isMade = /^(?:logprob|predicted)/.test(name);
    const allowed = isMade ? 5 * CHECK_BOUND[dtype] * tokens : isNear ? 1 : 1e-9;
    if (a === undefined || b === undefined || Math.abs(a - b) > allowed) changed.push(name);
  }
  return changed;
}

/** An item by itself: nothing stands in the batch beside it. */
async function scoreOne(
  model: Model,
  task: LoadedTask,
  cell: Cell,
  id: string,
  spec: RunSpec,
  backend: Backend,
  signal: AbortSignal | undefined,
): Promise<Sample | undefined> {
  const example = task.examples.find((e: Example) => e.id === id);
  if (!example) return undefined;
  const build = builderFor(task, model, spec);
  const [item] = itemsOf(task, [cell], build, model.contextLength, example);
  let fresh: Sample | undefined;
  const context: BlockContext = {
    ...{ task, model, signal, backend: async () => backend },
    onStep: () => {},
    finish: (_, sample) => {
      fresh = sample;
    },
    counts: { requested: 0, planned: 0, computed: 0, scored: 0, items: 0 },
  };
  if (!item) return undefined;
  const { protocol } = task;
  if (protocol.kind === 'generate') await generateBlock([item], [true], protocol, context);
  else await scoreBlock([item], [true], protocol, context);
  return fresh;
}

async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
