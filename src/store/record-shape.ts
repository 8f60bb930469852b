import {
  count,
  either,
  flag,
  kind,
  listOf,
  mapOf,
  nullable,
  number,
  object,
  oneOf,
  optional,
  type Shape,
  text,
  tuple,
} from './shape.ts';

/** What run.json and the lines of a run folder's files must be, as far as anything reads them: see types.ts. */

const ESTIMATE: Shape = object({
  value: number,
  stderr: nullable(number),
  ci95: nullable(tuple(number, number)),
});
/** Names of files are made of a task's, and a folder may come from anyone. */
const TASK_NAME: Shape = kind(
  'a name without "/" and "\\"',
  (v) => typeof v === 'string' && !/[/\\\0]/.test(v),
);
const SHOTS: Shape = either(oneOf('max'), count);
const PART: Shape = object({ n: count, estimate: nullable(ESTIMATE) });

const CELL: Shape = object({
  ...{ model: text, task: TASK_NAME, shots: SHOTS, draw: optional(count), draws: optional(count) },
  ...{ n: count, unscored: count, reasons: optional(mapOf(count)), primary: text },
  ...{ chance: nullable(number), centred: nullable(number), metrics: mapOf(ESTIMATE) },
  shots_used: object({ min: count, mean: number, max: count }),
  ...{ tokens_dropped: count, ties: count, alarms: listOf(text) },
  window: optional(object({ context: count, stride: count })),
  overlap: optional(
    object({
      ...{ method: text, ngram: count, metric: text, all: PART, clean: PART, dirty: PART },
      ...{ relative: nullable(number), difference: nullable(either(ESTIMATE)) },
    }),
  ),
  published: optional(
    listOf(
      object({
        ...{ source: text, model: text, where: text, metric: text, shots: oneOf('zero', 'one', 'few') },
        ...{ k: nullable(count), value: number, measured: number, difference: number, same: flag },
        why: listOf(text),
      }),
    ),
  ),
});

export const TASK_IDENTITY: Shape = object({
  ...{ name: TASK_NAME, version: number, protocol: text, file: optional(text), file_sha256: optional(text) },
  ...{ dataset: text, dataset_sha256: text, prompts_sha256: nullable(text), shot_pool: text, draw: text },
  pool: optional(
    object({
      ...{ examples: count, duplicates: count, ngram: optional(count), grams: optional(count) },
      ...{ matched: optional(count), dirty: optional(count) },
    }),
  ),
  rescored: optional(text),
  overlap: optional(object({ method: text, ngram: count, sha256: text })),
});

export const SPEC: Shape = object({
  evalgpt: text,
  models: listOf(
    object({
      ...{ ref: text, commit: optional(text), sha256: text, parameters: count, architecture: text },
      ...{ config_sha256: text, tokenizer_sha256: text },
      served: optional(
        object({
          ...{ url: text, name: text },
          entry: mapOf(nullable(either(text, flag, number))),
        }),
      ),
    }),
  ),
  tasks: listOf(TASK_IDENTITY),
  ...{ revision: nullable(text), shots: listOf(SHOTS), protocol: nullable(text), draw: nullable(text) },
  ...{
    draws: count,
    limit: nullable(count),
    seed: count,
    device: text,
    dtype: text,
    threads: nullable(count),
  },
  // Older versions lack some.
  ...{ overflow: text, texts: optional(listOf(text)), taskFiles: optional(listOf(text)) },
  ...{ stride: optional(nullable(count)), overlap: optional(listOf(text)) },
  ...{ tokenizer: optional(text), contextLength: optional(count) },
});

export const BACKEND: Shape = object({
  ...{ model: text, device: text, dtype: text },
  check: nullable(
    object({ items: count, tokens: count, mean: number, max: number, flipped: count, bound: number }),
  ),
  probe: optional(listOf(number)),
});

/** What `evalgpt merge` goes by: it opens files of these tasks' names. */
const SHARD: Shape = object({
  ...{ index: count, of: count, done: flag },
  slices: listOf(object({ model: text, task: TASK_NAME, from: count, to: count })),
  tasks: listOf(
    object({
      ...{ name: TASK_NAME, items: count, shots: listOf(SHOTS), draws: count, metrics: listOf(text) },
      ...{ chance: nullable(number), rolling: flag, missing: optional(text) },
      overlap: optional(object({ method: oneOf('gpt2', 'gpt3'), ngram: count })),
    }),
  ),
  windows: listOf(count),
});

export const RECORD: Shape = object({
  format: oneOf(1),
  status: oneOf('complete', 'partial'),
  spec: SPEC,
  environment: object({
    ...{ git: nullable(text), node: text, ort: text, platform: text, threads: count },
    ...{ backends: listOf(BACKEND), warnings: listOf(text) },
  }),
  results: listOf(CELL),
  groups: listOf(
    object({
      ...{ model: text, group: text, shots: SHOTS, metric: text, tasks: count, value: number },
      ...{ stderr: nullable(number), ci95: nullable(tuple(number, number)) },
    }),
  ),
  cost: listOf(
    object({
      ...{ model: text, task: text, shots: listOf(SHOTS), seconds: number, tokens_scored: count },
      ...{ tokens_computed: count, reused: number },
    }),
  ),
  shard: optional(SHARD),
});

export const SAMPLE: Shape = object({
  ...{ id: text, cluster: optional(text), group: optional(text), status: oneOf('scored', 'unscored') },
  ...{ reason: optional(text), prompt: optional(text) },
  spans: optional(listOf(object({ tokens: listOf(count), logprobs: listOf(number), hits: listOf(flag) }))),
  ...{ prediction: optional(either(text, flag, number)), gold: optional(either(text, number)) },
  ...{ values: optional(mapOf(number)), counts: optional(mapOf(listOf(number))) },
  ...{ shots: listOf(text), shots_requested: SHOTS, shots_used: count, tokens_dropped: count },
  flags: listOf(oneOf('truncated', 'boundary', 'tie', 'overlap')),
  overlap: optional(
    object({
      fields: mapOf(object({ grams: count, matched: count })),
      where: listOf(object({ file: text, document: count, text })),
    }),
  ),
});

const ITEM_TEXT: Shape = object({
  ...{ id: text, context: optional(text), behind: optional(text), continuation: optional(text) },
  ...{ delimiter: optional(text), choices: optional(listOf(text)), unconditional: optional(text) },
  shot: optional(text),
});

const TASK_TEXT: Shape = object({
  kind: oneOf('span', 'choice', 'generate', 'rolling'),
  separator: text,
  descriptions: tuple(text, text),
});

/** A line of prompts/TASK.jsonl: the first is of the task. */
export const PROMPT_LINE: Shape = (value, place) =>
  (typeof value === 'object' && value !== null && 'id' in value ? ITEM_TEXT : TASK_TEXT)(value, place);
