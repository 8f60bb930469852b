import { join } from 'node:path';
import { pairedMean } from '../stats/paired.ts';
import { agreement } from '../store/agree.ts';
import { type Place, scanLines } from '../store/read-run.ts';
import { SAMPLE } from '../store/record-shape.ts';
import { samplesPath } from '../store/run-folder.ts';
import type { Flag, Sample } from '../types.ts';
import type { MergedCell } from './merge.ts';

/** What is known of each item in one cell; arrays by the item's number within the task. */
export interface CellItems {
  /** The primary metric, the mean over draws; undefined where an item was not scored or has no value of its own. */
  readonly values: (number | undefined)[];
  /** How sure the model was of a wrong answer, in nats: best less right choice, or how improbable the target was. */
  readonly margins: (number | undefined)[];
  /** Flags of the first draw, as bits in the order of FLAGS. */
  readonly flags: number[];
  /** The first draw's samples file, and where in it each item stands. */
  readonly path: string;
  readonly places: (Place | undefined)[];
}

export interface TaskItems {
  readonly ids: readonly string[];
  readonly clusters: readonly string[];
  /** By the cells' order. */
  readonly cells: readonly CellItems[];
}

export const FLAGS: readonly Flag[] = ['truncated', 'boundary', 'tie', 'overlap'];

/** Reads the samples of a task's cells, one file after the other; files that are not there have no items. */
export async function readTaskItems(
  cells: readonly MergedCell[],
  signal: AbortSignal | undefined,
): Promise<TaskItems> {
  const index = new Map<string, number>();
  const clusters: string[] = [];
  const numberOf = (sample: Sample): number => {
    const known = index.get(sample.id);
    if (known !== undefined) return known;
    const number = index.size;
    index.set(sample.id, number);
    clusters.push(sample.cluster ?? sample.id);
    return number;
  };
  const read: CellItems[] = [];
  for (const cell of cells) {
    signal?.throwIfAborted();
    read.push(await readCell(cell, numberOf));
  }
  return { ids: [...index.keys()], clusters, cells: read };
}

async function readCell(cell: MergedCell, numberOf: (sample: Sample) => number): Promise<CellItems> {
  const { result, run, draws } = cell;
  const sums: { sum: number; count: number }[] = [];
  const items: CellItems = {
    values: [],
    margins: [],
    flags: [],
    path: pathOf(cell, draws[0]?.draw ?? 0),
    places: [],
  };
  for (const [number, own] of draws.entries()) {
    const path = pathOf(cell, own.draw ?? 0);
    const agreed = agreement(path, own);
    const found = await scanLines<Sample>(path, SAMPLE, (sample, place) => {
      agreed.add(sample);
      const at = numberOf(sample);
      const value = sample.status === 'scored' ? sample.values?.[result.primary] : undefined;
      if (value !== undefined) {
        sums[at] ??= { sum: 0, count: 0 };
        const own = sums[at];
        own.sum += value;
        own.count++;
      }
      if (number > 0) return;
      items.places[at] = place;
      items.flags[at] = FLAGS.reduce(
        (bits, flag, i) => bits | (sample.flags?.includes(flag) ? 1 << i : 0),
        0,
      );
      items.margins[at] = marginOf(sample);
    });
    // Of a run that was stopped more may lie there than was reduced; some keep no samples at all.
    if (found && run.record.status === 'complete') agreed.end();
  }
  // A mean over fewer draws is of other shots: it would not pair with the others.
  for (const [at, own] of sums.entries()) {
    if (own && own.count === draws.length) items.values[at] = own.sum / own.count;
  }
  return { ...items, path: pathOf({ run, result }, draws[0]?.draw ?? 0) };
}

function pathOf({ run, result }: Pick<MergedCell, 'run' | 'result'>, draw: number): string {
  return join(run.folder, samplesPath({ ...result, draw }));
}

function marginOf({ spans, prediction, gold, values }: Sample): number | undefined {
  const sum = (at: number): number | undefined => spans?.[at]?.logprobs.reduce((a, b) => a + b, 0);
  if (typeof prediction === 'number' && typeof gold === 'number') {
    const [best, right] = [sum(prediction), sum(gold)];
    return best === undefined || right === undefined ? undefined : best - right;
  }
  if (typeof prediction === 'boolean')
    return values?.logprob_gold === undefined ? undefined : -values.logprob_gold;
  return sum(0);
}

/** A difference paired by item, in the primary metric's unit. */
export interface PairedChange {
  readonly value: number;
  readonly ci95: readonly [number, number] | null;
  /** Items that both cells have scored. */
  readonly n: number;
}

/**
 * The mean difference of two cells over the items that both have scored, paired by item, with a Student t interval
 * that is robust to clusters. Null where no metric of single items is compared.
 * @param bound the largest difference that an item can have; null where there is none
 */
export function pairedChange(
  to: CellItems,
  from: CellItems,
  clusters: readonly string[],
  bound: number | null,
): PairedChange | null {
  const differences: number[] = [];
  const own: string[] = [];
  for (const [i, a] of to.values.entries()) {
    const b = from.values[i];
    if (a === undefined || b === undefined) continue;
    differences.push(a - b);
    own.push(clusters[i] as string);
  }
  if (differences.length === 0) return null;
  // Where every item has changed alike, or none has, the spread says nothing: few items prove little.
  const isAlike = differences.every((difference) => difference === differences[0]);
  const { value, ci95 } = pairedMean(differences, own, isAlike ? bound : null);
  const most = bound ?? Number.POSITIVE_INFINITY;
  const within = ci95 && ([Math.max(-most, ci95[0]), Math.min(most, ci95[1])] as const);
  return { value, ci95: within, n: differences.length };
}
