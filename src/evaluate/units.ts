import type { Slice } from '../record.ts';
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
  const blocks = work.flatMap(blocksOf);
  const total = blocks.reduce((sum, block) => sum + block.weight * block.tokens, 0);
  const parts = Array.from({ length: n }, (): Slice[] => []);
  let before = 0;
  for (const { slice, weight, tokens } of blocks) {
    const cost = weight * tokens;
    // A block is where its middle is.
    add(parts[Math.min(n - 1, Math.floor((n * (before + cost / 2)) / total))] as Slice[], slice);
    before += cost;
  }
  return parts;
}

/**
 * Divides a run in jobs of blocks, of about so many tokens each, none of two models: a worker loads one model a job, and
 * keeps it for the next. The jobs of a model follow one another.
 */
export function cutUnits(work: readonly Work[], tokens: number): Unit[] {
  const models = [...new Set(work.map(({ model }) => model))];
  return models.flatMap((model) => {
    const units: Slice[][] = [];
    let held = Infinity;
    for (const block of work.filter((one) => one.model === model).flatMap(blocksOf)) {
      // A block is where it leaves the unit nearer to its size.
      if (held + block.tokens / 2 > tokens) {
        units.push([]);
        held = 0;
      }
      add(units.at(-1) as Slice[], block.slice);
      held += block.tokens;
    }
    return units.map((slices) => ({ model, slices }));
  });
}

interface Block {
  readonly slice: Slice;
  readonly weight: number;
  readonly tokens: number;
}

function blocksOf({ model, task, weight, tokens }: Work): Block[] {
  return Array.from({ length: Math.ceil(tokens.length / BLOCK_ITEMS) }, (_, i) => {
    const [from, to] = [i * BLOCK_ITEMS, Math.min((i + 1) * BLOCK_ITEMS, tokens.length)];
    const own = tokens.slice(from, to).reduce((a, b) => a + b, 0);
    return { slice: { model, task, from, to }, weight, tokens: own };
  });
}

/** Adds a slice, to the last one where it continues that. */
function add(slices: Slice[], slice: Slice): void {
  const last = slices.at(-1);
  if (last?.model === slice.model && last.task === slice.task)
    slices[slices.length - 1] = { ...last, to: slice.to };
  else slices.push(slice);
}
