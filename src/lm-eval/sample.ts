import { createHash } from 'node:crypto';
import { bleuCounts } from '../metrics/text/bleu.ts';
import { chrfCounts } from '../metrics/text/chrf.ts';
import { unitsOf } from '../metrics/units.ts';
import type { CellResult } from '../record.ts';
import type { ItemText, Sample, Span, TaskText } from '../types.ts';
import type { LmEvalSample } from './output.ts';

/** lm-eval's names of metrics that have another one here. */
const NAMES: Readonly<Record<string, string>> = {
  exact_match: 'em',
  perplexity: 'ppl_word',
  word_perplexity: 'ppl_word',
  byte_perplexity: 'ppl_byte',
  bits_per_byte: 'bpb',
  acc_mutual_info: 'acc_uncond',
  acc_bytes: 'acc_byte',
};

export function metricName(theirs: string): string {
  return NAMES[theirs] ?? theirs;
}

/** The other way round; a text's perplexity is per word of its own. */
export function theirName(ours: string, { window }: Pick<CellResult, 'window'>): string {
  if (ours === 'ppl_word') return window ? 'word_perplexity' : 'perplexity';
  const found = Object.entries(NAMES).find(([, name]) => name === ours);
  return found?.[0] ?? ours;
}

/** UTF-8 bytes that count as a token: lm-eval does not store tokens. */
const BYTES_PER_TOKEN = 4;

interface Pair {
  readonly context: string;
  readonly continuation: string;
}

/** A sample of lm-eval as one of a run folder, and how it reads. A continuation's score stands as one token's. */
export function sampleOf(
  line: LmEvalSample,
  shots: number,
): { sample: Sample; text: ItemText; kind: TaskText['kind'] } {
  const pairs = pairsOf(line.arguments);
  const id = String(line.doc_id);
  const prompt = createHash('sha256').update(JSON.stringify(pairs)).digest('hex').slice(0, 16);
  const shared = {
    ...{ id, status: 'scored' as const, prompt, shots: [], shots_requested: shots, shots_used: shots },
    ...{ tokens_dropped: 0, flags: [] },
  };
  const own = Object.fromEntries(
    (line.metrics ?? Object.keys(line)).flatMap((name): [string, number][] => {
      const value = line[name];
      if (typeof value === 'boolean') return [[metricName(name), Number(value)]];
      return typeof value === 'number' && name !== 'doc_id' ? [[metricName(name), value]] : [];
    }),
  );
  const scores = line.filtered_resps.map(scoreOf);
  const [first] = pairs;
  if (isGenerated(line.arguments) || !scores.every((score) => score !== undefined) || scores.length === 0) {
    const prediction = String(line.filtered_resps[0] ?? '');
    const gold = Array.isArray(line.target) ? String(line.target[0] ?? '') : String(line.target ?? '');
    return {
      kind: 'generate',
      text: { id, context: first?.context ?? '' },
      sample: { ...shared, prediction, gold, values: own, counts: countsOf(line, prediction, line.target) },
    };
  }
  const spans: Span[] = scores.map(({ logprob, greedy }) => ({
    tokens: [],
    logprobs: [logprob],
    hits: [greedy],
  }));
  const [{ logprob, greedy }] = scores as [Score];
  if (
    pairs.length === 1 &&
    first?.context === '' &&
    Array.isArray(line.word_perplexity ?? line.byte_perplexity ?? line.bits_per_byte)
  ) {
    const units = unitsOf(first.continuation);
    const values = { logprob, tokens: units.bytes / BYTES_PER_TOKEN, ...units };
    return {
      kind: 'rolling',
      text: { id },
      sample: { ...shared, spans, prediction: false, gold: '', values },
    };
  }
  const tokens = (pair: Pair | undefined): number =>
    Buffer.byteLength(pair?.continuation ?? '') / BYTES_PER_TOKEN;
  if (pairs.length === 1) {
    // lm-eval's item of a perplexity is its log-probability.
    const { ppl_word: _, ...rest } = own;
    const values = { acc: greedy ? 1 : 0, ...rest, logprob_gold: logprob, tokens_gold: tokens(first) };
    return {
      kind: 'span',
      text: { id, context: first?.context ?? '', continuation: first?.continuation ?? '' },
      sample: { ...shared, spans, prediction: greedy, gold: first?.continuation ?? '', values },
    };
  }
  const gold = goldOf(line.target, pairs);
  const count = own.acc_uncond === undefined ? pairs.length : pairs.length / 2;
  const best = scores
    .slice(0, count)
    .reduce((top, score, i) => (score.logprob > (scores[top]?.logprob ?? 0) ? i : top), 0);
  const right = gold === undefined ? undefined : scores[gold];
  return {
    kind: 'choice',
    text: {
      ...{ id, context: first?.context ?? '', delimiter: '' },
      choices: pairs.slice(0, count).map(({ continuation }) => continuation),
    },
    sample: {
      ...{ ...shared, spans, prediction: best },
      ...(gold === undefined ? {} : { gold }),
      values: {
        ...own,
        ...(right ? { logprob_gold: right.logprob, tokens_gold: tokens(pairs[gold as number]) } : {}),
      },
    },
  };
}

