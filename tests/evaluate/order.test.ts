import { describe, expect, test } from 'vitest';
import type { LoadedTask } from '../../src/evaluate/load.ts';
import { selectTasks } from '../../src/evaluate/load.ts';
import { loadForOrder, type OrderOptions, testOrder } from '../../src/evaluate/order.ts';
import type { Scorer } from '../../src/evaluate/scorer.ts';
import type { Task } from '../../src/task.ts';

const OPTIONS: OrderOptions = { permutations: 49, limit: null, run: 4, seed: 1, protocol: null };

/** A scorer whose token is a word, and which likes a text the more, the more of `memory` stands in it as it is there. */
function scorer(memory: readonly string[], asked: string[] = []): Scorer {
  return {
    contextLength: 5000,
    count: (text: string) => text.split(/\s+/).length,
    score: async (pairs: readonly { context: string; continuation: string }[]) =>
      pairs.map(({ context, continuation }) => {
        if (context !== '') throw new Error('the text stands alone');
        asked.push(continuation);
        const known = memory.filter((text) => continuation.includes(text)).length;
        return { logprob: known - 10, greedy: false, tokens: [], logprobs: [], hits: [] };
      }),
  } as unknown as Scorer;
}

async function load(): Promise<LoadedTask> {
  const loaded = await loadForOrder(selectTasks(['demo-lambada'])[0] as Task, null, () => {});
  if (!('task' in loaded)) throw new Error(loaded.missing);
  return loaded;
}

const shots = ({ protocol, examples }: LoadedTask): string[] => {
  if (protocol.kind === 'rolling') throw new Error('no shots');
  return examples.map((e) => protocol.shot(e));
};

describe('the test of the order', () => {
  test('finds neighbours that were seen side by side', async () => {
    const loaded = await load();
    const texts = shots(loaded);
    const separator = loaded.protocol.kind === 'rolling' ? '' : loaded.protocol.separator;
    const neighbours = texts.slice(1).map((text, i) => texts[i] + separator + text);
    const result = await testOrder(loaded, scorer(neighbours), OPTIONS);
    expect(result).toMatchObject({ task: 'demo-lambada', left_out: 0, permutations: 49, p: 1 / 50 });
    expect(result.items).toBe(texts.length);
    expect(result.runs).toBe(Math.ceil(texts.length / 4));
    // Of three pairs of neighbours in a run of four a random order keeps 3 * 3! / 4! on average.
    expect(result.advantage).toBeCloseTo((3 - 0.75) / 4, 1);
  });

  test('finds nothing where only the items were seen, or nothing', async () => {
    const loaded = await load();
    for (const memory of [shots(loaded), []]) {
      const result = await testOrder(loaded, scorer(memory), OPTIONS);
      expect(result).toMatchObject({ advantage: 0, p: 1 });
    }
  });

  test('takes up what a former test has found, and limits the items', async () => {
    const loaded = await load();
    const asked: string[] = [];
    const runs: number[] = [];
    const result = await testOrder(loaded, scorer([], asked), {
      ...OPTIONS,
      limit: 8,
      known: (_, run) => (run === 0 ? [0, ...Array<number>(49).fill(-1)] : undefined),
      onRun: async (_, run) => void runs.push(run),
    });
    expect(asked).toHaveLength(50);
    expect(runs).toEqual([0, 1]);
    expect(result).toMatchObject({ items: 8, runs: 2, p: 1 / 50 });
  });

  test('says where the window is too small', async () => {
    const loaded = await load();
    const small = { ...scorer([]), contextLength: 5 };
    await expect(testOrder(loaded, small, OPTIONS)).rejects.toThrow(
      "demo-lambada: the model's window of 5 tokens holds no two of its examples",
    );
  });
});
