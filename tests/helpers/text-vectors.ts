import { readFileSync } from 'node:fs';
import type { BleuTokenizer } from '../../src/metrics/text/bleu.ts';

interface CorpusVector {
  readonly name: string;
  readonly hypotheses: readonly string[];
  /** Sets of references, each as long as the hypotheses. */
  readonly references: readonly (readonly string[])[];
  /** One row a sentence. */
  readonly counts: readonly (readonly number[])[];
  readonly score: number;
  readonly signature: string;
}
type Spans = string | readonly string[];
type Labels = readonly number[];

/** Made with sacrebleu, transformers, lm-eval, scikit-learn and scipy: see make_text_metrics.py beside the file. */
export const vectors = JSON.parse(
  readFileSync(new URL('../vectors/text-metrics.json', import.meta.url), 'utf8'),
) as {
  readonly tokenised: readonly [line: string, thirteen: string[], international: string[]][];
  readonly bleu: readonly (CorpusVector & { tokenizer: BleuTokenizer; smoothing: 'exp' | 'none' })[];
  readonly chrf: readonly CorpusVector[];
  readonly rouge: readonly [
    reference: string,
    prediction: string,
    one: number,
    two: number,
    longest: number,
  ][];
  readonly squad: readonly [prediction: string, gold: string, normalised: string, em: number, f1: number][];
  readonly coqa: readonly [prediction: string, golds: string[], em: number, f1: number][];
  readonly quac: readonly [prediction: string, golds: string[], f1: number, humanF1: number][];
  readonly drop: readonly [prediction: Spans, golds: string[][], em: number, f1: number][];
  readonly numbers: readonly [text: string, written: string | null][];
  readonly triviaqa: readonly [text: string, normalised: string][];
  readonly labels: readonly [predictions: Labels, golds: Labels, mcc: number, f1: number][];
  readonly correlations: readonly [x: Labels, y: Labels, pearson: number | null, spearman: number | null][];
};

/** What a set's sentences add up to. */
export function summed(rows: readonly (readonly number[])[]): number[] {
  return rows.reduce<number[]>((sum, row) => row.map((n, i) => n + (sum[i] ?? 0)), []);
}
