import { setImmediate } from 'node:timers/promises';
import type { Model } from '../models/open.ts';
import { type Prompt, promptBuilder } from '../prompts/fit.ts';
import type { RunSpec } from '../record.ts';
import type { ScoreCache } from '../store/score-cache.ts';
import type { Backend, Example, Sample, Tokenizer } from '../types.ts';
import type { Cell } from './cells.ts';
import type { LoadedTask } from './load.ts';

/** An example at one number of shots and one draw, ready to be scored. */
export interface Item {
  readonly cell: Cell;
  readonly prompt: Prompt;
}

/** What a task's blocks have in common. */
export interface BlockContext {
  readonly task: LoadedTask;
  readonly model: Model;
  readonly backend: () => Promise<Backend>;
  readonly cache?: ScoreCache | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each step with the tokens that it computed. */
  readonly onStep: (tokens: number) => void;
  /** Takes an item's sample when it is done. */
  readonly finish: (item: Item, sample: Sample) => void;
  readonly counts: Counts;
}

/** Tokens so far: asked for, to be computed, computed, scored or written; and items. */
export interface Counts {
  requested: number;
  planned: number;
  computed: number;
  scored: number;
  items: number;
}

/**
 * Requests of a block hold at most about this many tokens: it bounds the memory of a run, whatever its size, and
 * is large enough that the preamble computed anew in each block costs little.
 */
const BLOCK_TOKENS = 1_000_000;
/**
 * A block ends at every so many examples of the data, whatever the model: a run can be divided there before anything is
 * tokenised, and no part computes what another does. Against blocks of 600, tokens grow by 1 to 8 % (.github/docs/cluster).
 */
export const BLOCK_ITEMS = 256;
/** Tokenising gives way to timers and signals after this long. */
const BUSY_MS = 20;

type Build = (example: Example, shots: readonly Example[]) => Prompt;

/** Makes a task's prompts for a model, as the run's spec wants them. */
export function builderFor(
  { protocol }: LoadedTask,
  model: { readonly tokenizer: Tokenizer; readonly contextLength: number },
  { overflow, stride }: Pick<RunSpec, 'overflow' | 'stride'>,
): Build {
  return promptBuilder(protocol, model.tokenizer, { contextLength: model.contextLength, overflow, stride });
}

/** An example's item in each cell. */
export function itemsOf(
  loaded: LoadedTask,
  cells: readonly Cell[],
  build: Build,
  contextLength: number,
  example: Example,
): Item[] {
  return cells.map((cell) => {
    // No more shots can fit than there are tokens.
    const k = cell.shots === 'max' ? contextLength : cell.shots;
    return { cell, prompt: build(example, loaded.shots[cell.draw]?.(example, k) ?? []) };
  });
}

/** The examples of a task that are asked: whole blocks of it, see BLOCK_ITEMS. */
export interface Part {
  readonly from: number;
  readonly to: number;
}

/**
 * Cuts a task into blocks of items that are planned together: all numbers of shots and draws of an example stand in
 * one block. The cut depends on the data and the model's tokenizer alone, so a resumed run has the same blocks, and a
 * part of a task has those of the whole.
 */
export async function* blocksOf(
  loaded: LoadedTask,
  cells: readonly Cell[],
  build: Build,
  contextLength: number,
  part: Part,
): AsyncGenerator<Item[], void, undefined> {
  let block: Item[] = [];
  let tokens = 0;
  let breath = performance.now();
  for (let at = part.from; at < part.to; at++) {
    const example = loaded.examples[at] as Example;
    for (const item of itemsOf(loaded, cells, build, contextLength, example)) {
      block.push(item);
      tokens += item.prompt.requests.reduce((sum, r) => sum + r.tokens.length, 0);
    }
    if (tokens >= BLOCK_TOKENS || (at + 1) % BLOCK_ITEMS === 0) {
      yield block;
      block = [];
      tokens = 0;
    }
    if (performance.now() - breath > BUSY_MS) {
      await setImmediate();
      breath = performance.now();
    }
  }
  if (block.length > 0) yield block;
}

/** Starts the work for the next value while the last one is used. */
export async function* ahead<T>(
  source: AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  let next = source.next();
  for (;;) {
    const { value, done } = await next;
    if (done) return;
    next = source.next();
    // Where the consumer stops early, nobody awaits this one.
    next.catch(() => {});
    yield value as T;
  }
}
