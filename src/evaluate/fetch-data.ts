import { readCard } from '../data/card.ts';
import { type PullOptions, pullSplits } from '../data/pull.ts';
import { findSplit } from '../data/split.ts';
import type { UserError } from '../errors.ts';
import type { RunSpec } from '../record.ts';
import { protocolOf, type Task } from '../task.ts';

/**
 * Downloads the data that a run needs and no data folder has: what is scored first, then the splits of shots, of
 * which the first that can be had is enough.
 * @returns why files could not be had, by the `file` of their splits
 * @throws the signal's reason when aborted
 */
export async function fetchData(
  tasks: readonly Task[],
  spec: Pick<RunSpec, 'shots' | 'protocol'>,
  warn: (message: string) => void,
  options: PullOptions,
): Promise<ReadonlyMap<string, UserError>> {
  const fromCards = tasks.filter((task) => task.file?.data === undefined);
  const scored = fromCards.map((task) => ({ card: readCard(task.dataset), split: task.split }));
  const problems = await pullSplits(scored, options);
  for (const task of fromCards) {
    const card = readCard(task.dataset);
    const isHere = (split: string): boolean => findSplit(card, split) !== undefined;
    const { protocol } = protocolOf(task, spec.protocol);
    if (protocol.kind === 'rolling' || spec.shots.every((k) => k === 0)) continue;
    if (!isHere(task.split) || task.shotSplits.some(isHere)) continue;
    for (const split of task.shotSplits) {
      const wrong = await pullSplits([{ card, split }], options);
      if (isHere(split)) break;
      for (const problem of wrong.values()) {
        warn(`${task.name}: shots do not come from the ${split} split: ${problem.message}`);
      }
    }
  }
  return problems;
}
