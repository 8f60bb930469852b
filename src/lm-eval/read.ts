import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { reduceMetric } from '../metrics/reduce.ts';
import type { CellResult, RunRecord, TaskIdentity } from '../record.ts';
import { disk } from '../store/disk.ts';
import { promptsPath, readRecord, samplesPath } from '../store/run-folder.ts';
import type { MetricName } from '../task.ts';
import type { ItemText, Sample, Summary, TaskText } from '../types.ts';
import { isLmEvalOutput, type LmEvalOutput, type LmEvalResults, readLines, readOutput } from './output.ts';
import { metricName, sampleOf } from './sample.ts';

/** A finished run as a run folder, whoever made it. */
export interface ReadableRun {
  /** As the user named it. */
  readonly path: string;
  /** A run folder; of lm-eval's output a temporary one, which is there until `close`. */
  readonly folder: string;
  readonly record: RunRecord;
  close(): Promise<void>;
}

/**
 * Opens a run folder, or the output of lm-eval (results_*.json with samples_*.jsonl beside it) as one.
 * @throws UserError where it is neither
 */
export async function openRun(path: string): Promise<ReadableRun> {
  if (!(await isLmEvalOutput(path)))
    return { path, folder: path, record: await readRecord(path), close: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'evalgpt-lm-eval-'));
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const record = await writeAsRun(await readOutput(path), folder);
    return { path, folder, record, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Writes lm-eval's output as a run folder: results with intervals of our own, samples, and how they read. */
async function writeAsRun(output: LmEvalOutput, folder: string): Promise<RunRecord> {
  const { results } = output;
  const model = modelOf(results);
  const tasks: TaskIdentity[] = [];
  const cells: CellResult[] = [];
  for (const [task, path] of output.samples) {
    const shots = results['n-shot']?.[task] ?? results.configs?.[task]?.num_fewshot ?? 0;
    const read = await readTask(path, shots);
    const prompts = createHash('sha256').update(JSON.stringify(read.samples.map((s) => [s.id, s.prompt])));
    tasks.push({
      name: task,
      version: Number(results.versions?.[task] ?? 0),
      protocol: 'lm-eval',
      dataset: results.configs?.[task]?.dataset_path ?? task,
      dataset_sha256: '',
      prompts_sha256: prompts.digest('hex'),
      shot_pool: 'unknown',
      draw: 'per-example',
    });
    cells.push(cellOf(read, model.ref, task, shots));
    const texts = [read.text, ...read.texts].map((line) => `${JSON.stringify(line)}\n`);
    await disk.replace(join(folder, promptsPath(task)), texts.join(''));
    const lines = read.samples.map((sample) => `${JSON.stringify(sample)}\n`);
    await disk.replace(join(folder, samplesPath({ model: model.ref, task, shots, draw: 0 })), lines.join(''));
  }
  const record = recordOf(results, model, tasks, cells);
  await disk.replace(join(folder, 'run.json'), `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

interface ReadTask {
  readonly samples: readonly Sample[];
  readonly texts: readonly ItemText[];
  readonly text: TaskText;
  /** Names of its metrics, the first is the primary one. */
  readonly metrics: readonly string[];
}

async function readTask(path: string, shots: number): Promise<ReadTask> {
  const samples: Sample[] = [];
  const texts: ItemText[] = [];
  let kind: TaskText['kind'] = 'generate';
  let metrics: string[] = [];
  let filter: string | undefined;
  for await (const line of readLines(path)) {
    // A document stands once a filter: the first filter counts.
    filter ??= line.filter ?? '';
    if ((line.filter ?? '') !== filter) continue;
    const read = sampleOf(line, shots);
    if (samples.length > 0 && (read.kind === 'rolling') !== (kind === 'rolling'))
      throw new UserError(`${path}: expected all items to be whole texts, or none, found both`);
    samples.push(read.sample);
    texts.push(read.text);
    kind = read.kind;
    metrics = (line.metrics ?? []).map(metricName);
  }
  return { samples, texts, text: { kind, separator: '', descriptions: ['', ''] }, metrics };
}

/** Metrics that a cell is ranked by, best first, where lm-eval names several. */
const PRIMARY: readonly string[] = [
  'acc',
  'acc_norm',
  'em',
  'f1',
  'bleu',
  'chrf',
  'ppl_word',
  'ppl_byte',
  'bpb',
];

function cellOf({ samples, metrics }: ReadTask, model: string, task: string, shots: number): CellResult {
  const summaries = samples.map((sample): Summary => ({ ...sample, lowest: 0, highest: 0 }));
  const has = (name: string): boolean =>
    samples.every(
      ({ values = {}, counts = {} }) =>
        // A word's perplexity is made of log-probabilities, which an item without a continuation lacks.
        (name !== 'ppl_word' && (name in values || name in counts)) ||
        (values.logprob !== undefined && /^(ppl|bp)/.test(name)) ||
        (name === 'ppl_word' && 'logprob_gold' in values),
    );
  const known = [...new Set([...metrics, 'logprob_gold'])].filter(has);
  const primary = PRIMARY.find((name) => known.includes(name)) ?? known[0] ?? 'acc';
  const estimates = known.flatMap((name) => {
    const estimate = reduceMetric(name as MetricName, summaries);
    return estimate ? [[name, estimate] as const] : [];
  });
  return {
    ...{ model, task, shots, n: samples.length, unscored: 0, primary, chance: null, centred: null },
    metrics: Object.fromEntries(estimates),
    shots_used: { min: shots, mean: shots, max: shots },
    ...{ tokens_dropped: 0, ties: 0, alarms: [] },
  };
}

function modelOf({ config, model_name }: LmEvalResults): RunRecord['spec']['models'][number] {
  const named = typeof config.model_args === 'object' ? JSON.stringify(config.model_args) : config.model_args;
  return {
    ref: model_name ?? String(named ?? config.model ?? 'unknown'),
    // lm-eval knows a commit at most: it stands for the weights.
    sha256: createHash('sha256')
      .update(JSON.stringify([config.model, named, config.model_sha]))
      .digest('hex'),
    parameters: config.model_num_parameters ?? 0,
    architecture: config.model ?? 'unknown',
    config_sha256: '',
    tokenizer_sha256: '',
  };
}

function recordOf(
  results: LmEvalResults,
  model: RunRecord['spec']['models'][number],
  tasks: readonly TaskIdentity[],
  cells: readonly CellResult[],
): RunRecord {
  const { config } = results;
  return {
    format: 1,
    status: 'complete',
    spec: {
      evalgpt: `lm-eval ${results.lm_eval_version ?? ''}`.trim(),
      models: [model],
      tasks,
      shots: [...new Set(cells.map(({ shots }) => shots))],
      ...{ revision: null, protocol: 'lm-eval', draw: 'per-example', draws: 1, limit: config.limit ?? null },
      ...{ seed: config.fewshot_seed ?? 0, device: 'auto', threads: null, overflow: 'truncate', texts: [] },
      dtype: /16/.test(config.model_dtype ?? '') ? 'fp16' : 'fp32',
      ...{ taskFiles: [], stride: null, overlap: [] },
    },
    environment: {
      ...{ git: results.git_hash ?? null, node: '', platform: '', threads: 0, backends: [] },
      ort: `transformers ${results.transformers_version ?? ''}`.trim(),
      warnings: [
        "lm-eval's samples name neither clusters nor tokens: items count as independent, and four bytes as a token.",
      ],
    },
    results: cells,
    groups: [],
    cost: [],
  };
}
