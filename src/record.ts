import type { Estimate } from './stats/interval.ts';
import type { Device, DrawKind, Dtype, Overflow, ProtocolName } from './types.ts';

/** What a run is asked to do; `run.json`'s `spec` is this with models and tasks resolved to their hashes. */
export interface RunSpec {
  /** Folders, names or addresses: see `--model`. */
  readonly models: readonly string[];
  /** Branch, tag or commit of models of the hub; null for the main branch. */
  readonly revision: string | null;
  /** By name, group or glob. */
  readonly tasks: readonly string[];
  /** Numbers of solved examples in the prompt; max for as many as fit. */
  readonly shots: readonly (number | 'max')[];
  /** Null for each task's own. */
  readonly protocol: ProtocolName | null;
  /** Null for the protocol's own. */
  readonly draw: DrawKind | null;
  /** How many draws of shots are made where there are any. */
  readonly draws: number;
  /** A seeded random subset of so many items a task; null for all. */
  readonly limit: number | null;
  /** Of draws and subsets. */
  readonly seed: number;
  /** Where the model runs; auto for the fastest that gives the CPU's numbers. */
  readonly device: Device | 'auto';
  /** Precision of the matrix products. */
  readonly dtype: Dtype;
  /** For matrix products; null for all cores. */
  readonly threads: number | null;
  /** What is done where a prompt is longer than the window. */
  readonly overflow: Overflow;
  /** Files whose perplexity is measured, each a document. */
  readonly texts: readonly string[];
  /** Files of tasks of the user's own, run besides `tasks`. Modules among them are run as programs. */
  readonly taskFiles: readonly string[];
  /** Tokens that a window of a text scores behind the first; null for the window's length. */
  readonly stride: number | null;
  /** Indexes of `evalgpt overlap`: which items stand in the training data. */
  readonly overlap: readonly string[];
  /** Of served models: whose tokenizer they have, where not their server's own is asked. */
  readonly tokenizer?: string;
  /** Of served models: tokens of their window, where the server does not tell. */
  readonly contextLength?: number;
}

/** Items of one task on one model: those from `from` to before `to`, in the order of the data. */
export interface Slice {
  readonly model: string;
  readonly task: string;
  readonly from: number;
  readonly to: number;
}

/** What of a task its results need besides the samples. */
export interface TaskFacts {
  readonly name: string;
  /** How many there are, over all parts. */
  readonly items: number;
  /** Numbers of shots that it is scored at, and draws of each but 0. */
  readonly shots: readonly (number | 'max')[];
  readonly draws: number;
  /** The primary one first. */
  readonly metrics: readonly string[];
  /** What a guesser scores on the primary metric; null where that has no meaning. */
  readonly chance: number | null;
  /** A text that is scored window by window. */
  readonly rolling: boolean;
  /** How the items were compared with the training data. */
  readonly overlap?: { readonly method: 'gpt2' | 'gpt3'; readonly ngram: number };
  /** Why there are no items. */
  readonly missing?: string;
}

/** What a run of `--shard i/n` says of itself, so that `evalgpt merge` makes one run of all without model and data. */
export interface ShardRecord {
  /** Which part, from 1. */
  readonly index: number;
  /** How many parts there are. */
  readonly of: number;
  /** All items of these are in the folder. */
  readonly done: boolean;
  /** The items that are its own. */
  readonly slices: readonly Slice[];
  /** What the results need of each task. */
  readonly tasks: readonly TaskFacts[];
  /** Tokens of each model's window, in the order of the spec. */
  readonly windows: readonly number[];
}

/** Which model it was. */
export interface ModelIdentity {
  /** As the user named it. */
  readonly ref: string;
  /** Of a model of the hub. */
  readonly commit?: string;
  /** Over the weights. */
  readonly sha256: string;
  /** How many; 0 where a server does not tell. */
  readonly parameters: number;
  /** The configuration's model_type, as in gpt2. */
  readonly architecture: string;
  /** Over the configuration. */
  readonly config_sha256: string;
  /** Over the tokenizer's definition. */
  readonly tokenizer_sha256: string;
  /** Of a model behind an API, whose weights can't be seen: sha256 is then over this. */
  readonly served?: {
    readonly url: string;
    readonly name: string;
    /** What of the server's /models stays the same from call to call. */
    readonly entry: Readonly<Record<string, string | number | boolean | null>>;
  };
}