interface Score {
  readonly logprob: number;
  readonly greedy: boolean;
}

/** [log-probability, greedy], as numbers or as their text; of a whole text the log-probability alone. */
function scoreOf(response: unknown): Score | undefined {
  const [value, greedy] = Array.isArray(response) ? response : [response, false];
  const logprob = typeof value === 'string' && NUMBER.test(value) ? Number(value) : value;
  if (typeof logprob !== 'number' || !Number.isFinite(logprob)) return undefined;
  return { logprob, greedy: greedy === true || greedy === 'True' };
}

/** As Python writes a log-probability. An answer that a model wrote may look the same: see isGenerated. */
const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/;

/** A request for a text has its decoding options where a continuation would stand. */
function isGenerated(given: unknown): boolean {
  const [first] = Array.isArray(given) ? given : Object.values((given ?? {}) as object);
  const options: unknown = Array.isArray(first)
    ? first[1]
    : (first as Record<string, unknown> | undefined)?.arg_1;
  return typeof options === 'object' && options !== null;
}

/** A request's texts: {"gen_args_0": {"arg_0", "arg_1"}}, or lists in older versions. */
function pairsOf(given: unknown): Pair[] {
  const list = Array.isArray(given) ? given : Object.values((given ?? {}) as object);
  return list.map((entry: unknown): Pair => {
    const [a, b] = Array.isArray(entry)
      ? entry
      : [(entry as Record<string, unknown>).arg_0, (entry as Record<string, unknown>).arg_1];
    return typeof b === 'string'
      ? { context: String(a), continuation: b }
      : b === undefined
        ? { context: '', continuation: String(a) }
        : { context: String(a), continuation: '' };
  });
}

/** The right choice's number: as such, or by its text. */
function goldOf(target: unknown, pairs: readonly Pair[]): number | undefined {
  const number = Number(target);
  if (target !== '' && Number.isInteger(number) && number >= 0 && number < pairs.length) return number;
  const at = pairs.findIndex(({ continuation }) => continuation.trim() === String(target).trim());
  return at < 0 ? undefined : at;
}

/** What corpus metrics are made of, from lm-eval's pairs of reference and answer. */
function countsOf(line: LmEvalSample, answer: string, target: unknown): Record<string, readonly number[]> {
  const references = (Array.isArray(target) ? target : [target]).map(String);
  return {
    ...(line.bleu === undefined ? {} : { bleu: bleuCounts(answer, references, '13a') }),
    ...(line.chrf === undefined ? {} : { chrf: chrfCounts(answer, references) }),
  };
}
