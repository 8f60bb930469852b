import { DEFAULT_SPEC } from '../../src/evaluate/evaluate.ts';
import type { CellResult, PublishedComparison, RunRecord } from '../../src/record.ts';

/** One cell of a run, with whatever a test says differs. */
export function cell(differs: Partial<CellResult> = {}): CellResult {
  return {
    model: './gpt2',
    task: 'anli-r1',
    shots: 0,
    n: 200,
    unscored: 0,
    primary: 'acc',
    chance: 1 / 3,
    centred: (0.345 - 1 / 3) / (2 / 3),
    metrics: {
      acc: { value: 0.345, stderr: 0.0337, ci95: [0.2826, 0.4131] },
      logprob_gold: { value: -2.5, stderr: 0.1, ci95: [-2.7, -2.3] },
    },
    shots_used: { min: 0, mean: 0, max: 0 },
    tokens_dropped: 0,
    ties: 0,
    alarms: [],
    ...differs,
  };
}

/** A figure beside a cell, with whatever a test says differs. */
export function published(differs: Partial<PublishedComparison> = {}): PublishedComparison {
  return {
    source: 'GPT-2 paper',
    model: 'GPT-2 117M',
    where: 'Table 3',
    metric: 'acc',
    shots: 'zero',
    k: 0,
    value: 0.4599,
    measured: 0.345,
    difference: 0.345 - 0.4599,
    same: true,
    why: ['one reason', 'another'],
    ...differs,
  };
}

/** A finished run of the given cells; models and tasks are those of the cells. */
export function record(
  results: readonly CellResult[],
  differs: { spec?: Partial<RunRecord['spec']>; warnings?: readonly string[]; git?: string } = {},
): RunRecord {
  return {
    format: 1,
    status: 'complete',
    spec: {
      ...DEFAULT_SPEC,
      evalgpt: '0.1.0',
      models: [...new Set(results.map((r) => r.model))].map((ref) => ({
        ref,
        sha256: 'a'.repeat(64),
        parameters: 124_439_808,
        architecture: 'gpt2',
        config_sha256: 'c0ffee',
        tokenizer_sha256: 'b'.repeat(64),
      })),
      tasks: [...new Set(results.map((r) => r.task))].map((name) => ({
        name,
        version: 1,
        protocol: 'lm-eval',
        dataset: name,
        dataset_sha256: 'c'.repeat(64),
        prompts_sha256: 'd'.repeat(64),
        shot_pool: 'dev',
        pool: { examples: 900, duplicates: 3, ngram: 8, grams: 4000, matched: 50, dirty: 12 },
        draw: 'fixed',
      })),
      shots: [...new Set(results.map((r) => r.shots))],
      limit: 200,
      device: 'cpu',
      ...differs.spec,
    },
    environment: {
      git: differs.git ?? null,
      node: 'v20.19.0',
      ort: '1.30.0',
      platform: 'linux-x64',
      threads: 2,
      backends: [],
      warnings: differs.warnings ?? [],
    },
    results,
    groups: [],
    cost: [],
  };
}
