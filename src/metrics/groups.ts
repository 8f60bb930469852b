import type { CellResult, GroupResult } from '../record.ts';
import { type Estimate, Z95 } from '../stats/interval.ts';

/** What a mean over tasks is made of. */
interface Group {
  readonly name: string;
  readonly members: readonly {
    readonly task: string;
    readonly metrics?: readonly string[];
    readonly weight?: number;
  }[];
}

/**
 * The means of the groups of which a run has all tasks, for each model and number of shots (over draws where there
 * are three or more, else the first). Tasks are independent: the standard error is the root of their squares' sum,
 * over their number. Where a task has two metrics their standard errors are averaged, which is never too little.
 */
export function groupResults(groups: readonly Group[], results: readonly CellResult[]): GroupResult[] {
  const models = [...new Set(results.map((r) => r.model))];
  const shotCounts = [...new Set(results.map((r) => r.shots))];
  return models.flatMap((model) =>
    groups.flatMap((group) =>
      shotCounts.flatMap((shots): GroupResult[] => {
        const parts = group.members.map(({ task, metrics, weight = 1 }) => {
          const own = results.filter((r) => r.model === model && r.task === task && r.shots === shots);
          const cell = own.find((r) => r.draws !== undefined) ?? own[0];
          const part = cell && memberEstimate(cell, metrics ?? [cell.primary]);
          return part && { ...part, weight };
        });
        if (!parts.every((part) => part !== undefined)) return [];
        const { metric } = parts[0] as Part;
        return [{ model, group: group.name, shots, metric, tasks: parts.length, ...meanOf(parts) }];
      }),
    ),
  );
}

interface Part extends Estimate {
  readonly metric: string;
}

function memberEstimate(cell: CellResult, metrics: readonly string[]): Part | undefined {
  const found = metrics.flatMap((metric) => cell.metrics[metric] ?? []);
  if (found.length < metrics.length) return undefined;
  const mean = (values: readonly (number | null)[]): number | null =>
    values.every((v) => v !== null) ? values.reduce((sum, v) => sum + v, 0) / values.length : null;
  return {
    metric: metrics[0] as string,
    value: mean(found.map((e) => e.value)) ?? Number.NaN,
    stderr: mean(found.map((e) => e.stderr)),
    ci95: null,
  };
}

function meanOf(parts: readonly (Estimate & { readonly weight: number })[]): Estimate {
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  const value = parts.reduce((sum, part) => sum + part.weight * part.value, 0) / total;
  let squares = 0;
  for (const { stderr, weight } of parts) {
    if (stderr === null) return { value, stderr: null, ci95: null };
    squares += (weight * stderr) ** 2;
  }
  const stderr = Math.sqrt(squares) / total;
  return { value, stderr, ci95: [value - Z95 * stderr, value + Z95 * stderr] };
}
