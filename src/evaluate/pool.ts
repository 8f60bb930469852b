import { poolOverlap } from '../overlap/pool.ts';
import { type TestTask, testTask } from '../overlap/test-set.ts';
import { questionKey } from '../prompts/render.ts';
import type { TaskIdentity } from '../record.ts';
import type { PromptProtocol, Task } from '../task.ts';
import type { Example } from '../types.ts';

/**
 * What of a task's scored examples the pool of its shots has: questions word for word and, where the pool is a split
 * of its own, 8-grams, as table 6 of the GPT-2 paper counts them.
 */
export function poolFacts(
  task: Task,
  protocol: PromptProtocol<Example>,
  scored: readonly Example[],
  pool: { readonly examples: readonly Example[]; readonly apart: boolean },
): NonNullable<TaskIdentity['pool']> {
  const inPool = new Set(pool.examples);
  const times = new Map<string, number>();
  for (const example of pool.examples) {
    const key = questionKey(protocol, example);
    times.set(key, (times.get(key) ?? 0) + 1);
  }
  const others = (example: Example): number =>
    (times.get(questionKey(protocol, example)) ?? 0) - (inPool.has(example) ? 1 : 0);
  const duplicates = scored.filter((example) => others(example) > 0).length;
  const facts = { examples: pool.examples.length, duplicates };
  if (!pool.apart) return facts;
  const asTexts = (examples: readonly Example[]): TestTask =>
    testTask(task, { examples, sha256: '' }, { method: 'gpt2' });
  const texts = asTexts(pool.examples).items.map(({ fields }) => Object.values(fields).join(' '));
  return { ...facts, ...poolOverlap(asTexts(scored), texts) };
}
