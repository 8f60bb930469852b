import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { confusionOf } from '../metrics/correlation.ts';
import type { CellResult, RunRecord, TaskIdentity } from '../record.ts';
import { agreement } from '../store/agree.ts';
import { scanLines } from '../store/read-run.ts';
import { SAMPLE } from '../store/record-shape.ts';
import { samplesPath } from '../store/run-folder.ts';
import type { Sample } from '../types.ts';

/** What the gate needs of a run: small enough to be committed, and enough to test every item against another run's. */
export interface StoredRun {
  /** The folder or file that it was read from. */
  readonly path: string;
  /** The run folder with texts and samples; null for a baseline file. */
  readonly folder: string | null;
  /** The model that is compared, one of the spec's. */
  readonly model: string;
  /** As in the run's run.json. */
  readonly spec: RunRecord['spec'];
  /** Of the run's. */
  readonly environment: Pick<RunRecord['environment'], 'git' | 'ort' | 'platform' | 'backends'>;
  readonly cells: readonly StoredCell[];
}

/** A model, a task and a number of shots. */
export interface StoredCell {
  readonly model: string;
  readonly task: TaskIdentity;
  readonly shots: number | 'max';
  /** Over how many draws of shots every value is the mean. */
  readonly draws: number;
  /** Name of the metric that is compared. */
  readonly primary: string;
  /** What a guesser scores on it; null where that has no meaning. */
  readonly chance: number | null;
  /** The primary metric as the run has it; null where nothing was scored. */
  readonly value: number | null;
  /** Of rolling texts: the window and its stride. */
  readonly window: CellResult['window'] | null;
  readonly items: readonly StoredItem[];
}

/** An item as the gate compares it. */
export interface StoredItem {
  readonly id: string;
  /** The item's own id where it has none. */
  readonly cluster: string;
  /** Of the prompt as text, a hash a draw. */
  readonly prompt: string;
  /** Null where it was scored. */
  readonly unscored: string | null;
  /** The primary metric; null where it has none of single items. */
  readonly value: number | null;
  /** Log-probability of the right answer or of the text, in nats, and what it is made of; null where there is none. */
  readonly logprob: number | null;
  /** Tokens that `logprob` is the sum over. */
  readonly units: number;
  /** Of each continuation that was scored: the sum of its log-probabilities. */
  readonly sums: readonly number[];
  /** What the primary metric is made of where it is one of the whole set. */
  readonly counts: readonly number[] | null;
  /** The prediction: a choice's index, the first 200 characters of a text, or whether the span was right. */
  readonly answer: number | string | boolean | null;
}

/** Reads the items of a model's cells in a run folder, one samples file after the other. */
export async function readItems(folder: string, record: RunRecord, model: string): Promise<StoredCell[]> {
  const own = record.results.filter((result) => result.model === model);
  const groups = new Map<string, CellResult[]>();
  for (const result of own) {
    const key = JSON.stringify([result.task, result.shots]);
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const cells: StoredCell[] = [];
  for (const group of groups.values()) cells.push(await readCell(folder, record, group));
  return cells;
}

async function readCell(
  folder: string,
  record: RunRecord,
  group: readonly CellResult[],
): Promise<StoredCell> {
  const draws = group.filter((result) => result.draws === undefined);
  const result = group.find((r) => r.draws !== undefined) ?? (draws[0] as CellResult);
  const task = record.spec.tasks.find(({ name }) => name === result.task);
  if (!task) throw new UserError(`${folder}: run.json has results of "${result.task}", but no such task`);
  const items = new Map<string, StoredItem[]>();
  // A cell whose data could not be had has no samples.
  for (const one of result.n === 0 && result.unscored === 0 ? [] : draws) {
    const { draw = 0 } = one;
    const path = join(folder, samplesPath({ ...result, draw }));
    const agreed = agreement(path, one);
    const found = await scanLines<Sample>(path, SAMPLE, (sample) => {
      agreed.add(sample);
      const known = items.get(sample.id);
      const item = storedItem(sample, result.primary);
      if (known) known.push(item);
      else items.set(sample.id, [item]);
    });
    if (!found) throw new UserError(`${path}: expected the samples of ${result.task}, found no such file`);
    agreed.end();
  }
  return {
    model: result.model,
    task,
    shots: result.shots,
    draws: Math.max(1, draws.length),
    primary: result.primary,
    chance: result.chance,
    value: result.metrics[result.primary]?.value ?? null,
    window: result.window ?? null,
    // The order on the disk is that of finishing.
    items: [...items.values()]
      .map((own) => mean(own, draws.length))
      .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)),
  };
}

/** Metrics of the whole set that are made of counts. */
const COUNTED: readonly string[] = ['bleu', 'bleu_intl', 'chrf'];

function storedItem(sample: Sample, primary: string): StoredItem {
  const { spans = [], values = {}, prediction, gold } = sample;
  const at = typeof gold === 'number' ? gold : 0;
  // Of a text that the model wrote there is no right answer's probability.
  const known = values.logprob ?? values.logprob_gold ?? null;
  const scored = sample.status === 'scored';
  const sumOf = (logprobs: readonly number[]): number => logprobs.reduce((a, b) => a + b, 0);
  return {
    id: sample.id,
    cluster: sample.cluster ?? sample.id,
    prompt: sample.prompt ?? '',
    unscored: scored ? null : (sample.reason ?? 'unknown'),
    value: scored ? (values[primary] ?? null) : null,
    logprob: scored ? known : null,
    units:
      values.logprob === undefined
        ? (values.tokens_gold ?? spans[at]?.logprobs.length ?? 0)
        : (values.tokens ?? 0),
    sums: spans.map(({ logprobs }) => Number(sumOf(logprobs).toPrecision(9))),
    counts: countsOf(sample, primary),
    answer: typeof prediction === 'string' ? prediction.slice(0, 200) : (prediction ?? null),
  };
}

function countsOf({ counts, prediction, gold }: Sample, primary: string): readonly number[] | null {
  if (primary === 'f1_binary')
    return [Number(prediction === 0 && gold === 0), Number(prediction === 0) + Number(gold === 0)];
  if (primary === 'mcc') {
    const { tp, fp, fn, tn } = confusionOf([prediction], [gold], 0);
    return [tp, fp, fn, tn];
  }
  return COUNTED.includes(primary) ? (counts?.[primary] ?? null) : null;
}

/** An item over its draws of shots. One that not every draw has is not comparable. */
function mean(items: readonly StoredItem[], draws: number): StoredItem {
  const [first] = items as [StoredItem];
  if (draws <= 1) return first;
  const values = items.flatMap(({ value }) => value ?? []);
  const logprobs = items.flatMap(({ logprob }) => logprob ?? []);
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  const unscored = items.find((item) => item.unscored !== null)?.unscored ?? null;
  return {
    ...first,
    prompt: items.map(({ prompt }) => prompt).join(' '),
    unscored: items.length < draws ? 'not scored in every draw' : unscored,
    value: values.length === draws ? sum(values) / draws : null,
    logprob: logprobs.length === draws ? sum(logprobs) : null,
    units: sum(items.map(({ units }) => units)),
    sums: items.flatMap(({ sums }) => sums),
    counts: first.counts === null ? null : items.flatMap(({ counts }) => counts ?? []),
  };
}
