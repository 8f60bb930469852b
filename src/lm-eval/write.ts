import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { CellResult, RunRecord } from '../record.ts';
import { disk } from '../store/disk.ts';
import { scanLines } from '../store/read-run.ts';
import { PROMPT_LINE, SAMPLE } from '../store/record-shape.ts';
import { promptsPath, samplesPath } from '../store/run-folder.ts';
import type { ItemText, Sample, TaskText } from '../types.ts';
import { theirName } from './sample.ts';

/**
 * Writes a run as lm-eval does: results_*.json and samples_*.jsonl, a folder a model and number of shots, since a
 * results file of lm-eval has one number of shots a task. Draws of shots are written as the first draw.
 * @returns the results files
 */
export async function writeLmEval(
  folder: string,
  record: RunRecord,
  out: string,
  now: Date = new Date(),
): Promise<string[]> {
  const date = now.toISOString().replace('Z', '000').replaceAll(':', '-');
  const files: string[] = [];
  for (const model of record.spec.models) {
    for (const shots of record.spec.shots) {
      const cells = record.results.filter(
        (r) =>
          r.model === model.ref &&
          r.shots === shots &&
          r.n > 0 &&
          (r.draw ?? 0) === 0 &&
          r.draws === undefined,
      );
      if (cells.length === 0) continue;
      const own =
        record.spec.shots.length > 1
          ? join(out, sanitised(model.ref), `k${shots}`)
          : join(out, sanitised(model.ref));
      for (const cell of cells)
        await disk.replace(join(own, `samples_${cell.task}_${date}.jsonl`), await samplesText(folder, cell));
      const path = join(own, `results_${date}.json`);
      await disk.replace(path, `${JSON.stringify(resultsOf(record, model, cells, now), null, 2)}\n`);
      files.push(path);
    }
  }
  return files;
}

