import { groups } from '../../tasks/groups.ts';
import { tasks as builtIn } from '../../tasks/index.ts';
import { groupResults } from '../metrics/groups.ts';
import { withPublished } from '../published/join.ts';
import { readFigures } from '../published/read.ts';
import type { CellResult, RunRecord, TaskFacts } from '../record.ts';
import type { Sample } from '../types.ts';
import { absentCells, type Cell, cellResults, cellsOf, summarise } from './cells.ts';

/** A run whose samples are all there, wherever they were scored. */
export interface ScoredRun {
  readonly spec: RunRecord['spec'];
  readonly tasks: readonly TaskFacts[];
  /** Tokens of each model's window, in the order of the spec. */
  readonly windows: readonly number[];
  /** A task's items in the order of the data. */
  readonly ids: (task: string) => Promise<readonly string[]>;
  /** All samples of a cell, in any order. */
  readonly samples: (cell: Cell, model: string, task: TaskFacts) => Promise<readonly Sample[]>;
}

/**
 * The results of a run from its samples alone: no model, no data. They are those of a run on one machine, which reduces
 * the same samples in the same order.
 */
export async function reduceRun(run: ScoredRun): Promise<Pick<RunRecord, 'results' | 'groups'>> {
  const { spec, windows } = run;
  // A task of the user's own has no published figures.
  const figures = { figures: readFigures(), tasks: builtIn, spec };
  const results: CellResult[] = [];
  for (const [i, { ref: model }] of spec.models.entries()) {
    for (const task of run.tasks) {
      if (task.missing !== undefined) {
        results.push(...absentCells({ task, model, spec }));
        continue;
      }
      const cells = cellsOf(task, model);
      for (const cell of cells) {
        for (const sample of await run.samples(cell, model, task))
          cell.finished.set(sample.id, summarise(sample));
      }
      const ids = await run.ids(task.name);
      const found = cellResults({ task, ids, model, contextLength: windows[i] ?? 0, spec }, cells);
      results.push(...found.map((result) => withPublished(result, figures)));
    }
  }
  return { results, groups: groupResults(groups, results) };
}
