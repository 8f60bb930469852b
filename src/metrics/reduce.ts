import { crossedBootstrap, crossedInterval } from '../stats/crossed.ts';
import {
  bootstrapInterval,
  type Estimate,
  meanInterval,
  ratioInterval,
  wilson,
  withSpread,
} from '../stats/interval.ts';
import type { MetricName } from '../task.ts';
import type { Summary } from '../types.ts';
import { type Confusion, confusionOf, mcc, pearson, spearman } from './correlation.ts';
import { bleuScore } from './text/bleu.ts';
import { chrfScore } from './text/chrf.ts';

/**
 * Reduces the scored samples of a cell to one metric with its standard error and 95 % interval. Unscored samples
 * do not count. Shares of right answers take Wilson's interval; means of anything else, and of items that share
 * clusters, Student's t (cluster-robust). A perplexity is exp(-mean log-probability), its interval the
 * exponential of the mean's, its standard error by the delta method.
 * @returns undefined where nothing was scored
 */
export function reduceMetric(metric: MetricName, samples: readonly Summary[]): Estimate | undefined {
  const scored = samples.filter((s) => s.status === 'scored');
  if (scored.length === 0) return undefined;
  const unit = UNITS[metric];
  // A rolling text has its units counted; the last word of a passage is one word.
  if (unit !== undefined && scored[0]?.values?.logprob !== undefined) return perText(scored, unit, metric);
  const ofSet = OF_SET[metric];
  if (ofSet) return bootstrapInterval(scored.length, (items) => ofSet(scored, items), scored.map(clusterOf));
  const items = itemsOf(metric, scored);
  const values = items.map((item) => item.value);
  const clusters = items.map((item) => item.cluster);
  const clustered = new Set(clusters).size < items.length;
  if (isShare(metric) && !clustered && values.every((v) => v === 0 || v === 1)) {
    return wilson(values.filter((v) => v === 1).length, values.length);
  }
  return ofMetric(metric, meanInterval(values, clusters), clusters);
}

/**
 * Reduces the samples of three draws of shots or more to one metric: the mean over draws and items, with an interval
 * for new items and new draws alike. Only items that every draw has scored count.
 * @returns undefined where there is none
 */
export function reduceDraws(
  metric: MetricName,
  draws: readonly (readonly Summary[])[],
): Estimate | undefined {
  const scoredIn = new Map<string, number>();
  for (const { id, status } of draws.flat()) {
    if (status === 'scored') scoredIn.set(id, (scoredIn.get(id) ?? 0) + 1);
  }
  const scored = draws.map((samples) => samples.filter(({ id }) => scoredIn.get(id) === draws.length));
  const [first = []] = scored;
  if (first.length === 0) return undefined;
  const ofSet = OF_SET[metric];
  if (ofSet) {
    return withinMetric(
      metric,
      crossedBootstrap(scored.length, first.map(clusterOf), (draw, items) =>
        ofSet(scored[draw] as Summary[], items),
      ),
    );
  }
  const items = scored.map((samples) => itemsOf(metric, samples));
  const clusters = (items[0] ?? []).map((item) => item.cluster);
  const values = items.map((own) => own.map((item) => item.value));
  return ofMetric(metric, crossedInterval(values, clusters), clusters);
}

interface Item {
  readonly value: number;
  readonly cluster: string;
}

/** What a metric is the mean of, item by item. */
function itemsOf(metric: MetricName, scored: readonly Summary[]): Item[] {
  const [key, samples] =
    metric === 'em_group'
      ? ['acc', groups(scored)]
      : [metric === 'ppl_word' ? 'logprob_gold' : metric, scored];
  return samples.map((s) => {
    const value = s.values?.[key];
    if (value === undefined) throw new Error(`sample ${s.id} has no value ${key}`);
    return { value, cluster: clusterOf(s) };
  });
}

function clusterOf({ cluster, id }: Summary): string {
  return cluster ?? id;
}

const isShare = (metric: MetricName): boolean => /^(?:acc|em|rouge)/.test(metric) || metric === 'f1';

/** The metric from the mean of its items: a perplexity from the mean log-probability, a share within 0 and 1. */
function ofMetric(metric: MetricName, mean: Estimate, clusters: readonly string[]): Estimate {
  if (metric === 'ppl_word') return perplexity(mean);
  if (!isShare(metric)) return mean;
  return withinMetric(metric, withSpread(mean, new Set(clusters).size));
}

/** Least and largest value of a metric of the whole set or a share. */
function rangeOf(metric: MetricName): readonly [number, number] {
  if (/^(?:bleu|chrf)/.test(metric)) return [0, 100];
  return /^(?:mcc|pearson|spearman)/.test(metric) ? [-1, 1] : [0, 1];
}

/** An interval by Student's t may reach beyond what the metric can be. */
function withinMetric(metric: MetricName, estimate: Estimate): Estimate {
  if (estimate.ci95 === null) return estimate;
  const [least, most] = rangeOf(metric);
  return { ...estimate, ci95: [Math.max(least, estimate.ci95[0]), Math.min(most, estimate.ci95[1])] };
}

/** Metrics of the whole set, of the samples that `items` names. */
const OF_SET: Readonly<
  Partial<Record<MetricName, (samples: readonly Summary[], items: Iterable<number>) => number>>
