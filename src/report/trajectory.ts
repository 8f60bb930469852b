import type { CellResult, RunRecord } from '../record.ts';
import { firstBeyondChance, type ScoreAtStep } from '../stats/beyond.ts';
import { formatInterval, formatValue } from './format.ts';
import { stepOf } from './merge.ts';
import { formatTable } from './table.ts';

/** A task's primary metric over the checkpoints of one training. */
export interface Trajectory {
  readonly series: string;
  readonly task: string;
  readonly shots: number | 'max';
  readonly metric: string;
  readonly chance: number | null;
  readonly scores: readonly ScoreAtStep[];
  /** The first step whose score is beyond chance, Holm over all steps of all trajectories; null where none is. */
  readonly beyond: number | null;
}

/** Probability of naming any step of any trajectory that is no better than guessing. */
export const ALPHA = 0.05;

/** The trajectories of runs whose models are checkpoints, by the step that their names end in. */
export function trajectories(records: readonly RunRecord[]): Trajectory[] {
  const found = new Map<string, Omit<Trajectory, 'beyond'> & { readonly scores: ScoreAtStep[] }>();
  for (const { results, spec } of records) {
    for (const result of chosen(results)) {
      const step = stepOf(result.model) ?? stepOf(spec.revision ?? '', result.model);
      const estimate = result.metrics[result.primary];
      if (!step || !estimate) continue;
      const key = JSON.stringify([step.series, result.task, result.shots]);
      const own = found.get(key) ?? {
        series: step.series,
        task: result.task,
        shots: result.shots,
        metric: result.primary,
        chance: result.chance,
        scores: [],
      };
      found.set(key, own);
      if (own.scores.some((score) => score.step === step.number)) continue;
      own.scores.push({ step: step.number, ...estimate, n: result.n });
    }
  }
  const all = [...found.values()].filter(({ scores }) => scores.length > 1);
  for (const { scores } of all) scores.sort((a, b) => a.step - b.step);
  const against = all.filter(({ chance }) => chance !== null);
  const first = firstBeyondChance(
    against.map(({ chance, scores }) => ({ chance: chance as number, scores })),
    ALPHA,
  );
  return all.map((own) => {
    const at = against.indexOf(own);
    return { ...own, beyond: at < 0 ? null : (first[at] ?? null) };
  });
}

/** The means over draws where there are any. */
function chosen(results: readonly CellResult[]): CellResult[] {
  return results.filter(
    (result) =>
      result.draws !== undefined ||
      !results.some(
        (other) =>
          other.draws !== undefined &&
          other.model === result.model &&
          other.task === result.task &&
          other.shots === result.shots,
      ),
  );
}

/** Trajectories as plain text: every score with its band, then where each leaves chance behind. */
export function trajectoryTable(all: readonly Trajectory[]): string {
  const several = new Set(all.map(({ series }) => series)).size > 1;
  const head = ({ series, task, shots, metric }: Trajectory): string[] => [
    ...(several ? [series] : []),
    task,
    String(shots),
    metric,
  ];
  const names = [...(several ? ['checkpoints'] : []), 'task', 'k', 'metric'];
  const rows = all.flatMap((own) =>
    own.scores.map((score) => [
      ...head(own),
      String(score.step),
      String(score.n),
      formatValue(own.metric, score.value),
      formatInterval(own.metric, score),
      score.step === own.beyond ? 'first beyond chance' : '',
    ]),
  );
  const summary = all.map((own) => [
    ...head(own),
    own.chance === null ? '' : formatValue(own.metric, own.chance),
    own.chance === null ? 'no chance level' : (own.beyond?.toString() ?? 'none'),
  ]);
  return [
    formatTable([...names, 'step', 'n', 'value', '95 % interval', ''], rows),
    '',
    formatTable([...names, 'chance', 'first step beyond chance'], summary),
    '',
    `Beyond chance: p <= ${ALPHA} of guessing so well, after Holm's adjustment over all ${rows.length} scores.`,
  ].join('\n');
}
