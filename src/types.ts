/**
 * One item of a data set, decoded. `cluster` names what several items share (a passage, a story, a document), `group`
 * the question that is right only where all of its items are.
 */
export interface Example {
  readonly id: string;
  readonly cluster?: string;
  readonly group?: string;
}

/** A context and the text whose log-likelihood behind it is asked. */
export interface Pair {
  /** What stands before; empty for the start of text. */
  readonly context: string;
  /** The text that is scored; not empty. */
  readonly continuation: string;
}

/** What of an item does not fit the model's window: see `--overflow`. */
export type Overflow = 'drop-shots' | 'truncate' | 'skip' | 'error';
/** Precision of the matrix products with weights; everything else is float32. */
export type Dtype = 'fp32' | 'fp16' | 'int8';
/** An execution provider of onnxruntime. */
export type Device = 'cpu' | 'cuda' | 'webgpu';
/** Whose wording and scoring: lm-eval's, a paper's, or a user's own. */
export type ProtocolName = 'lm-eval' | 'gpt1' | 'gpt2' | 'gpt3' | 'own';
/**
 * Where shots come from: one seeded order of the pool for all items, one an item, or the pool's own order, in which
 * every draw is the same.
 */
export type DrawKind = 'fixed' | 'per-example' | 'first';

/**
 * A tokenised pair: the tokens fed and the scored span behind them. `tokens[start..]` are scored; the last
 * token is never fed. `tokens.length - 1 <= context length` of the model.
 */
export interface Request {
  readonly tokens: Int32Array;
  readonly start: number;
  /** Tokens cut from the left so that the rest fits the window. */
  readonly truncated: number;
  /** True where context and continuation share a token and the continuation was therefore encoded alone. */
  readonly merged: boolean;
}

/** The scores of one request: one entry a scored token. Log-probabilities are natural logarithms, float32. */
export interface Scored {
  readonly logprobs: Float32Array;
  /** True where the token is the most probable one at its place. */
  readonly hits: readonly boolean[];
  /** True where the token is the most probable of those that are not banned; only where some are. */
  readonly allowedHits?: readonly boolean[];
  /** The K most probable tokens at each place, [tokens, K], descending; only where K > 1 was asked. */
  readonly top?: { readonly ids: Int32Array; readonly logprobs: Float32Array };
}

/** Text to token ids and back. Implemented in src/models/tokenizers. */
export interface Tokenizer {
  readonly vocabularySize: number;
  /** Put before every text by `encode`, as the reference tokenizer does (Llama's <s>); null for GPT-2. */
  readonly prefix: number | null;
  /** Stands for an empty context: beginning-of-text, else end-of-text; null where the vocabulary has neither. */
  readonly startOfText: number | null;
  /** SHA-256 over the vocabulary, merges and rules. */
  readonly sha256: string;
  /**
   * Token ids of the text. Text that spells a special token is ordinary text unless `special` is true.
   * @throws UserError where the text holds a character that the vocabulary cannot express.
   */
  encode(text: string, options?: { readonly prefix?: boolean; readonly special?: boolean }): number[];
  decode(ids: readonly number[]): string;
}

/**
 * One run of the model over a packed prefix tree of S new tokens behind a trunk of P known ones.
 * Tokens lie in depth-first order; token i sees token j of this step iff enter[j] <= enter[i] < exit[j], and it
 * sees the whole trunk. All indexes count from this step's first new token.
 */
export interface ForwardStep {
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  readonly enter: Int32Array;
  readonly exit: Int32Array;
  /** The trunk whose keys and values precede these tokens, or -1. */
  readonly past: number;
  /** Keep past and new keys and values as this trunk for later steps, or -1. */
  readonly keep: number;
  /**
   * For a past that is a cache of columns, not one chain: the interval of each column, by the rule above. Columns
   * that hold nothing have an empty interval. Those that a token sees enter in the order of the text, equal ones in
   * that of the columns.
   */
  readonly pastView?: { readonly enter: Int32Array; readonly exit: Int32Array };
  /** Columns of that cache into which the new tokens' keys and values go. */
  readonly write?: Int32Array;
  /** Tokens whose next-token distribution is asked, ascending and distinct: R indexes into `ids`. */
  readonly rows: Int32Array;
  /** N scored (row, target id) pairs; `pairRow` indexes `rows`. */
  readonly pairRow: Int32Array;
  readonly pairTarget: Int32Array;
  /** Most probable tokens wanted for each row: K, 1 unless told. */
  readonly topK?: number;
  /** Token ids that may not be answered: asks for the most probable of the others too. */
  readonly banned?: Int32Array;
}

/** What a step returns: N log-probabilities and, for each of the R rows, the K most probable tokens, descending. */
export interface ForwardResult {
  readonly logprobs: Float32Array;
  /** [R, K], as are their log-probabilities. */
  readonly topIds: Int32Array;
  readonly topLogprobs: Float32Array;
  /** [R]: the most probable token that is not banned; empty unless some are. */
  readonly allowedIds: Int32Array;
}

