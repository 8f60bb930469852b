import type { Slice } from '../types.ts';

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
 * Divides a run in n parts of equal estimated cost, for `--shard i/n`. What is divided are items: all models, tasks and
 * items stand in one line, model by model, which is cut in n. So a part needs few models, and all numbers of shots and
 * draws of an item are in one part: their prompts begin alike, and what is shared is computed once.
 * A pure function of the work, so that all parts agree without having heard of each other.
 */
export function cutShards(work: readonly Work[], n: number): Slice[][] {
  const total = work.reduce((sum, { weight, tokens }) => sum + weight * sumOf(tokens), 0);
  const parts = Array.from({ length: n }, (): Slice[] => []);
  let before = 0;
  for (const { model, task, weight, tokens } of work) {
    for (const [item, cost] of tokens.entries()) {
      // An item is where its middle is.
      const middle = before + (weight * cost) / 2;
      before += weight * cost;
      const part = parts[Math.min(n - 1, Math.floor((n * middle) / total))] as Slice[];
      const last = part.at(-1);
      if (last?.model === model && last.task === task) part[part.length - 1] = { ...last, to: item + 1 };
      else part.push({ model, task, from: item, to: item + 1 });
    }
  }
  return parts;
}

/**
 * Divides a run in jobs of about so many tokens each, equal ones within a model and none of two models: a worker loads
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
