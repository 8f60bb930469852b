import { judge } from '../metrics/sample.ts';
import type { Model } from '../models/open.ts';
import { planLimits, planScoring } from '../scoring/plan.ts';
import { score } from '../scoring/score.ts';
import type { RunFolder } from '../store/run-folder.ts';
import type { ScoreCache } from '../store/score-cache.ts';
import type { Protocol } from '../task.ts';
import type {
  Backend,
  CellCost,
  CellResult,
  Example,
  Flag,
  Request,
  RunSpec,
  Sample,
  Scored,
} from '../types.ts';
import { ahead, blocksOf, builderFor, type Item } from './blocks.ts';
import { cellResult, cellsOf, summarise } from './cells.ts';
import type { EvaluateOptions } from './events.ts';
import type { LoadedTask } from './load.ts';

interface TaskOptions extends EvaluateOptions {
  /** Where finished samples go and come from. */
  readonly folder?: RunFolder | undefined;
  /** Loads the model when there is something to compute. */
  readonly backend: () => Promise<Backend>;
  /** Scores of former runs. */
  readonly cache?: ScoreCache | undefined;
}

/**
 * Scores a task at every k and draw, block by block, so that what they share is computed once. Samples that a
 * former run finished are taken over; the steps that the others need are the same as they were then.
 */
export async function runTask(
  loaded: LoadedTask,
  model: Model,
  spec: RunSpec,
  options: TaskOptions,
): Promise<{ results: CellResult[]; cost: CellCost }> {
  const began = performance.now();
  const { task, protocol, examples } = loaded;
  const { cache, folder, signal, onEvent } = options;
  const { contextLength } = model;
  const ref = model.identity.ref;
  const cells = cellsOf(loaded, ref);
  for (const cell of cells) {
    for (const sample of (await folder?.finished(cell.path)) ?? [])
      cell.finished.set(sample.id, summarise(sample));
  }
  const finish = (cell: Item['cell'], sample: Sample): void => {
    cell.finished.set(sample.id, summarise(sample));
    folder?.append(cell.path, sample);
  };
  const counts = { requested: 0, planned: 0, computed: 0, scored: 0, items: 0 };
  const build = builderFor(loaded, model, spec);

  for await (const block of ahead(blocksOf(loaded, cells, build, contextLength))) {
    signal?.throwIfAborted();
    const open = block.map(({ cell, prompt }) => !cell.finished.has(prompt.example.id));
    for (const [i, { cell, prompt }] of block.entries()) {
      if (open[i] && prompt.unscored !== undefined) finish(cell, sampleOf(block[i] as Item, prompt.unscored));
    }
    const owners = block.flatMap((item, i) => item.prompt.requests.map((_, pair) => ({ item: i, pair })));
    const requests = block.flatMap((item) => item.prompt.requests);
    const plan = planScoring(requests, planLimits(model.architecture));
    const itemOf = (request: number): number => owners[request]?.item ?? -1;
    counts.requested += plan.tokensRequested;
    counts.planned += plan.tokensComputed;
    counts.items += block.length;

    const partly = new Map<number, Scored[]>();
    const take = (request: number, scored: Scored): void => {
      const { item: index, pair } = owners[request] as { item: number; pair: number };
      const item = block[index] as Item;
      const parts = partly.get(index) ?? [];
      parts[pair] = scored;
      partly.set(index, parts);
      if (Object.keys(parts).length < item.prompt.requests.length) return;
      partly.delete(index);
      counts.scored += parts.reduce((sum, s) => sum + s.logprobs.length, 0);
      finish(item.cell, sampleOf(item, { protocol, parts }));
    };
    const missing = new Set<number>();
    for (const [i, request] of requests.entries()) {
      if (!open[itemOf(i)]) continue;
      const known = cache?.get(request);
      if (known) take(i, known);
      else missing.add(i);
    }
    if (missing.size === 0) continue;

    const total = Math.round((counts.planned * examples.length * cells.length) / counts.items);
    const reused = 1 - counts.planned / counts.requested;
    const scoring = score(requests, plan, await options.backend(), {
      signal,
      wanted: (request) => missing.has(request),
      onStep(tokens) {
        counts.computed += tokens;
        onEvent?.({ kind: 'progress', model: ref, task: task.name, done: counts.computed, total, reused });
      },
      describe: (request) => `${task.name}, item ${block[itemOf(request)]?.prompt.example.id}`,
    });
    for await (const [request, scored] of scoring) {
      cache?.put(requests[request] as Request, scored);
      take(request, scored);
    }
  }
  await folder?.flush();
  return {
    results: cells.map((cell) => ({
      ...cellResult(loaded, ref, spec, cell),
      ...(protocol.kind === 'rolling'
        ? { window: { context: contextLength, stride: spec.stride ?? contextLength } }
        : {}),
    })),
    cost: {
      model: ref,
      task: task.name,
      shots: loaded.shotCounts,
      seconds: Number(((performance.now() - began) / 1000).toFixed(3)),
      tokens_scored: counts.scored,
      tokens_computed: counts.computed,
      reused: counts.requested === 0 ? 0 : Number((1 - counts.planned / counts.requested).toFixed(4)),
    },
  };
}

/** An item's sample: its reason where it can't be scored, else its scores and what they come to. */
function sampleOf(
  { cell, prompt }: Item,
  outcome: string | { readonly protocol: Protocol<Example>; readonly parts: readonly Scored[] },
): Sample {
  const { example, requests } = prompt;
  const flags: Flag[] = [];
  if (prompt.truncated > 0) flags.push('truncated');
  if (requests.some((r) => r.merged)) flags.push('boundary');
  const shared = {
    id: example.id,
    ...(example.cluster === undefined ? {} : { cluster: example.cluster }),
    prompt: prompt.hash,
    shots: prompt.shotIds,
    shots_requested: cell.shots,
    shots_used: prompt.shotIds.length,
    tokens_dropped: prompt.truncated,
  };
  if (typeof outcome === 'string') return { ...shared, status: 'unscored', reason: outcome, flags };
  const { tie, ...judged } = judge(outcome.protocol, example, outcome.parts);
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