> = {
  f1_macro: macroF1,
  f1_binary: (samples, items) => binaryF1(firstChoice(samples, items)),
  mcc: (samples, items) => mcc(firstChoice(samples, items)),
  mcc_ranked: rankedMcc,
  pearson: (samples, items) => correlation(pearson, samples, items),
  spearman: (samples, items) => correlation(spearman, samples, items),
  bleu: (samples, items) => bleuScore(sumOf(samples, items, 'bleu'), 'exp'),
  bleu_intl: (samples, items) => bleuScore(sumOf(samples, items, 'bleu_intl'), 'exp'),
  chrf: (samples, items) => chrfScore(sumOf(samples, items, 'chrf')),
};

function sumOf(samples: readonly Summary[], items: Iterable<number>, metric: string): number[] {
  const sum: number[] = [];
  for (const item of items) {
    const counts = samples[item]?.counts?.[metric] ?? [];
    for (let i = 0; i < counts.length; i++) sum[i] = (sum[i] ?? 0) + (counts[i] as number);
  }
  return sum;
}

/** What a rolling text's perplexities and bits are per. */
const UNITS: Readonly<Partial<Record<MetricName, 'tokens' | 'words' | 'bytes' | 'characters'>>> = {
  ppl_token: 'tokens',
  ppl_word: 'words',
  ppl_byte: 'bytes',
  bpb: 'bytes',
  bpc: 'characters',
};

/** Over all documents: exp(-log-probability / units), or -log2 of the same for bits. The interval is by document. */
function perText(samples: readonly Summary[], unit: string, metric: MetricName): Estimate {
  const of = (key: string): number[] => samples.map((s) => s.values?.[key] ?? Number.NaN);
  const perUnit = ratioInterval(of('logprob'), of(unit));
  if (!metric.startsWith('bp')) return perplexity(perUnit);
  return {
    value: -perUnit.value / Math.LN2,
    stderr: perUnit.stderr === null ? null : perUnit.stderr / Math.LN2,
    ci95: perUnit.ci95 && [-perUnit.ci95[1] / Math.LN2, -perUnit.ci95[0] / Math.LN2],
  };
}

/** Mean over the gold classes of 2 TP / (2 TP + FP + FN); SuperGLUE's F1 of CommitmentBank. */
function macroF1(samples: readonly Summary[], items: Iterable<number>): number {
  const classes = new Map<unknown, { both: number; either: number }>();
  const golds = new Set<unknown>();
  const of = (label: unknown): { both: number; either: number } => {
    const known = classes.get(label) ?? { both: 0, either: 0 };
    classes.set(label, known);
    return known;
  };
  for (const item of items) {
    const { prediction, gold } = samples[item] as Summary;
    golds.add(gold);
    of(gold).either++;
    of(prediction).either++;
    if (prediction === gold) of(gold).both++;
  }
  let sum = 0;
  for (const label of golds) sum += (2 * of(label).both) / of(label).either;
  return sum / golds.size;
}

/** How often the first choice was rightly taken, wrongly taken, missed and rightly left. */
function firstChoice(samples: readonly Summary[], items: Iterable<number>): Confusion {
  const chosen = [...items].map((item) => samples[item] as Summary);
  return confusionOf(
    chosen.map((s) => s.prediction),
    chosen.map((s) => s.gold),
    0,
  );
}

/** F1 over all items; SuperGLUE's F1a of MultiRC, GLUE's F1 of MRPC and QQP. */
function binaryF1({ tp, fp, fn }: Confusion): number {
  const either = 2 * tp + fp + fn;
  return either === 0 ? 0 : (2 * tp) / either;
}

/** Of what was predicted with what is true; 0 where either is the same for all items, as in small draws it may be. */
function correlation(
  of: (x: readonly number[], y: readonly number[]) => number,
  samples: readonly Summary[],
  items: Iterable<number>,
): number {
  const [x, y]: [number[], number[]] = [[], []];
  for (const item of items) {
    const { values } = samples[item] as Summary;
    x.push(values?.predicted ?? Number.NaN);
    y.push(values?.wanted ?? Number.NaN);
  }
  const found = of(x, y);
  return Number.isNaN(found) ? 0 : found;
}

/** Matthews's correlation where the given share of the items is accepted: those of highest mean log-probability. */
function rankedMcc(samples: readonly Summary[], items: Iterable<number>): number {
  const all = [...items].map((item) => (samples[item] as Summary).values ?? {});
  const ranked = all.sort((a, b) => (b.logprob_mean ?? 0) - (a.logprob_mean ?? 0));
  const accepted = Math.round((ranked[0]?.share ?? 0) * ranked.length);
  const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
  for (const [rank, { wanted }] of ranked.entries()) {
    counts[rank < accepted ? (wanted === 1 ? 'tp' : 'fp') : wanted === 1 ? 'fn' : 'tn']++;
  }
  return mcc(counts);
}

/** One sample a group, right where all of its samples are. */
function groups(samples: readonly Summary[]): Summary[] {
  const found = new Map<string, Summary>();
  for (const sample of samples) {
    const key = sample.group ?? sample.id;
    const right = sample.prediction === sample.gold && found.get(key)?.values?.acc !== 0;
    found.set(key, { ...sample, values: { acc: right ? 1 : 0 } });
  }
  return [...found.values()];
}

function perplexity(logprob: Estimate): Estimate {
  const value = Math.exp(-logprob.value);
  return {
    value,
    stderr: logprob.stderr === null ? null : value * logprob.stderr,
    ci95: logprob.ci95 && [Math.exp(-logprob.ci95[1]), Math.exp(-logprob.ci95[0])],
  };
}
