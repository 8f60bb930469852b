import { cp, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { didYouMean } from '../closest.ts';
import { hasCode, UserError } from '../errors.ts';
import { reduceDraws, reduceMetric } from '../metrics/reduce.ts';
import { hasMetric, rescoreSample, type TieRule } from '../metrics/rescore.ts';
import type { CellResult, RunRecord } from '../record.ts';
import { readTexts } from '../report/examples.ts';
import { MEANING } from '../report/format.ts';
import { agreement } from '../store/agree.ts';
import { disk } from '../store/disk.ts';
import { scanLines } from '../store/read-run.ts';
import { SAMPLE } from '../store/record-shape.ts';
import { readRecord, samplesPath } from '../store/run-folder.ts';
import type { MetricName } from '../task.ts';
import type { Sample, Summary } from '../types.ts';

export interface RescoreOptions {
  /** The primary metric of every task that has it; each task's own unless told. */
  readonly metric?: string | undefined;
  readonly ties: TieRule;
  /** Folder for the run as judged anew. */
  readonly out?: string | undefined;
}

/** @throws UserError where the folder holds what rescoring would destroy: anything but a run that was rescored before */
async function checkFree(out: string, folder: string): Promise<void> {
  if (resolve(out) === resolve(folder))
    throw new UserError(`--out ${out}: is the run that is judged anew: name another folder`);
  if (out === '') throw new UserError('--out: expected a folder, found nothing');
  const names = await readdir(out).catch((error: unknown): string[] => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  if (names.length === 0) return;
  const there = names.includes('run.json') ? await readRecord(out) : undefined;
  if (!there?.spec.tasks.some(({ rescored }) => rescored !== undefined))
    throw new UserError(
      `--out ${out}: expected a new or empty folder, found ${there ? 'another run' : `${names[0]} in it`}`,
    );
}

/**
 * Judges a run folder's samples anew, without a model and without data.
 * @returns the record with the new results; cells whose items lack the metric are as they were, with a warning
 * @throws UserError where no cell has the metric
 */
export async function rescoreRun(
  folder: string,
  record: RunRecord,
  { metric, ties, out }: RescoreOptions,
): Promise<RunRecord> {
  if (out !== undefined) await checkFree(out, folder);
  const warnings: string[] = [];
  const results: CellResult[] = [];
  const done = new Set<string>();
  for (const group of groupsOf(record.results)) {
    const draws = group.filter((result) => result.draws === undefined);
    const [first] = draws;
    if (!first || first.n === 0) {
      results.push(...group);
      continue;
    }
    const { items: texts } = await readTexts(folder, first.task);
    const order = new Map([...texts.keys()].map((id, i) => [id, i]));
    const byDraw: Sample[][] = [];
    for (const own of draws) {
      const { draw = 0 } = own;
      const samples: Sample[] = [];
      const path = samplesPath({ ...first, draw });
      const agreed = agreement(join(folder, path), own);
      const found = await scanLines<Sample>(join(folder, path), SAMPLE, (sample) => {
        agreed.add(sample);
        samples.push(rescoreSample(sample, texts.get(sample.id), { metric, ties }));
      });
      if (!found) throw new UserError(`${join(folder, path)}: expected the samples, found no such file`);
      if (record.status === 'complete') agreed.end();
      // In the order of the data, as a run reduces them: the order on the disk is that of finishing.
      byDraw.push(samples.sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0)));
    }
    const primary = metric ?? first.primary;
    if (!byDraw.every((samples) => hasMetric(primary, samples))) {
      warnings.push(`${first.task} at k = ${first.shots} has no ${primary}: it stays at ${first.primary}.`);
      results.push(...group);
      if (out !== undefined) await writeSamples(out, first, draws, byDraw);
      continue;
    }
    done.add(first.task);
    if (out !== undefined) await writeSamples(out, first, draws, byDraw);
    for (const result of group) {
      const own = result.draws === undefined ? [byDraw[draws.indexOf(result)] as Sample[]] : byDraw;
      results.push(judged(result, primary, own));
    }
  }
  if (done.size === 0) {
    if (metric === undefined) throw new UserError(`${folder}: expected items that were scored, found none`);
    const hint = metric in MEANING ? '' : didYouMean(metric, Object.keys(MEANING));
    throw new UserError(`--metric ${metric}: no task of ${folder} has what it is made of${hint}`);
  }
  const rescored = [metric ?? 'as it was', ...(ties === 'first' ? ['the first of equal choices'] : [])].join(
    ', ',
  );
  const tasks = record.spec.tasks.map((task) => (done.has(task.name) ? { ...task, rescored } : task));
  const changed: RunRecord = {
    ...record,
    spec: { ...record.spec, tasks },
    environment: { ...record.environment, warnings: [...record.environment.warnings, ...warnings] },
    results,
    // Means of the metrics that were.
    groups: [],
  };
  if (out !== undefined) {
    for (const part of ['prompts', 'tokens'])
      await cp(join(folder, part), join(out, part), { recursive: true }).catch(() => {});
    await disk.replace(join(out, 'run.json'), `${JSON.stringify(changed, null, 2)}\n`);
  }
  return changed;
}

function groupsOf(results: readonly CellResult[]): CellResult[][] {
  const groups = new Map<string, CellResult[]>();
  for (const result of results) {
    const key = JSON.stringify([result.model, result.task, result.shots]);
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()];
}

function judged(result: CellResult, primary: string, draws: readonly (readonly Sample[])[]): CellResult {
  const byDraw = draws.map((samples) =>
    samples.map((sample): Summary => ({ ...sample, lowest: 0, highest: 0 })),
  );
  const [first = []] = byDraw;
  const names = [...new Set([primary, ...Object.keys(result.metrics)])];
  const metrics = names.flatMap((name) => {
    // A word's perplexity is the mean of its items', not that of their tokens.
    const own = name.startsWith('ppl_word') && primary !== 'ppl_word' ? byDraw.map(withoutTokens) : byDraw;
    const [only = []] = own;
    if (!own.every((samples) => hasMetric(name, samples))) return [];
    const estimate =
      own.length === 1 ? reduceMetric(name as MetricName, only) : reduceDraws(name as MetricName, own);
    return estimate ? [[name, estimate] as const] : [];
  });
  const value = metrics.find(([name]) => name === primary)?.[1].value;
  const { published: _, overlap: __, ...kept } = result;
  const { chance } = result;
  // Chance is that of right answers: it says nothing of another kind of metric.
  const comparable =
    primary === result.primary || (primary.startsWith('acc') && result.primary.startsWith('acc'));
  const level = comparable ? chance : null;
  return {
    ...kept,
    primary,
    chance: level,
    centred: level !== null && value !== undefined ? (value - level) / (1 - level) : null,
    metrics: Object.fromEntries(metrics),
    ties: first.filter(({ flags }) => flags.includes('tie')).length,
  };
}

function withoutTokens(samples: readonly Summary[]): Summary[] {
  return samples.map((sample) => {
    if (sample.values?.logprob_gold === undefined) return sample;
    const { logprob: _, tokens: __, ...values } = sample.values;
    return { ...sample, values };
  });
}

async function writeSamples(
  out: string,
  { model, task, shots }: CellResult,
  draws: readonly CellResult[],
  byDraw: readonly (readonly Sample[])[],
): Promise<void> {
  for (const [i, { draw = 0 }] of draws.entries()) {
    const lines = (byDraw[i] ?? []).map((sample) => `${JSON.stringify(sample)}\n`);
    await disk.replace(join(out, samplesPath({ model, task, shots, draw })), lines.join(''));
  }
}
