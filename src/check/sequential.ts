import { changedAnswers, type EProcess, lossAtLeast, symmetric } from '../stats/sequential.ts';
import type { ItemPair, Paired } from './pair.ts';
import { type CellTest, testCell } from './tests.ts';
import { type CheckResult, drawsFor, judgeTests, type Thresholds } from './verdict.ts';

/** A check that is looked at while the candidate is still being scored. */
export interface Looking {
  /** Takes what is scored so far, with all that was there at the last look. `last`: nothing more will come. */
  look(paired: Paired, last: boolean): { readonly result: CheckResult; readonly settled: boolean };
}

interface Processes {
  readonly change: EProcess;
  /** Against a loss beyond the margin. */
  readonly loss: EProcess;
}

/**
 * Judges again and again at the error rate of one look. Items that share nothing are tested by e-processes, which may
 * be looked at after any item; a cell with clusters, or a metric of the whole set, waits for the last look and is
 * tested once. Settled where anything regressed or nothing is inconclusive.
 */
export function sequentialCheck(thresholds: Thresholds): Looking {
  const seen = new Map<string, { ids: Set<string>; processes: Map<string, Processes> }>();
  return {
    look(paired, last) {
      const tests = paired.cells.map((cell) => {
        const key = JSON.stringify([cell.before.task.name, cell.before.shots]);
        const state = seen.get(key) ?? { ids: new Set(), processes: new Map() };
        seen.set(key, state);
        const fresh = cell.items.filter(({ before }) => !state.ids.has(before.id));
        for (const { before } of fresh) state.ids.add(before.id);
        const own = testCell(cell, drawsFor(paired.cells.length, thresholds.alpha));
        return own.map((test) => atAnyTime(test, fresh, state.processes, thresholds, last));
      });
      const result = judgeTests(tests, thresholds, [...paired.notes, NOTE]);
      const open = result.cells.some(({ verdict }) => verdict === 'inconclusive');
      return { result, settled: last || result.verdict === 'regressed' || !open };
    },
  };
}

const NOTE =
  'Looked at while it ran: p-values of items without clusters hold at any time; intervals are those of a fixed number of items.';

function atAnyTime(
  test: CellTest,
  fresh: readonly ItemPair[],
  processes: Map<string, Processes>,
  { margin }: Thresholds,
  last: boolean,
): CellTest {
  if (test.clusters < test.n || test.method === 'label-swap')
    return last ? test : { ...test, p: 1, floor: 1, lossP: 1 };
  const isScore = test.unit === 'points';
  const own = processes.get(test.metric) ?? {
    change: isScore ? changedAnswers() : symmetric(0),
    loss: isScore ? lossAtLeast(margin.points / 100) : symmetric(1),
  };
  processes.set(test.metric, own);
  for (const item of fresh) {
    const { before, after } = item;
    const difference = isScore
      ? (after.value ?? 0) - (before.value ?? 0)
      : (after.logprob ?? 0) - (before.logprob ?? 0);
    own.change.add(difference);
    own.loss.add(isScore ? difference : difference + margin.nats * before.units);
  }
  const { p } = own.change;
  return { ...test, p, floor: 0, method: 'e-process', lossP: own.loss.p };
}

/** Numbers of items at which a run of at most so many is looked at. */
export function looks(most: number): number[] {
  const sizes: number[] = [];
  for (let n = 50; n < most; n = Math.ceil(n * 1.5)) sizes.push(n);
  return [...sizes, most];
}