/** Which task it was: its version, its data and its prompts. */
export interface TaskIdentity {
  readonly name: string;
  /** Raised by every change that moves a score. */
  readonly version: number;
  /** Whose wording and scoring. */
  readonly protocol: ProtocolName;
  /** The user's file that the task comes from, as named, and its hash. */
  readonly file?: string;
  readonly file_sha256?: string;
  /** Name of the data set, or path of the file that the items come from. */
  readonly dataset: string;
  /** Over the data, those of shots included; empty where they could not be had. */
  readonly dataset_sha256: string;
  /** Over every prompt of the run in order; null where the data could not be had. */
  readonly prompts_sha256: string | null;
  /** The split that shots come from; none where there are none. */
  readonly shot_pool: string;
  /**
   * The examples that shots come from, and how many scored ones have their question among them, word for word (such a
   * pair never meets in a prompt). Where they are another split: the scored split's n-grams, those of them that it has,
   * and the items with one.
   */
  readonly pool?: {
    readonly examples: number;
    readonly duplicates: number;
    readonly ngram?: number;
    readonly grams?: number;
    readonly matched?: number;
    readonly dirty?: number;
  };
  /** How shots are drawn. */
  readonly draw: DrawKind;
  /** Of a run that `evalgpt rescore` wrote: what its items were judged by. */
  readonly rescored?: string;
  /** How its items were compared with the training data, and a hash over the dirty ones' ids. */
  readonly overlap?: { readonly method: 'gpt2' | 'gpt3'; readonly ngram: number; readonly sha256: string };
}

/** One cell of a run: a model, a task, a number of shots and, where several were made, a draw. */
export interface CellResult {
  readonly model: string;
  readonly task: string;
  /** As asked; max for as many as fit. */
  readonly shots: number | 'max';
  /** Number of the draw of shots, from 0, where several were made. */
  readonly draw?: number;
  /** How many draws it is the mean of; such a cell stands behind those of the draws. */
  readonly draws?: number;
  /** Items that were scored. */
  readonly n: number;
  /** Items that could not be. */
  readonly unscored: number;
  /** Why nothing or not everything was scored: reason and count. */
  readonly reasons?: Readonly<Record<string, number>>;
  /** Name of the metric that stands for the task. */
  readonly primary: string;
  /** What a guesser scores on the primary metric; null where that has no meaning. */
  readonly chance: number | null;
  /** The primary metric on a scale where guessing is 0 and perfection 1; null where chance has no meaning. */
  readonly centred: number | null;
  /** By name; shares are 0 to 1. */
  readonly metrics: Readonly<Record<string, Estimate>>;
  /** Solved examples that fitted, over the items. */
  readonly shots_used: { readonly min: number; readonly mean: number; readonly max: number };
  /** Tokens cut from the left of prompts to fit the window, over all items. */
  readonly tokens_dropped: number;
  /** Items whose best choices are equally probable. */
  readonly ties: number;
  /** Of rolling texts: tokens of a window, and how many it scores behind the first window. */
  readonly window?: { readonly context: number; readonly stride: number };
  /** What makes the result doubtful, a sentence each. */
  readonly alarms: readonly string[];
  /** Where the training data were searched for the items. */
  readonly overlap?: OverlapComparison;
  /** Published figures that may stand beside it; absent where there are none. */
  readonly published?: readonly PublishedComparison[];
}

/** The primary metric on items that stand in the training data (dirty) and on the others (clean). */
export interface OverlapComparison {
  /** Whose check found the overlap. */
  readonly method: 'gpt2' | 'gpt3';
  /** Words of an n-gram. */
  readonly ngram: number;
  /** The primary metric. */
  readonly metric: string;
  readonly all: OverlapPart;
  readonly clean: OverlapPart;
  readonly dirty: OverlapPart;
  /** Clean over all, less 1: the last column but one of GPT-3's Table C.1; null without clean items. */
  readonly relative: number | null;
  /** Clean less dirty, which share no item, and the two-sided p-value of no difference; null where one is empty. */
  readonly difference: (Estimate & { readonly p: number | null }) | null;
}