/** As lm-eval names a model's folder. */
function sanitised(ref: string): string {
  return ref.replace(/[":<>|\\/?*[\]]+/g, '__');
}

function resultsOf(
  { spec }: RunRecord,
  model: RunRecord['spec']['models'][number],
  cells: readonly CellResult[],
  now: Date,
): object {
  const byTask = <T>(value: (cell: CellResult) => T): Record<string, T> =>
    Object.fromEntries(cells.map((cell) => [cell.task, value(cell)]));
  return {
    results: byTask((cell) => ({
      alias: cell.task,
      ...Object.fromEntries(
        Object.entries(cell.metrics).flatMap(([name, { value, stderr }]) => [
          [`${theirName(name, cell)},none`, value],
          [`${theirName(name, cell)}_stderr,none`, stderr ?? 'N/A'],
        ]),
      ),
    })),
    group_subtasks: {},
    configs: byTask((cell) => ({
      task: cell.task,
      dataset_path: spec.tasks.find(({ name }) => name === cell.task)?.dataset,
      output_type: cell.window ? 'loglikelihood_rolling' : undefined,
      num_fewshot: cell.shots,
      metadata: { version: spec.tasks.find(({ name }) => name === cell.task)?.version },
    })),
    versions: byTask((cell) => spec.tasks.find(({ name }) => name === cell.task)?.version),
    'n-shot': byTask((cell) => cell.shots),
    higher_is_better: byTask((cell) =>
      Object.fromEntries(
        Object.keys(cell.metrics).map((name) => [theirName(name, cell), !/^(ppl|bp)/.test(name)]),
      ),
    ),
    'n-samples': byTask((cell) => ({ original: cell.n + cell.unscored, effective: cell.n })),
    config: {
      model: 'evalgpt',
      model_args: { pretrained: model.ref, dtype: spec.dtype },
      model_num_parameters: model.parameters,
      model_dtype: spec.dtype === 'fp32' ? 'float32' : spec.dtype,
      model_sha: model.commit ?? model.sha256,
      limit: spec.limit,
      fewshot_seed: spec.seed,
    },
    git_hash: null,
    date: now.getTime() / 1000,
    evalgpt_version: spec.evalgpt,
    model_source: 'evalgpt',
    model_name: model.ref,
    model_name_sanitized: sanitised(model.ref),
  };
}

/** A cell's samples as lm-eval logs them, in the order of ids. */
async function samplesText(folder: string, cell: CellResult): Promise<string> {
  const texts = new Map<string, ItemText>();
  let task: TaskText | undefined;
  await scanLines<ItemText | TaskText>(join(folder, promptsPath(cell.task)), PROMPT_LINE, (line) => {
    if ('id' in line) texts.set(line.id, line);
    else task = line;
  });
  const samples: Sample[] = [];
  await scanLines<Sample>(join(folder, samplesPath({ ...cell, draw: cell.draw ?? 0 })), SAMPLE, (sample) => {
    if (sample.status === 'scored') samples.push(sample);
  });
  // Documents are numbered as the prompts file lists them: in the order of the data.
  const order = new Map([...texts.keys()].map((id, i) => [id, i]));
  samples.sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
  return samples.map((sample, i) => `${JSON.stringify(lineOf(sample, i, texts, task, cell))}\n`).join('');
}

function lineOf(
  sample: Sample,
  number: number,
  texts: ReadonlyMap<string, ItemText>,
  task: TaskText | undefined,
  cell: CellResult,
): object {
  const pairs = pairsOf(sample, texts, task);
  const { spans = [], gold, prediction, values = {} } = sample;
  const written = typeof prediction === 'string';
  const sums = spans.map(({ logprobs, hits }) => [
    String(logprobs.reduce((a, b) => a + b, 0)),
    hits.every((hit) => hit) ? 'True' : 'False',
  ]);
  const rolling = values.logprob !== undefined;
  const responses = written ? [prediction] : rolling ? [String(values.logprob)] : sums;
  const metrics: Record<string, unknown> = {};
  for (const name of Object.keys(cell.metrics)) {
    const theirs = theirName(name, cell);
    if (rolling) metrics[theirs] = [values.logprob, name === 'ppl_word' ? values.words : values.bytes];
    else if (name === 'ppl_word') metrics[theirs] = values.logprob_gold;
    else if (values[name] !== undefined) metrics[theirs] = values[name];
  }
  return {
    doc_id: number,
    doc: { id: sample.id, ...(sample.cluster === undefined ? {} : { cluster: sample.cluster }) },
    target: typeof gold === 'number' ? String(gold) : (gold ?? ''),
    arguments: Object.fromEntries(pairs.map((args, i) => [`gen_args_${i}`, args])),
    resps: responses.map((response) => [response]),
    filtered_resps: responses,
    filter: 'none',
    metrics: Object.keys(metrics),
    doc_hash: sha256(sample.id),
    prompt_hash: sha256(String(pairs[0]?.arg_0 ?? '')),
    target_hash: sha256(String(gold ?? '')),
    ...metrics,
  };
}

interface Arguments {
  readonly arg_0: string;
  readonly arg_1?: string | object;
}

function pairsOf(
  sample: Sample,
  texts: ReadonlyMap<string, ItemText>,
  task: TaskText | undefined,
): Arguments[] {
  const text = texts.get(sample.id);
  if (!text || !task) return [];
  const { separator, descriptions } = task;
  const shots = sample.shots.map((id) => (texts.get(id)?.shot ?? '') + separator);
  const own = shots.length > 0 ? (text.behind ?? text.context) : text.context;
  const context = descriptions[shots.length > 0 ? 1 : 0] + shots.join('') + (own ?? '');
  if (task.kind === 'rolling') return [{ arg_0: '' }];
  if (task.kind === 'generate') return [{ arg_0: context, arg_1: { do_sample: false } }];
  if (task.kind === 'span') return [{ arg_0: context, arg_1: text.continuation ?? '' }];
  const behind = (before: string): Arguments[] =>
    (text.choices ?? []).map((choice) => ({ arg_0: before, arg_1: (text.delimiter ?? '') + choice }));
  return text.unconditional === undefined
    ? behind(context)
    : [...behind(context), ...behind(text.unconditional)];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
