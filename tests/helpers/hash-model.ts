import { setImmediate } from 'node:timers/promises';
import type { Model } from '../../src/models/open.ts';
import { gpt2Tokenizer } from '../../src/models/tokenizers/gpt2.ts';
import { hashBackend } from './backends.ts';

/** GPT-2's tokenizer over the prefix-hash backend: a whole run without weights, whose every score is known. */
export function hashModel(ref: string, contextLength = 1024): Model & { readonly steps: () => number } {
  const backend = hashBackend();
  const tokenizer = gpt2Tokenizer();
  return {
    identity: {
      ref,
      sha256: 'hash',
      // Of GPT-2's size: the papers' figures stand beside its results.
      parameters: 124_439_808,
      architecture: 'hash',
      config_sha256: 'c0ffee',
      tokenizer_sha256: tokenizer.sha256,
    },
    tokenizer,
    contextLength,
    endTokens: [],
    architecture: {
      name: 'hash',
      contextLength,
      vocabularySize: tokenizer.vocabularySize,
      layers: 1,
      keyValueHeads: 1,
      headSize: 768,
      rotary: null,
      graph: () => ({ model: new Uint8Array(), quantised: { file: '', tensors: [] } }),
    },
    threads: 1,
    runtime: 'none',
    scoreIdentity: ({ device, dtype }) => ['hash', ref, device, dtype],
    open: async () => ({
      ...backend,
      // A real backend answers from another thread: timers run in between.
      forward: async (step) => {
        await setImmediate();
        return backend.forward(step);
      },
    }),
    steps: () => backend.steps.length,
  };
}
