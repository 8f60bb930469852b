import type { Model } from '../models/open.ts';
import type { CellCost, RunSpec } from '../record.ts';
import type { RunFolder } from '../store/run-folder.ts';
import type { ScoreCache } from '../store/score-cache.ts';
import type { Backend, Example, Sample } from '../types.ts';
import { ahead, type BlockContext, blocksOf, builderFor, type Counts, type Part } from './blocks.ts';
import { type Cell, cellsOf, factsOf, summarise } from './cells.ts';
import type { EvaluateOptions } from './events.ts';
import { generateBlock } from './generate-block.ts';
import type { LoadedTask } from './load.ts';
import { unscoredSample } from './sample-of.ts';
import { scoreBlock } from './score-block.ts';

interface TaskOptions extends EvaluateOptions {
  /** Where finished samples go and come from. */
  readonly folder?: Pick<RunFolder, 'finished' | 'append' | 'flush'> | undefined;
  /** Only these examples; all unless told. */
  readonly part?: Part | undefined;
  /** Loads the model when there is something to compute. */
  readonly backend: () => Promise<Backend>;
  /** Scores of former runs. */
  readonly cache?: ScoreCache | undefined;
  /** Gathers the examples that stood as shots before some item. */
  readonly shown?: Set<Example> | undefined;
}

/**
 * Runs a task at every k and draw, block by block, so that what they share is computed once. Samples that a former
 * run finished are taken over; the steps that the others need are the same as they were then.
 * @returns the cells with what is finished of them
 */
export async function runTask(
  loaded: LoadedTask,
  model: Model,
  spec: RunSpec,
  options: TaskOptions,
): Promise<{ cells: readonly Cell[]; cost: CellCost }> {
  const began = performance.now();
  const { task, protocol, examples } = loaded;
  const { cache, folder, signal, onEvent, backend } = options;
  const { contextLength } = model;
  const ref = model.identity.ref;
  const cells = cellsOf(factsOf(loaded), ref);
  const part = options.part ?? { from: 0, to: examples.length };
  for (const cell of cells) {
    for (const sample of (await folder?.finished(cell.path)) ?? [])
      cell.finished.set(sample.id, summarise(sample));
  }
  const counts: Counts = { requested: 0, planned: 0, computed: 0, scored: 0, items: 0 };
  const context: BlockContext = {
    ...{ task: loaded, model, backend, cache, signal, counts },
    finish({ cell }, scored) {
      const found = loaded.overlap?.items.get(scored.id);
      const sample: Sample = found
        ? { ...scored, flags: [...scored.flags, 'overlap'], overlap: found }
        : scored;
      cell.finished.set(sample.id, summarise(sample));
      folder?.append(cell.path, sample);
    },
    onStep(tokens) {
      counts.computed += tokens;
      const total = Math.round((counts.planned * (part.to - part.from) * cells.length) / counts.items);
      const reused = 1 - counts.planned / counts.requested;
      onEvent?.({ kind: 'progress', model: ref, task: task.name, done: counts.computed, total, reused });
    },
  };

  const builder = builderFor(loaded, model, spec);
  const build: typeof builder = (example, shots) => {
    const prompt = builder(example, shots);
    for (const shot of shots.slice(0, prompt.shotIds.length)) options.shown?.add(shot);
    return prompt;
  };
  for await (const block of ahead(blocksOf(loaded, cells, build, contextLength, part))) {
    signal?.throwIfAborted();
    const open = block.map(({ cell, prompt }) => !cell.finished.has(prompt.example.id));
    for (const [i, item] of block.entries()) {
      if (open[i] && item.prompt.unscored !== undefined)
        context.finish(item, unscoredSample(item, item.prompt.unscored));
    }
    counts.items += block.length;
    if (protocol.kind === 'generate') await generateBlock(block, open, protocol, context);
    else await scoreBlock(block, open, protocol, context);
  }
  await folder?.flush();
  return {
    cells,
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
