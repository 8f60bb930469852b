import type { Slice } from '../types.ts';
import { BLOCK_ITEMS } from './blocks.ts';

/** A model and a task, and what each of its items costs: estimated tokens, in the order of the data. */
export interface Work {
  readonly model: string;
  readonly task: string;
  /** What a token costs on this model, such as its parameters. */
  readonly weight: number;
  readonly tokens: readonly number[];
}

/** What one job of a queue scores: items of one model, of one task or of several. */
export interface Unit {
  readonly model: string;
  readonly slices: readonly Slice[];
}

/**
 * Divides a run in n parts of equal estimated cost, for `--shard i/n`. What is divided are blocks of items, which are
 * planned and computed together in a whole run, too: those of all models and tasks stand in one line, model by model,
 * which is cut in n. So a part needs few models, all numbers of shots and draws of an item are in one part (their
 * prompts begin alike, and what is shared is computed once), and numbers are the whole run's to the last digit. A pure function of the work, so that all parts agree without having heard of each other.
 */
export function cutShards(work: readonly Work[], n: number): Slice[][] {
  const total = work.reduce((sum, { weight, tokens }) => sum + weight * sumOf(tokens), 0);
  const parts = Array.from({ length: n }, (): Slice[] => []);
  let before = 0;
  for (const { model, task, weight, tokens } of work) {
    for (let from = 0; from < tokens.length; from += BLOCK_ITEMS) {
      const to = Math.min(from + BLOCK_ITEMS, tokens.length);
      const cost = weight * sumOf(tokens.slice(from, to));
      // A block is where its middle is.
      const part = parts[Math.min(n - 1, Math.floor((n * (before + cost / 2)) / total))] as Slice[];
      before += cost;
      const last = part.at(-1);
      if (last?.model === model && last.task === task) part[part.length - 1] = { ...last, to };
      else part.push({ model, task, from, to });
    }
  }
  return parts;
}

/**
 * Divides a run in jobs of blocks, of about so many tokens each, none of two models: a worker loads
 * one model a job, and keeps it for the next. The jobs of a model follow one another.
 */
export function cutUnits(work: readonly Work[], tokens: number): Unit[] {
  const models = [...new Set(work.map(({ model }) => model))];
  return models.flatMap((model) => {
    const own = work.filter((one) => one.model === model);
    const total = own.reduce((sum, one) => sum + sumOf(one.tokens), 0);
    const parts = cutShards(own, Math.max(1, Math.round(total / tokens)));
    return parts.filter((slices) => slices.length > 0).map((slices) => ({ model, slices }));
  });
}

function sumOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