/** Some of the items: how many, and their score. */
export interface OverlapPart {
  readonly n: number;
  /** Null where there are none. */
  readonly estimate: Estimate | null;
}

/** A published figure beside a result: shares are 0 to 1. */
export interface PublishedComparison {
  /** The paper or the harness. */
  readonly source: string;
  /** As the source names it. */
  readonly model: string;
  /** Table or section, issue, file. */
  readonly where: string;
  /** Of ours, the one that was measured. */
  readonly metric: string;
  /** Of the published figure. */
  readonly shots: 'zero' | 'one' | 'few';
  /** Examples in the source's prompts; null where it does not say. */
  readonly k: number | null;
  /** As published. */
  readonly value: number;
  /** Ours. */
  readonly measured: number;
  /** Measured less published. */
  readonly difference: number;
  /** The figure is of this very model; else of one of comparable size. */
  readonly same: boolean;
  /** Why the two may differ, a sentence each. */
  readonly why: readonly string[];
}

/** The mean of several tasks' results, each task weighing the same. */
export interface GroupResult extends Estimate {
  readonly model: string;
  /** Its name, as in superglue. */
  readonly group: string;
  readonly shots: number | 'max';
  /** The first task's metric, whose units the mean has. */
  readonly metric: string;
  /** How many it is the mean of. */
  readonly tasks: number;
}

/** What a task took on a model: all numbers of shots are computed together. */
export interface CellCost {
  readonly model: string;
  readonly task: string;
  readonly shots: readonly (number | 'max')[];
  /** Wall time. */
  readonly seconds: number;
  /** Tokens whose log-probability was asked, or which were written, and tokens that the model was fed. */
  readonly tokens_scored: number;
  readonly tokens_computed: number;
  /** Share of the requests' tokens that were not computed because another request had the same prefix. */
  readonly reused: number;
}

/** What a model was computed on, and how far that is from float32 on the CPU. */
export interface BackendRecord {
  readonly model: string;
  /** Where it was computed; served: on a server. */
  readonly device: Device | 'served';
  readonly dtype: Dtype;
  /** Null where it is float32 on the CPU itself. */
  readonly check: {
    /** On the first items of the run: how many, and their scored tokens. */
    readonly items: number;
    readonly tokens: number;
    /** Mean and largest absolute difference of one token's log-probability, in nats. */
    readonly mean: number;
    readonly max: number;
    /** Items that are answered differently. */
    readonly flipped: number;
    /** The largest difference with which the device is believed. */
    readonly bound: number;
  } | null;
  /** Of a served model: its log-probabilities of a fixed text, by which another model is told at a resume. */
  readonly probe?: readonly number[];
}

/**
 * What a run did: run.json. `results` and `groups` hold only what the spec determines, so that a resumed run's are
 * equal to the byte.
 */
export interface RunRecord {
  /** Version of the format. */
  readonly format: 1;
  /** `partial` while items are left. */
  readonly status: 'complete' | 'partial';
  /** What was run: names resolved to hashes, so that the same can be run again. */
  readonly spec: Omit<RunSpec, 'models' | 'tasks'> & {
    readonly evalgpt: string;
    readonly models: readonly ModelIdentity[];
    readonly tasks: readonly TaskIdentity[];
  };
  /** Where it was run: no result depends on it beyond what `backends` tells. */
  readonly environment: {
    /** Commit of the working directory, with -dirty where files differ; null outside a repository. */
    readonly git: string | null;
    /** Versions of Node.js and of onnxruntime. */
    readonly node: string;
    readonly ort: string;
    /** As in linux-x64. */
    readonly platform: string;
    /** Threads for matrix products. */
    readonly threads: number;
    /** One a model; a model whose scores were all there already has none. */
    readonly backends: readonly BackendRecord[];
    /** What the user was warned of, a sentence each. */
    readonly warnings: readonly string[];
  };
  /** A cell each. */
  readonly results: readonly CellResult[];
  /** Means over groups of tasks that the run has all of. */
  readonly groups: readonly GroupResult[];
  /** What it took to compute. */
  readonly cost: readonly CellCost[];
  /** Of a part of a run, which has no results of its own. */
  readonly shard?: ShardRecord;
}