/** The only door between planning and a model. Implementations: a session of ONNX Runtime, and test doubles. */
export interface Backend {
  forward(step: ForwardStep): Promise<ForwardResult>;
  /** Makes a cache of so many columns, the first of them those of a trunk or smaller cache (-1 for none). */
  allocate(cache: number, columns: number, from: number): Promise<void>;
  /** Frees a kept trunk or a cache. */
  release(trunk: number): Promise<void>;
  close(): Promise<void>;
  /** Steps that may be under way at once, 2 unless told: a served model answers many. */
  readonly inFlight?: number;
  /** Continues a prompt greedily, where the engine does so by itself and has no caches to be stepped through. */
  complete?(prompt: Prompted): Promise<Completed>;
}

/** A prompt for an engine that continues it by itself. */
export interface Prompted {
  readonly prompt: Int32Array;
  readonly maxTokens: number;
  readonly stop: readonly string[];
}

/** What such an engine wrote: the text before a stop string, and all tokens, where it tells them. */
export interface Completed {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  /** `stop` by a stop string, `end` by an end token, `length` by a limit. */
  readonly reason: 'stop' | 'end' | 'length';
}

/** A finished item as it lies in a samples file: everything a metric, report or check needs without the model. */
export interface Sample {
  /** The item's, unique in its task. */
  readonly id: string;
  /** What it shares with others that are not independent of it: a passage, a story, a document. */
  readonly cluster?: string;
  /** The question that is right only where all of its items are. */
  readonly group?: string;
  /** An item is unscored where it does not fit the window, or its text cannot be scored: see `reason`. */
  readonly status: 'scored' | 'unscored';
  /** Why an unscored item has no score. */
  readonly reason?: string;
  /** SHA-256 of the pairs as text, 16 hex digits. */
  readonly prompt?: string;
  /** Per pair: scored token ids, their log-probabilities in nats, and whether each was the most probable. */
  readonly spans?: readonly Span[];
  /** Index of the choice, the text written, or whether the span is what the model would say. */
  readonly prediction?: number | string | boolean;
  /** The right one of the same kind. */
  readonly gold?: number | string;
  /** By metric; shares are 0 to 1. */
  readonly values?: Readonly<Record<string, number>>;
  /** What metrics of the whole set are made of: summed over the samples, by the metric's name. */
  readonly counts?: Readonly<Record<string, readonly number[]>>;
  /** Ids of the solved examples in its prompt. */
  readonly shots: readonly string[];
  /** As asked. */
  readonly shots_requested: number | 'max';
  /** How many of them fitted. */
  readonly shots_used: number;
  /** Tokens cut from the left of the prompt. */
  readonly tokens_dropped: number;
  /** What is to be known of it. */
  readonly flags: readonly Flag[];
  /** Of a dirty item: what of it stands in the training data. */
  readonly overlap?: ItemOverlap;
}

/** What of an item was found in a training corpus: n-grams of its fields, and where. */
export interface ItemOverlap {
  /** By field of the item: its n-grams, and those that were found. */
  readonly fields: Readonly<Record<string, { readonly grams: number; readonly matched: number }>>;
  /** The first places; documents of a file are counted from 1. */
  readonly where: readonly { readonly file: string; readonly document: number; readonly text: string }[];
}

/** How a task's items read, without the shots before them: the first line of a run folder's prompts/TASK.jsonl. */
export interface TaskText {
  readonly kind: 'span' | 'choice' | 'generate' | 'rolling';
  /** Between shots, and behind the last one. */
  readonly separator: string;
  /** What stands once before everything else, without shots and behind some. */
  readonly descriptions: readonly [zero: string, few: string];
}

/** An item of that file. */
export interface ItemText {
  readonly id: string;
  /** The item's own part of its prompt, or the text itself where the whole of it is scored. */
  readonly context?: string;
  /** The same behind shots, where it differs. */
  readonly behind?: string;
  /** The text that is scored behind the context. */
  readonly continuation?: string;
  /** Between the context and a choice. */
  readonly delimiter?: string;
  /** The texts among which the model chooses. */
  readonly choices?: readonly string[];
  /** The context of acc_uncond's second score. */
  readonly unconditional?: string;
  /** How it reads as a solved example, where it is one before another item. */
  readonly shot?: string;
}

/** What stays in memory of a finished sample. */
export type Summary = Omit<Sample, 'spans' | 'prompt' | 'shots' | 'overlap'> & {
  /** Extremes of its log-probabilities; infinite where it has none. */
  readonly lowest: number;
  readonly highest: number;
};

/** `overlap`: stands in the training data. */
export type Flag = 'truncated' | 'boundary' | 'tie' | 'overlap';

/** The scores of a continuation, a token each. */
export interface Span {
  /** Ids in the vocabulary. */
  readonly tokens: readonly number[];
  /** Natural logarithms. */
  readonly logprobs: readonly number[];
  /** Whether the token is the most probable one. */
  readonly hits: readonly boolean[];
}
