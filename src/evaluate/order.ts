import { UserError } from '../errors.ts';
import { type OrderEvidence, orderEvidence, orderRuns, ordersOf } from '../overlap/order.ts';
import type { RunSpec } from '../record.ts';
import type { PromptProtocol, Task } from '../task.ts';
import type { Example } from '../types.ts';
import { DEFAULT_SPEC } from './evaluate.ts';
import { type LoadedTask, loadTask } from './load.ts';
import type { Scorer } from './scorer.ts';

/** How a task's own order fares against random ones. */
export interface OrderResult extends OrderEvidence {
  readonly task: string;
  /** Items that were compared, in `runs` runs of neighbours; `left_out` are too long to have one in the window. */
  readonly items: number;
  readonly left_out: number;
  readonly runs: number;
  readonly permutations: number;
}

export interface OrderOptions {
  readonly permutations: number;
  /** The first items of the file that are compared; null for all. */
  readonly limit: number | null;
  /** Items of a run at most. */
  readonly run: number;
  readonly seed: number;
  readonly protocol: RunSpec['protocol'];
  readonly signal?: AbortSignal;
  /** Log-likelihoods that a former test of the same run found, and where new ones go. */
  readonly known?: (task: string, run: number) => readonly number[] | undefined;
  readonly onRun?: (task: string, run: number, totals: readonly number[], of: number) => Promise<void>;
}

/** Loads a task for the test. @throws UserError for one that has no examples to put in order */
export async function loadForOrder(
  task: Task,
  protocol: RunSpec['protocol'],
  warn: (message: string) => void,
  absent?: ReadonlyMap<string, UserError>,
): Promise<LoadedTask | { readonly missing: string }> {
  const spec: RunSpec = {
    ...DEFAULT_SPEC,
    models: [],
    tasks: [task.name],
    shots: [0],
    protocol,
    limit: null,
  };
  const loaded = await loadTask(task, spec, warn, absent);
  if (loaded.protocol.kind === 'rolling')
    return { missing: `${task.name}: texts without shots have no order` };
  return loaded.missing === undefined ? loaded : { missing: loaded.missing };
}

/**
 * Is the order in which a data set was published more probable to a model than others? Solved examples stand one
 * behind the other as shots do. Needs the model only; it finds a file that was trained on as it lies, not single items.
 * @throws UserError where the window holds no two of the examples
 */
export async function testOrder(
  { task, protocol, examples }: LoadedTask,
  scorer: Scorer,
  options: OrderOptions,
): Promise<OrderResult> {
  const { permutations, limit, seed } = options;
  const wording = protocol as PromptProtocol<Example>;
  const texts = examples.slice(0, limit ?? examples.length).map(wording.shot);
  const joined = (order: readonly number[]): string =>
    order.map((item) => texts[item] as string).join(wording.separator);
  // One more each, for a token that two texts side by side may need besides their own.
  const lengths = texts.map((text) => scorer.count(text + wording.separator) + 1);
  const runs = orderRuns(lengths, scorer.contextLength, options.run);
  if (runs.length === 0)
    throw new UserError(
      `${task.name}: the model's window of ${scorer.contextLength} tokens holds no two of its examples`,
    );
  const totals: (readonly number[])[] = [];
  for (const [at, run] of runs.entries()) {
    const found = options.known?.(task.name, at) ?? (await score(run));
    totals.push(found);
    await options.onRun?.(task.name, at, found, runs.length);
  }
  const items = runs.reduce((sum, run) => sum + run.length, 0);
  return {
    task: task.name,
    items,
    left_out: texts.length - items,
    runs: runs.length,
    permutations,
    ...orderEvidence(totals, items),
  };

  async function score(run: readonly number[]): Promise<number[]> {
    const pairs = ordersOf(run, permutations, seed, task.name).map((order) => ({
      context: '',
      continuation: joined(order),
    }));
    const scores = await scorer.score(pairs, options.signal ? { signal: options.signal } : {});
    return scores.map((result) => {
      if ('error' in result) throw new UserError(`${task.name}: ${result.error}`);
      return result.logprob;
    });
  }
}
