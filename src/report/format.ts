import { bleuSignature } from '../metrics/text/bleu.ts';
import { CHRF_SIGNATURE } from '../metrics/text/chrf.ts';
import type { BackendRecord, CellResult, PublishedComparison } from '../record.ts';
import type { Estimate } from '../stats/interval.ts';

/** What each metric is, for a reader who meets its name. */
export const MEANING: Readonly<Record<string, string>> = {
  acc: 'share of right answers, by log-likelihood',
  acc_norm: 'the same, by log-likelihood per character',
  acc_token: 'the same, by log-likelihood per token',
  acc_byte: 'the same, by log-likelihood per byte',
  acc_last: 'share of right last tokens',
  acc_filtered: 'share of right answers when function words are not allowed',
  f1_macro: 'F1, the mean over the classes',
  f1_binary: 'F1 of the answers held for true',
  em_flexible: 'share of answers whose last number is the right one',
  rouge1: 'ROUGE-1, words shared with the reference',
  rouge2: 'ROUGE-2, pairs of words shared with the reference',
  rougeL: 'ROUGE-L, the longest common subsequence with the reference',
  rouge_avg: 'the mean of ROUGE-1, ROUGE-2 and ROUGE-L',
  mcc: "Matthews's correlation",
  mcc_ranked: "Matthews's correlation where the most probable sentences are accepted",
  pearson: "Pearson's correlation",
  spearman: "Spearman's rank correlation",
  em_group: 'share of questions whose answers are all judged rightly',
  bleu: `BLEU of the whole set, 0 to 100 (${bleuSignature(1, '13a', 'exp')})`,
  bleu_intl: `BLEU of the whole set, 0 to 100 (${bleuSignature(1, 'intl', 'exp')})`,
  chrf: `chrF2 of the whole set, 0 to 100 (${CHRF_SIGNATURE})`,
  acc_uncond: 'the same, less the log-likelihood without the question',
  acc_stop: 'share of right answers that end where they should',
  em: 'share of answers that equal a reference',
  f1: 'overlap of words with the best reference',
  ppl_word: 'perplexity per word (less is better)',
  ppl_token: 'perplexity per token (less is better)',
  ppl_byte: 'perplexity per byte (less is better)',
  bpb: 'bits per byte (less is better)',
  bpc: 'bits per character (less is better)',
  logprob_gold: 'mean log-probability of the right answer, in nats',
};

/** True for metrics that are shares of right answers, shown in per cent. */
export function isShare(metric: string): boolean {
  return /^(?:acc|em|f1|rouge)/.test(metric);
}

/** True for perplexities and bits, of which less is better. */
export function lessIsBetter(metric: string): boolean {
  return /^(ppl|bp)/.test(metric);
}

/** A metric's value: per cent with one decimal for accuracies, else three significant decimals. */
export function formatValue(metric: string, value: number): string {
  return isShare(metric) ? (100 * value).toFixed(1) : formatNumber(value);
}

/** What stands behind a metric's name on an axis. */
export function formatUnit(metric: string): string {
  return isShare(metric) ? ', %' : '';
}

export function formatInterval(metric: string, estimate: Estimate): string {
  if (estimate.ci95 === null) return '';
  return estimate.ci95.map((bound) => formatValue(metric, bound)).join(' – ');
}

/** A published figure in its metric's unit, the model that it is of, and how far ours is from it. */
export function formatPublished({ metric, value, difference, ...of }: PublishedComparison): string {
  const from = of.source.endsWith(' paper') ? of.model : `${of.model} (${of.source})`;
  const about = of.same ? '' : '~';
  return `${about}${formatValue(metric, value)} ${from} (${formatDifference(metric, difference)})`;
}

/** With its sign: percentage points for accuracies. */
export function formatDifference(metric: string, difference: number): string {
  const text = formatValue(metric, difference);
  return difference < 0 ? text : `+${text}`;
}

/** With its interval, in brackets. */
export function formatChange(
  metric: string,
  { value, ci95 }: { readonly value: number; readonly ci95: readonly [number, number] | null },
): string {
  const interval = ci95 && ` [${ci95.map((bound) => formatDifference(metric, bound)).join(', ')}]`;
  return `${formatDifference(metric, value)}${interval ?? ''}`;
}

/** "12 tasks", "1 task". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? one : many}`;
}

/** The number of a draw, or of how many a cell is the mean. */
export function formatDraw({ draw, draws }: CellResult): string {
  if (draws !== undefined) return `mean of ${draws}`;
  return draw === undefined ? '' : String(draw);
}

/** "32", or "32 (11 used)" where not all shots fitted the window. */
export function formatShots(result: CellResult): string {
  const { min, mean, max } = result.shots_used;
  const wanted = String(result.shots);
  if (result.n === 0 || (min === max && min === result.shots)) return wanted;
  return `${wanted} (${min === max ? min : `${mean.toFixed(1)} on average`} used)`;
}

function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return value.toExponential(2);
  return size >= 100 ? value.toFixed(1) : value.toFixed(3);
}

/** Where a model was computed, and how far that is from float32 on the CPU. */
export function describeBackend({ device, dtype, check }: BackendRecord): string {
  if (device === 'served') return 'its server';
  if (!check) return `${device}, ${dtype}`;
  const { tokens, items, mean, max, flipped } = check;
  return `${device}, ${dtype}; against the CPU in fp32 on ${items} items (${tokens} tokens): ${mean.toPrecision(2)} nats a token apart on average, ${max.toPrecision(2)} at most, ${flipped} ${flipped === 1 ? 'answer' : 'answers'} flipped`;
}
