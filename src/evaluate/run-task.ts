import { alarmsOf } from '../metrics/alarms.ts';
import { reduceMetric } from '../metrics/reduce.ts';
import { judge } from '../metrics/sample.ts';
import type { Model } from '../models/open.ts';
import { type Prompt, promptBuilder, promptHash } from '../prompts/fit.ts';
import { planScoring } from '../scoring/plan.ts';
import { score } from '../scoring/score.ts';
import { appendSamples, samplesPath } from '../store.ts';
import type { Protocol } from '../task.ts';
import type { CellCost, CellResult, Example, Flag, RunSpec, Sample, Scored } from '../types.ts';
import type { EvaluateOptions } from './events.ts';
import type { LoadedTask } from './load.ts';

interface Cell {
  readonly shots: number | 'max';
  readonly draw: number;
  readonly path: string;
  readonly samples: Sample[];
}

/** Scores a task at every k and draw in one plan, so that what they share is computed once. */
export async function runTask(
  loaded: LoadedTask,
  model: Model,
  spec: RunSpec,
  options: EvaluateOptions,
): Promise<{ results: CellResult[]; cost?: CellCost }> {
  const began = performance.now();
  const { task, protocol, examples } = loaded;
  const build = promptBuilder(protocol, model.tokenizer, {
    contextLength: model.contextLength,
    overflow: spec.overflow,
  });
  const cells = cellsOf(loaded, model, spec);
  const items = cells.flatMap((cell) =>
    examples.map((example) => {
      const k = cell.shots === 'max' ? model.contextLength : cell.shots;
      const shots = loaded.shots[cell.draw]?.(example, k) ?? [];
      return { cell, prompt: build(example, shots) };
    }),
  );
  const owners = items.flatMap((item, i) => item.prompt.requests.map((_, pair) => ({ item: i, pair })));
  const requests = items.flatMap((item) => item.prompt.requests);
  const plan = planScoring(requests);
  const reused = plan.tokensRequested === 0 ? 0 : 1 - plan.tokensComputed / plan.tokensRequested;

  const finished = new Map<number, Scored[]>();
  const samples: (Sample | undefined)[] = items.map(({ cell, prompt }) =>
    prompt.unscored === undefined ? undefined : sampleOf(cell, prompt, prompt.unscored),
  );
  let done = 0;
  const scoring = score(requests, plan, model.backend, {
    signal: options.signal,
    onStep(tokens) {
      done += tokens;
      const progress = {
        model: model.identity.ref,
        task: task.name,
        done,
        total: plan.tokensComputed,
        reused,
      };
      options.onEvent?.({ kind: 'progress', ...progress });
    },
    describe: (request) => `${task.name}, item ${items[owners[request]?.item ?? -1]?.prompt.example.id}`,
  });
  for await (const [request, scored] of scoring) {
    const { item, pair } = owners[request] as { item: number; pair: number };
    const { cell, prompt } = items[item] as (typeof items)[number];
    const parts = finished.get(item) ?? [];
    parts[pair] = scored;
    finished.set(item, parts);
    if (Object.keys(parts).length === prompt.requests.length) {
      samples[item] = sampleOf(cell, prompt, { protocol, parts });
      finished.delete(item);
    }
  }
  for (const [i, { cell }] of items.entries()) cell.samples.push(samples[i] as Sample);
  if (options.out !== undefined) {
    for (const cell of cells) await appendSamples(options.out, cell.path, cell.samples);
  }
  return {
    results: cells.map((cell) => cellResult(loaded, model, spec, cell)),
    cost: {
      model: model.identity.ref,
      task: task.name,
      shots: spec.shots,
      seconds: Number(((performance.now() - began) / 1000).toFixed(3)),
      tokens_scored: plan.tokensScored,
      tokens_computed: plan.tokensComputed,
      reused: Number(reused.toFixed(4)),
    },
  };
}

