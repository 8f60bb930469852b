import type { DataRecord } from './data/records.ts';
import type { Split } from './data/split.ts';
import type { DrawKind, Example, ProtocolName } from './types.ts';

/** Metric names as they stand in results; see src/metrics. */
export type MetricName =
  | 'acc'
  | 'acc_norm'
  | 'acc_token'
  | 'acc_byte'
  | 'ppl_token'
  | 'ppl_word'
  | 'ppl_byte'
  | 'bpb'
  | 'bpc'
  | 'logprob_gold'
  | 'acc_uncond'
  | 'acc_last'
  | 'acc_filtered'
  | 'f1_macro'
  | 'f1_binary'
  | 'em_group'
  | 'bleu'
  | 'bleu_intl'
  | 'chrf'
  | 'acc_stop'
  | 'em'
  | 'em_flexible'
  | 'f1'
  | 'rouge1'
  | 'rouge2'
  | 'rougeL'
  | 'rouge_avg'
  | 'mcc'
  | 'mcc_ranked'
  | 'pearson'
  | 'spearman';

/** What all protocols say: how an example reads as a question, and as a solved one. */
interface CommonProtocol<E> {
  /** Where this wording comes from. */
  readonly source: string;
  /** The text that the model is given for an example; `shots` is the number of solved examples before it. */
  readonly context: (example: E, shots: number) => string;
  /** A solved example as it stands before the question. */
  readonly shot: (example: E) => string;
  /** Once, before everything else; by number of shots. */
  readonly description?: (shots: number) => string;
  /** Between shots, and between the last shot and the question. */
  readonly separator: string;
  readonly draw: DrawKind;
  /** The examples that are scored, and those that may be shots: all unless told. */
  readonly scores?: (example: E) => boolean;
  readonly draws?: (example: E) => boolean;
  /** The first is the primary metric. */
  readonly metrics: readonly MetricName[];
}

/** One continuation: is it what the model would say, and how probable is it? */
export interface SpanProtocol<E> extends CommonProtocol<E> {
  readonly kind: 'span';
  readonly continuation: (example: E) => string;
  /** Words that are never the answer: `acc_filtered` asks for the most probable token that is none of them. */
  readonly neverAnswers?: readonly string[];
  /**
   * Accepts the continuations of highest mean log-probability of a token, so many of the set as `share` says
   * (`mcc_ranked`); `gold` says which are acceptable.
   */
  readonly accepts?: { readonly share: number; readonly gold: (example: E) => boolean };
}

/** Several continuations of one context: which is the most probable? */
export interface ChoiceProtocol<E> extends CommonProtocol<E> {
  readonly kind: 'choice';
  /** The choices as lm-eval measures their length: without the delimiter before them. */
  readonly choices: (example: E) => readonly string[];
  /** Of `f1_binary` and `mcc` the first choice is the positive one. */
  readonly gold: (example: E) => number;
  /** Between context and choice. */
  readonly delimiter: string | ((example: E) => string);
  /** Context of the unconditional term: each choice's log-likelihood behind it is taken off (`acc_uncond`). */
  readonly unconditional?: string;
  /**
   * In place of `context`, one a choice, where the choices stand in the context and what follows them is scored:
   * partial evaluation (Trinh & Le 2018).
   */
  readonly contexts?: (example: E) => readonly string[];
  /** What the choices say as numbers, and the true one: their mean, weighted by probability, is correlated with it. */
  readonly scale?: { readonly values: readonly number[]; readonly gold: (example: E) => number };
  /** What the best choice is found by where the primary metric does not say: log-likelihood unless told. */
  readonly by?: 'sum' | 'token' | 'character' | 'byte';
  /** What the best choice is worth where more than one is right; `greedy` holds which the model itself would say. */
  readonly judge?: (
    example: E,
    choice: number,
    greedy: readonly boolean[],
  ) => Readonly<Record<string, number>>;
}

export interface Beams {
  readonly width: number;
  readonly alpha: number;
}

/** For answers of free form the GPT-3 paper takes "the same parameters as" T5 (section 2.4). */
export const GPT3_BEAMS: Beams = { width: 4, alpha: 0.6 };

/** A text that the model writes, greedily unless told: is it the answer? */
export interface GenerateProtocol<E> extends CommonProtocol<E> {
  readonly kind: 'generate';
  /** The text ends before the first of these. */
  readonly stop: readonly string[];
  /** Tokens after which the text ends anyway. */
  readonly maxTokens: number;
  /** Beam search in place of greedy decoding, with the length penalty ((5 + n) / 6)^alpha. */
  readonly beams?: Beams;
  /** The answer that a report shows beside the model's. */
  readonly gold: (example: E) => string;
  /** What the text is worth: a value for each metric. */
  readonly judge: (example: E, text: string) => Readonly<Record<string, number>>;
  /** For metrics of the whole set: the counts that they are made of, summed over the items. */
  readonly counts?: (example: E, text: string) => Readonly<Record<string, readonly number[]>>;
}

