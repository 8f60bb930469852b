import type { MetricName } from '../task.ts';
import type { ItemText, Sample, Span, Summary } from '../types.ts';
import { bestChoice, type ChoiceScore, lengthOf, type Normalisation } from './normalise.ts';
import { unitsOf } from './units.ts';

/**
 * What choices that are equally probable are worth: to evalgpt, those within 2e-4 nats share a point; to lm-eval the
 * first of the exactly equal ones takes it whole.
 */
export type TieRule = 'share' | 'first';

/** Accuracies by what the choices are compared by; `acc_uncond` compares what the context adds. */
const BY: Readonly<Partial<Record<MetricName, Normalisation>>> = {
  acc: 'sum',
  acc_norm: 'character',
  acc_token: 'token',
  acc_byte: 'byte',
};

/** Metrics of all of the answers' tokens together, as of a text. */
const OF_TOKENS: readonly string[] = ['ppl_token', 'ppl_byte', 'bpb', 'bpc'];

/**
 * A stored sample judged anew from its tokens' log-probabilities, without the model: choices under every normalisation
 * and a tie rule, and what a metric of tokens needs where one is asked for. What a model wrote keeps its values.
 * @param text how the item reads, which gives the lengths of its choices
 */
export function rescoreSample(
  sample: Sample,
  text: ItemText | undefined,
  { metric, ties }: { readonly metric: string | undefined; readonly ties: TieRule },
): Sample {
  const { spans, gold, values = {}, prediction } = sample;
  if (sample.status !== 'scored' || !spans) return sample;
  if (typeof prediction === 'number' && typeof gold === 'number')
    return choicesOf(sample, spans, gold, text?.choices, { metric, ties });
  if (metric === undefined || !OF_TOKENS.includes(metric) || typeof prediction !== 'boolean') return sample;
  if (values.logprob !== undefined) return sample;
  const [own] = spans;
  if (!own) return sample;
  const units = text?.continuation === undefined ? {} : unitsOf(text.continuation);
  return { ...sample, values: { ...values, logprob: logprobOf(own), tokens: own.logprobs.length, ...units } };
}

function choicesOf(
  sample: Sample,
  spans: readonly Span[],
  gold: number,
  choices: readonly string[] | undefined,
  { metric, ties }: { readonly metric: string | undefined; readonly ties: TieRule },
): Sample {
  const count = choices?.length ?? spans.length;
  const scores = spans.slice(0, count).map((span, i): ChoiceScore => {
    const choice = choices?.[i];
    return {
      logprob: logprobOf(span),
      tokens: span.logprobs.length,
      characters: choice === undefined ? Number.NaN : [...choice].length,
      bytes: choice === undefined ? Number.NaN : Buffer.byteLength(choice),
    };
  });
  const values: Record<string, number> = { ...sample.values };
  for (const [name, by] of Object.entries(BY)) {
    const known = scores.every((score) => Number.isFinite(lengthOf(score, by)));
    if (known && (name in values || name === metric)) values[name] = credit(scores, gold, by, ties);
  }
  const relative = scores.flatMap((score, i): ChoiceScore[] => {
    const base = spans[count + i];
    return base ? [{ ...score, logprob: score.logprob - logprobOf(base) }] : [];
  });
  const unconditional = relative.length === count;
  if (unconditional) values.acc_uncond = credit(relative, gold, 'sum', ties);
  if (metric === undefined) return { ...sample, values };
  const by = BY[metric as MetricName];
  const compared = metric === 'acc_uncond' && unconditional ? relative : scores;
  if (by === undefined && metric !== 'acc_uncond') return { ...sample, values };
  const { best, tied } = bestChoice(compared, by ?? 'sum');
  const others = sample.flags.filter((flag) => flag !== 'tie');
  return { ...sample, values, prediction: best, flags: tied.length > 1 ? [...others, 'tie'] : others };
}

function credit(scores: readonly ChoiceScore[], gold: number, by: Normalisation, ties: TieRule): number {
  const { best, tied } = bestChoice(scores, by);
  if (ties === 'first') return best === gold ? 1 : 0;
  return tied.includes(gold) ? 1 / tied.length : 0;
}

function logprobOf({ logprobs }: Span): number {
  return logprobs.reduce((sum, l) => sum + l, 0);
}

/** True where every scored sample has what a metric is made of. */
export function hasMetric(
  metric: string,
  samples: readonly Pick<Summary, 'status' | 'values' | 'counts'>[],
): boolean {
  const unit = { ppl_token: 'tokens', ppl_byte: 'bytes', bpb: 'bytes', bpc: 'characters' }[metric];
  const scored = samples.filter(({ status }) => status === 'scored');
  return (
    scored.length > 0 &&
    scored.every(({ values = {}, counts = {} }) => {
      if (metric in values || metric in counts) return true;
      if (unit !== undefined) return 'logprob' in values && unit in values;
      if (metric === 'pearson' || metric === 'spearman') return 'predicted' in values;
      if (metric === 'mcc_ranked') return 'logprob_mean' in values;
      if (metric === 'ppl_word') return 'logprob_gold' in values || 'logprob' in values;
      return /^(f1_macro|f1_binary|em_group|mcc)$/.test(metric) && 'acc' in values;
    })
  );
}
