import type { Model } from '../models/open.ts';
import { renderPairs } from '../prompts/render.ts';
import type { LoadedTask } from './load.ts';
import type { Work } from './units.ts';

/** Of English text, roughly. */
const CHARACTERS_PER_TOKEN = 4;
/** Fewer would make free what is not: every request has a place, a score and a line in a file. */
const LEAST_TOKENS = 8;

/** What each item of a run costs on each model, before anything is tokenised: by the length of its texts. */
export function workOf(tasks: readonly LoadedTask[], models: readonly Model[]): Work[] {
  const lengths = tasks.map(itemLengths);
  return models.flatMap(({ identity, contextLength }) =>
    tasks.map(({ task, shotCounts, shots }, i): Work => {
      const { questions, shot } = lengths[i] as TaskLengths;
      const cells = shotCounts.flatMap((k) => (k === 0 ? [0] : shots.map(() => k)));
      const tokensOf = (question: number): number =>
        cells.reduce<number>((sum, k) => {
          const characters = question + (k === 'max' ? Infinity : k * shot);
          const tokens = Math.min(Math.ceil(characters / CHARACTERS_PER_TOKEN), contextLength);
          return sum + Math.max(tokens, LEAST_TOKENS);
        }, 0);
      // A text that is longer than the window is scored window by window.
      const whole = (question: number): number => Math.max(question / CHARACTERS_PER_TOKEN, LEAST_TOKENS);
      const rolling = tasks[i]?.protocol.kind === 'rolling';
      return {
        model: identity.ref,
        task: task.name,
        weight: identity.parameters,
        tokens: questions.map(rolling ? whole : tokensOf),
      };
    }),
  );
}

/** Characters of each item's question with its answers, and of a shot. */
interface TaskLengths {
  readonly questions: readonly number[];
  readonly shot: number;
}

function itemLengths({ protocol, examples }: LoadedTask): TaskLengths {
  if (protocol.kind === 'rolling')
    return { questions: examples.map((example) => protocol.text(example).length), shot: 0 };
  const questions = examples.map((example) => {
    const pairs = renderPairs(protocol, example, []);
    const context = Math.max(0, ...pairs.map((pair) => pair.context.length));
    return context + pairs.reduce((sum, pair) => sum + pair.continuation.length, 0);
  });
  const shots = examples.reduce((sum, example) => sum + protocol.shot(example).length, 0);
  return { questions, shot: examples.length === 0 ? 0 : shots / examples.length };
}
