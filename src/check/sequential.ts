import { random, shuffled } from '../stats/random.ts';
import { changedAnswers, type EProcess, lossAtLeast, meanIsZero, symmetric } from '../stats/sequential.ts';
import type { CellPair, ItemPair, Paired } from './pair.ts';
import { type CellTest, testCell } from './tests.ts';
import { type CheckResult, drawsFor, judgeTests, type Thresholds, untestedNotes } from './verdict.ts';

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
        // In an order that ids say nothing of: a process that weighs an item by those before it needs that.
        const source = random('look', key, state.ids.size);
        const order = [...shuffled(fresh.length, source)].map((i) => fresh[i] as ItemPair);
        for (const { before } of fresh) state.ids.add(before.id);
        const own = testCell(cell, drawsFor(paired.cells.length, thresholds.alpha));
        if (isClustered(cell)) return own.map((test) => (last ? test : unheard(test)));
        return own.map((test) => atAnyTime(test, order, state.processes, thresholds, last));
      });
      const notes = [...paired.notes, ...untestedNotes(paired.cells, tests), NOTE];
      const result = judgeTests(tests, thresholds, notes);
      const open = result.cells.some(({ verdict }) => verdict === 'inconclusive');
      return { result, settled: last || result.verdict === 'regressed' || !open };
    },
  };
}

const NOTE =
  'Looked at while it ran: p-values of items without clusters hold at any time, those of log-probabilities where differences are symmetric about their centre; intervals are those of a fixed number of items.';

/** Asked of the whole baseline: the first items of a set with clusters may share none. */
function isClustered({ before }: CellPair): boolean {
  return new Set(before.items.map(({ cluster }) => cluster)).size < before.items.length;
}

/** A test whose time has not come: it says neither that something changed nor that nothing did. */
function unheard(test: CellTest): CellTest {
  return { ...test, p: 1, floor: 1, lossP: 1, equal: false };
}

function atAnyTime(
  test: CellTest,
  fresh: readonly ItemPair[],
  processes: Map<string, Processes>,
  { margin }: Thresholds,
  last: boolean,
): CellTest {
  if (test.method === 'label-swap') return last ? test : unheard(test);
  const isScore = test.unit === 'points';
  const own = processes.get(test.metric) ?? {
    change: !isScore ? symmetric(0) : test.method === 'mcnemar' ? changedAnswers() : meanIsZero(),
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
  const lossP = isScore ? own.loss.p : lossOfNats(test, own.loss.p, margin);
  // Items that were not scored yet may be answered otherwise, however equal those are that were.
  return { ...test, p: own.change.p, floor: 0, method: 'e-process', lossP, equal: last && test.equal };
}

/**
 * A log-probability has no bound, and damage to few items may not have been met yet. So what rules out a loss must also
 * hold of the interval, and wait until damage to `margin` of the items would have been met, but for the same error.
 */
function lossOfNats({ ci95, n }: CellTest, p: number, margin: Thresholds['margin']): number {
  if (ci95 === null || ci95[0] <= -margin.nats) return 1;
  return Math.max(p, (1 - margin.points / 100) ** n);
}

/** Numbers of items at which a run of at most so many is looked at. */
export function looks(most: number): number[] {
  const sizes: number[] = [];
  for (let n = 50; n < most; n = Math.ceil(n * 1.5)) sizes.push(n);
  return [...sizes, most];
}