/** Lengths of a text. */
export interface Units {
  readonly words: number;
  /** Code points. */
  readonly characters: number;
  /** Of UTF-8. */
  readonly bytes: number;
}

/** A whole text: how probable is all of it? There are no shots. */
export interface RollingProtocol<E> {
  readonly kind: 'rolling';
  readonly source: string;
  readonly text: (example: E) => string;
  /** What its perplexities are per; those of `text` unless told. */
  readonly units?: (example: E) => Units;
  readonly metrics: readonly MetricName[];
}

/** A protocol whose prompts may hold shots. */
export type PromptProtocol<E> = SpanProtocol<E> | ChoiceProtocol<E> | GenerateProtocol<E>;
/** How a task's examples read, and what is measured: four kinds, told apart by `kind`. */
export type Protocol<E> = PromptProtocol<E> | RollingProtocol<E>;

/** A benchmark: where its examples come from, how they read under each protocol, and what is measured. */
export interface TaskDefinition<E extends Example> {
  readonly name: string;
  /** Raised by every change that moves a score. */
  readonly version: number;
  readonly title: string;
  /** Name of the data set's card. */
  readonly dataset: string;
  readonly split: string;
  /** Splits that shots come from: the first that is present. The scored split itself is always the last resort. */
  readonly shotSplits: readonly string[];
  /** A record's example, or several where one record holds a passage with its questions. */
  readonly decode: (record: DataRecord) => E | readonly E[];
  readonly protocols: Readonly<Partial<Record<ProtocolName, Protocol<E>>>>;
  /** The protocol of a run that names none. */
  readonly protocol: ProtocolName;
  /**
   * An example's texts as they are looked for in a training corpus, in the order in which they are read: what leaked of
   * each is told apart. By default the prompt without shots is `context`, the gold answer `answer`.
   */
  readonly fields?: (example: E) => Readonly<Record<string, string>>;
  /** Examples that the scored split has as published; a run with another number of them warns. */
  readonly examples?: number;
  /** Expected score of a guesser on the primary metric; null where guessing has no meaning. */
  readonly chance: number | null;
  /** K of the GPT-3 paper (Table H.1). */
  readonly paperShots?: number;
  /** The benchmark's name in the column `task` of reports/published: its figures stand beside the results. */
  readonly published?: string;
}

/** The user's file that a task comes from. */
export interface TaskFile {
  /** As the user named it. */
  readonly path: string;
  readonly sha256: string;
  /** What the file brings in place of a data set: the items, and those that shots come from where they are others. */
  readonly data?: { readonly scored: Split; readonly shots?: Split };
}

/** A defined task. Its examples' type is known to its own functions only. */
export type Task = TaskDefinition<Example> & { readonly file?: TaskFile };

/**
 * Checks a definition once and freezes it.
 * @throws Error where the definition contradicts itself
 */
export function defineTask<E extends Example>(definition: TaskDefinition<E>): Task {
  const { name, protocols, protocol } = definition;
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name))
    throw new Error(`task "${name}": expected lower-case words joined by hyphens`);
  if (!protocols[protocol])
    throw new Error(`task "${name}": its default protocol "${protocol}" is not defined`);
  for (const [key, p] of Object.entries(protocols)) {
    const where = `task "${name}", protocol "${key}"`;
    if (p.metrics.length === 0) throw new Error(`${where}: expected a metric`);
    if (p.kind === 'choice' && p.contexts && p.unconditional !== undefined)
      throw new Error(`${where}: expected "contexts" or "unconditional", found both`);
    if (p.kind !== 'generate' || !p.beams) continue;
    const { width, alpha } = p.beams;
    if (!Number.isInteger(width) || width < 1)
      throw new Error(`${where}: expected a whole number of beams, found ${width}`);
    if (!(alpha >= 0)) throw new Error(`${where}: expected an alpha of at least 0, found ${alpha}`);
  }
  return Object.freeze(definition) as unknown as Task;
}

/** The wording of a task under a protocol, or under its own default where it has no such protocol. */
export function protocolOf(
  task: Task,
  wanted: ProtocolName | null,
): { name: ProtocolName; protocol: Protocol<Example> } {
  const name = wanted !== null && task.protocols[wanted] ? wanted : task.protocol;
  return { name, protocol: task.protocols[name] as Protocol<Example> };
}
