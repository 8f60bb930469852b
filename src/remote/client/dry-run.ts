import type { Model } from '../../models/open.ts';
import { servedBackend } from './backend.ts';
import type { Engine } from './engine.ts';

/** What a run would ask of a server. */
export interface RequestCount {
  requests: number;
  /** Tokens of all prompts. */
  promptTokens: number;
  /** Tokens that may be written. */
  generatedTokens: number;
}

/** A served model that counts what it is asked in place of asking its server; its answers mean nothing. */
export function countingModel(model: Model, count: RequestCount): Model {
  const add = (prompt: number, written: number): void => {
    count.requests++;
    count.promptTokens += prompt;
    count.generatedTokens += written;
  };
  const engine: Pick<Engine, 'score' | 'complete'> = {
    async score({ length }) {
      add(length, 0);
      const none = new Array<boolean>(length).fill(false);
      return { logprobs: new Float32Array(length), greedy: none, allowed: none };
    },
    async complete({ prompt, maxTokens }) {
      add(prompt.length, maxTokens);
      return { text: '', tokens: [], logprobs: [], reason: 'length' };
    },
  };
  return {
    ...model,
    async open(options) {
      const real = await model.open(options);
      return servedBackend(engine, real.inFlight ?? 1, () => void real.close());
    },
  };
}
