/** What the page's scripts read: types only, shared by those who write it and those who run in the browser. */

/** Texts of a cell in one view: the value, its interval, and the number to sort by. */
export type Shown = readonly [value: string, interval: string, number: number | null];

/** Of a cell, by view: "primary", "centred", "zero", "smaller", "clean", "dirty", or "metric " and its name. */
export type CellViews = Readonly<Record<string, Shown>>;

export interface PageData {
  readonly models: readonly string[];
  readonly tasks: readonly string[];
  readonly shots: readonly string[];
  /** By the number that a cell of the table has in data-cell. */
  readonly cells: readonly CellViews[];
  /** Names of files beside the page that hold all examples, by task; absent where only a few are embedded. */
  readonly files?: readonly (readonly string[])[];
}

/** A token as shown: its text, its log-probability in nats, and whether it was the most probable. */
export type ShownToken = readonly [text: number, logprob: number, hit: 0 | 1];

/** An example in one cell. */
export interface ShownAnswer {
  readonly model: number;
  /** Index into PageData.shots. */
  readonly shots: number;
  /** The primary metric's value; null where unscored. */
  readonly value: number | null;
  readonly reason?: string;
  /** The choice, the text that was written, or whether the target was found. */
  readonly prediction: number | string | boolean | null;
  readonly flags: readonly string[];
  /** Tokens cut from the left. */
  readonly cut: number;
  /** Indexes into the block's shots. */
  readonly behind: readonly number[];
  readonly spans: readonly (readonly ShownToken[])[];
  /** Tokens that are left out of each span. */
  readonly more: readonly number[];
  /** Of choices: log-likelihood in all, per token, character and byte, and less that without the question. */
  readonly scores?: readonly (readonly (number | null)[])[];
}

export interface ShownExample {
  readonly id: string;
  readonly cluster?: string;
  /** Why it is of interest. */
  readonly kinds: readonly string[];
  /** The item's part of the prompt, and the same behind shots where it differs. */
  readonly context?: string;
  readonly behind?: string;
  readonly choices?: readonly string[];
  readonly gold: number | string;
  /** Where it was found in the training data. */
  readonly found?: readonly string[];
  readonly answers: readonly ShownAnswer[];
}

/** A block of examples of a task; it lies in the page or in a file, as base64 of deflated JSON. */
export interface ExampleBlock {
  readonly task: number;
  /** Examples that the task has in all. */
  readonly total: number;
  /** Metric that `value` is of. */
  readonly metric: string;
  readonly descriptions: readonly [string, string];
  readonly separator: string;
  readonly tokens: readonly string[];
  /** Solved examples. */
  readonly shots: readonly string[];
  readonly examples: readonly ShownExample[];
}
