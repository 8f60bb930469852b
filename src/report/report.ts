import { basename, dirname, join } from 'node:path';
import { disk } from '../store/disk.ts';
import { readRecord } from '../store/run-folder.ts';
import { assembleBoard, type Board, type BoardCell, boardCells } from './board.ts';
import { boardCharts } from './board-charts.ts';
import { clientScript } from './client-script.ts';
import {
  type ExampleSource,
  exampleBlock,
  packExamples,
  type Ranked,
  rankExamples,
  readTexts,
} from './examples.ts';
import { type Merged, mergeRuns } from './merge.ts';
import { pack } from './pack.ts';
import { page } from './page.ts';
import { readTaskItems } from './task-items.ts';

/** Characters of packed examples that a page holds; examples of a task tried first; examples of a file beside it. */
const EMBEDDED = 1_500_000;
const EMBEDDED_EACH = 400;
const FILE_EXAMPLES = 500;

export interface ReportOptions {
  readonly signal?: AbortSignal;
  readonly onTask?: (name: string, done: number, total: number) => void;
}

/**
 * Reads run folders.
 * @param names what the report calls them
 * @throws UserError naming the folder that is none
 */
export async function readRuns(
  folders: readonly string[],
  names: readonly string[] = folders,
): Promise<Merged> {
  const runs = await Promise.all(
    folders.map(async (folder, i) => ({
      name: names[i] ?? folder,
      folder,
      record: await readRecord(folder),
    })),
  );
  return mergeRuns(runs);
}

/**
 * The board of some runs. Samples are read a task at a time; what is known of a task's items is handed to `visit`, with
 * its examples by interest, and dropped before the next.
 */
export async function readBoard(
  merged: Merged,
  options: ReportOptions & {
    readonly visit?: (source: ExampleSource, ranked: readonly Ranked[]) => Promise<void>;
  } = {},
): Promise<Board> {
  const { signal, onTask, visit } = options;
  const all: BoardCell[] = [];
  for (const [task, { name, identity }] of merged.tasks.entries()) {
    const own = merged.cells.filter((cell) => cell.task === task);
    const items = await readTaskItems(own, signal);
    const cells = boardCells(merged, own, items);
    all.push(...cells);
    const [first] = cells;
    if (visit && first && items.ids.length > 0) {
      const texts = await readTexts(first.run.folder, identity.name);
      const shotsAt = (shots: number | 'max'): number => merged.shots.indexOf(shots);
      await visit({ task, cells, items, texts, shotsAt }, rankExamples(cells, items));
    }
    onTask?.(name, task + 1, merged.tasks.length);
  }
  return assembleBoard(merged, all);
}

/**
 * Writes the leaderboard of some runs.
 * @param samples `few` puts the foremost examples into the page; `all` writes them all into files beside it, in the
 *   folder NAME-samples, which the page loads
 * @returns the board that it shows
 */
export async function writeLeaderboard(
  merged: Merged,
  path: string,
  options: ReportOptions & { readonly samples?: 'few' | 'all' } = {},
): Promise<Board> {
  const { samples = 'few', ...rest } = options;
  const script = await clientScript();
  const examples: (string | null)[] = merged.tasks.map(() => null);
  const files: string[][] = merged.tasks.map(() => []);
  const folder = `${basename(path).replace(/\.html?$/i, '')}-samples`;
  let left = EMBEDDED;
  const board = await readBoard(merged, {
    ...rest,
    async visit(source, ranked) {
      const { task } = source;
      if (samples === 'all') {
        for (let from = 0; from < ranked.length; from += FILE_EXAMPLES) {
          rest.signal?.throwIfAborted();
          const name = `task-${task}-${from / FILE_EXAMPLES}.js`;
          const block = await exampleBlock(source, ranked.slice(from, from + FILE_EXAMPLES));
          const packed = pack(JSON.stringify(block));
          await disk.replace(join(dirname(path), folder, name), `evalgptBlock('${packed}')\n`);
          files[task]?.push(`${encodeURIComponent(folder)}/${name}`);
        }
        return;
      }
      // What one task leaves is for those behind it.
      const bytes = Math.floor(left / (merged.tasks.length - task));
      const packed = await packExamples(source, ranked, { bytes, count: EMBEDDED_EACH });
      examples[task] = packed;
      left -= packed?.length ?? 0;
    },
  });
  const charts = boardCharts(board);
  const all = samples === 'all' ? { files } : {};
  await disk.replace(path, page({ board, charts, examples, script, ...all }));
  return board;
}
