import type { Backend } from '../types.ts';
import { entersAt, groupsOf, type Likely, leavesAt } from './groups.ts';

/** A prompt to be continued greedily. */
export interface GenerationRequest {
  /** Tokens of the prompt, at least one, at most the window. */
  readonly prompt: Int32Array;
  readonly maxTokens: number;
  /** Asked after each token with all generated so far: true ends the text, the last token included. */
  readonly stop: (generated: readonly number[]) => boolean;
}

/** A greedy continuation: `stop` by its stop rule, `end` by the end token (not included), `length` by a limit. */
export interface Generated {
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
