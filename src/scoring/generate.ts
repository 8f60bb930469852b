import pLimit from 'p-limit';
import type { Backend } from '../types.ts';
import { entersAt, groupsOf, type Likely, leavesAt } from './groups.ts';

/** A prompt to be continued greedily. */
export interface GenerationRequest {
  /** Tokens of the prompt, at least one, at most the window. */
  readonly prompt: Int32Array;
  readonly maxTokens: number;
  /** Asked after each token with all generated so far: true ends the text, the last token included. */
  readonly stop: (generated: readonly number[]) => boolean;
  /** The same rule for an engine that writes by itself: the text ends before the first of these. */
  readonly stopStrings?: readonly string[];
}

/** A greedy continuation: `stop` by its stop rule, `end` by the end token (not included), `length` by a limit. */
export interface Generated {
  /** The text before a stop string, where the engine tells it: its tokens may then be unknown and left out. */
  readonly text?: string;
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  readonly reason: 'stop' | 'end' | 'length';
}

export interface GenerateOptions {
  readonly contextLength: number;
  readonly endTokens: readonly number[];
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((tokens: number) => void) | undefined;
  /** Sequences continued together. */
  readonly batch?: number;
}

/** Sequences continued together unless told. */
export const BATCH = 16;

/** A sequence under way: its place in the group, what it has, and where the token stands that the model is fed next. */
interface Sequence {
  readonly request: number;
  readonly place: number;
  position: number;
  readonly tokens: number[];
  readonly logprobs: number[];
}

/** Continues prompts greedily, several at a time, with keys and values kept: see groups.ts. */
export async function* generate(
  requests: readonly GenerationRequest[],
  backend: Backend,
  options: GenerateOptions,
): AsyncGenerator<[request: number, generated: Generated], void, undefined> {
  const { batch = BATCH, signal, onStep, contextLength, endTokens } = options;
  if (backend.complete) {
    yield* completions(requests, backend, options);
    return;
  }
  const prompts = requests.map(({ prompt }) => prompt);
  for await (const group of groupsOf(prompts, backend, { prompts: batch, branches: 1, signal, onStep })) {
    const open: Sequence[] = [];
    const finished: [number, Generated][] = [];
    /** Why a sequence ends with the token just taken, or undefined where it goes on. */
    const ending = ({ request, tokens: own, position }: Sequence): Generated['reason'] | undefined => {
      if (requests[request]!.stop(own)) return 'stop';
      if (own.length >= requests[request]!.maxTokens || position >= contextLength) return 'length';
      return undefined;
    };
    /** Takes the model's token for a sequence; a sequence that goes on stays open. */
    const take = (sequence: Sequence, { ids, logprobs }: Likely): void => {
      const id = ids[0]!;
      let reason: Generated['reason'] | undefined;
      if (requests[sequence.request]!.maxTokens < 1) reason = 'length';
      else if (endTokens.includes(id)) reason = 'end';
      else {
        sequence.tokens.push(id);
        sequence.logprobs.push(logprobs[0]!);
        reason = ending(sequence);
      }
      if (reason === undefined) open.push(sequence);
      else
        finished.push([sequence.request, { tokens: sequence.tokens, logprobs: sequence.logprobs, reason }]);
    };

    for (const [place, likely] of (await group.read(1)).entries()) {
      const request = group.members[place]!;
      take({ request, place, position: prompts[request]!.length, tokens: [], logprobs: [] }, likely);
    }
    yield* finished.splice(0);
    while (open.length > 0) {
      const sequences = open.splice(0);
      const likely = await group.feed({
        ids: sequences.map((s) => s.tokens.at(-1)!),
        positions: sequences.map((s) => s.position),
        enter: sequences.map((s) => entersAt(s.place, s.position)),
        exit: sequences.map((s) => leavesAt(s.place)),
        rows: sequences.map((_, i) => i),
        topK: 1,
      });
      for (const [i, sequence] of sequences.entries()) {
        sequence.position++;
        take(sequence, likely[i]!);
      }
      yield* finished.splice(0);
    }
  }
}

/** Has an engine that writes by itself continue the prompts, many at once; they come in their order. */
async function* completions(
  requests: readonly GenerationRequest[],
  backend: Backend,
  { signal, onStep }: GenerateOptions,
): AsyncGenerator<[request: number, generated: Generated], void, undefined> {
  const limit = pLimit(backend.inFlight ?? 2);
  const texts = requests.map(({ prompt, maxTokens, stopStrings = [] }) =>
    limit(async () => {
      signal?.throwIfAborted();
      return backend.complete!({ prompt, maxTokens, stop: stopStrings });
    }),
  );
  // One that fails while an earlier one is awaited must not count as an unhandled rejection.
  for (const text of texts) text.catch(() => {});
  try {
    for (const [i, text] of texts.entries()) {
      const generated = await text;
      onStep?.(requests[i]!.prompt.length + generated.tokens.length);
      yield [i, generated];
    }
  } finally {
    limit.clearQueue();
  }
}

/** The text before the first stop string in it; undefined where there is none. */
export function cutAt(text: string, stop: readonly string[]): string | undefined {
  const places = stop.map((s) => text.indexOf(s)).filter((at) => at >= 0);
  return places.length === 0 ? undefined : text.slice(0, Math.min(...places));
}