function cellsOf(loaded: LoadedTask, model: Model, spec: RunSpec): Cell[] {
  // Without shots every draw is the same.
  return spec.shots.flatMap((shots) =>
    loaded.shots.slice(0, shots === 0 ? 1 : undefined).map((_, draw) => ({
      shots,
      draw,
      path: samplesPath({ model: model.identity.ref, task: loaded.task.name, shots, draw }),
      samples: [],
    })),
  );
}

/** A task whose data could not be had: its cells say why. */
export function absentCells(
  loaded: LoadedTask,
  model: Model,
  spec: RunSpec,
): { results: CellResult[]; cost?: CellCost } {
  const results = spec.shots.map(
    (shots): CellResult => ({
      model: model.identity.ref,
      task: loaded.task.name,
      shots,
      n: 0,
      unscored: 0,
      reasons: { [loaded.missing ?? 'no data']: 1 },
      primary: loaded.protocol.metrics[0] ?? 'acc',
      chance: loaded.task.chance,
      metrics: {},
      shots_used: { min: 0, mean: 0, max: 0 },
      tokens_dropped: 0,
      ties: 0,
      alarms: [],
    }),
  );
  return { results };
}

function sampleOf(
  cell: Cell,
  prompt: Prompt,
  outcome: string | { readonly protocol: Protocol<Example>; readonly parts: readonly Scored[] },
): Sample {
  const { example, requests } = prompt;
  const flags: Flag[] = [];
  if (prompt.truncated > 0) flags.push('truncated');
  if (requests.some((r) => r.merged)) flags.push('boundary');
  const shared = {
    id: example.id,
    ...(example.cluster === undefined ? {} : { cluster: example.cluster }),
    prompt: promptHash(prompt.pairs),
    shots: prompt.shotIds,
    shots_requested: cell.shots,
    shots_used: prompt.shotIds.length,
    tokens_dropped: prompt.truncated,
  };
  if (typeof outcome === 'string') return { ...shared, status: 'unscored', reason: outcome, flags };
  const { tie, ...judged } = judge(outcome.protocol, example, prompt.pairs, outcome.parts);
  if (tie) flags.push('tie');
  return {
    ...shared,
    status: 'scored',
    spans: outcome.parts.map((scored, i) => ({
      tokens: Array.from(requests[i]?.tokens.subarray(requests[i]?.start) ?? []),
      // Nine digits give every float32 back.
      logprobs: Array.from(scored.logprobs, (l) => Number(l.toPrecision(9))),
      hits: scored.hits,
    })),
    ...judged,
    flags,
  };
}

function cellResult(loaded: LoadedTask, model: Model, spec: RunSpec, cell: Cell): CellResult {
  const { samples } = cell;
  const { protocol, task } = loaded;
  const used = samples.map((s) => s.shots_used);
  const metrics = protocol.metrics.flatMap((metric) => {
    const estimate = reduceMetric(metric, samples);
    return estimate === undefined ? [] : [[metric, estimate] as const];
  });
  const reasons: Record<string, number> = {};
  for (const s of samples) if (s.reason !== undefined) reasons[s.reason] = (reasons[s.reason] ?? 0) + 1;
  const unscored = samples.filter((s) => s.status === 'unscored').length;
  return {
    model: model.identity.ref,
    task: task.name,
    shots: cell.shots,
    ...(spec.draws > 1 && cell.shots !== 0 ? { draw: cell.draw } : {}),
    n: samples.length - unscored,
    unscored,
    ...(unscored > 0 ? { reasons } : {}),
    primary: protocol.metrics[0] ?? 'acc',
    chance: task.chance,
    metrics: Object.fromEntries(metrics),
    shots_used: {
      min: Math.min(...used),
      mean: used.reduce((sum, k) => sum + k, 0) / Math.max(1, used.length),
      max: Math.max(...used),
    },
    tokens_dropped: samples.reduce((sum, s) => sum + s.tokens_dropped, 0),
    ties: samples.filter((s) => s.flags.includes('tie')).length,
    alarms: alarmsOf(samples),
  };
}
