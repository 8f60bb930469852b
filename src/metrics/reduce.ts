import { type Estimate, meanInterval, ratioInterval, wilson } from '../stats/interval.ts';
import type { MetricName } from '../task.ts';
import type { Summary } from '../types.ts';

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
  if (metric === 'f1_macro') return { value: macroF1(scored), stderr: null, ci95: null };
  if (metric === 'ppl_word') return perplexity(mean(scored, 'logprob_gold'));
  return mean(scored, metric);
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

function mean(samples: readonly Summary[], key: string): Estimate {
  const values = samples.map((s) => {
    const value = s.values?.[key];
    if (value === undefined) throw new Error(`sample ${s.id} has no value ${key}`);
    return value;
  });
  const clusters = samples.map((s) => s.cluster ?? s.id);
  const clustered = new Set(clusters).size < samples.length;
  const share = key.startsWith('acc') || key === 'em' || key === 'f1';
  if (share && !clustered && values.every((v) => v === 0 || v === 1)) {
    return wilson(values.filter((v) => v === 1).length, values.length);
  }
  const estimate = meanInterval(values, clusters);
  if (!share || estimate.ci95 === null) return estimate;
  return { ...estimate, ci95: [Math.max(0, estimate.ci95[0]), Math.min(1, estimate.ci95[1])] };
}

/** Mean over the gold classes of 2 TP / (2 TP + FP + FN); SuperGLUE's F1 of CommitmentBank. */
function macroF1(samples: readonly Summary[]): number {
  const classes = [...new Set(samples.map((s) => s.gold))];
  const f1 = classes.map((c) => {
    const [predicted, actual] = [
      samples.filter((s) => s.prediction === c),
      samples.filter((s) => s.gold === c),
    ];
    const both = actual.filter((s) => s.prediction === c).length;
    return (2 * both) / (predicted.length + actual.length);
  });
  return f1.reduce((sum, value) => sum + value, 0) / classes.length;
}

function perplexity(logprob: Estimate): Estimate {
  const value = Math.exp(-logprob.value);
  return {
    value,
    stderr: logprob.stderr === null ? null : value * logprob.stderr,
    ci95: logprob.ci95 && [Math.exp(-logprob.ci95[1]), Math.exp(-logprob.ci95[0])],
  };
}
