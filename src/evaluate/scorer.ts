import { UserError } from '../errors.ts';
import { isGreedy } from '../metrics/sample.ts';
import type { ModelOptions } from '../models/open.ts';
import { type JoinOptions, pairEncoder } from '../prompts/join.ts';
import type { BackendRecord, ModelIdentity } from '../record.ts';
import type { ServedOptions } from '../remote/client/open.ts';
import { cutAt, type Generated, type GenerationRequest, generate } from '../scoring/generate.ts';
import { planLimits, planScoring } from '../scoring/plan.ts';
import { score } from '../scoring/score.ts';
import type { Backend, Device, Dtype, Pair, Request, Scored, Tokenizer } from '../types.ts';
import { openAnyModel } from './open-model.ts';
import { type CheckSample, checkTokens, chooseDevices, readyBackend } from './ready.ts';

/** The scores of one pair, as `evalgpt score` prints them. Log-probabilities in nats. */
export interface PairScore {
  /** Sum over the continuation's tokens. */
  readonly logprob: number;
  /** True where every token is the most probable one. */
  readonly greedy: boolean;
  /** Ids of the continuation's tokens. */
  readonly tokens: readonly number[];
  /** One a token. */
  readonly logprobs: readonly number[];
  /** Whether each token is the most probable one. */
  readonly hits: readonly boolean[];
  /** Set where a token spans context and continuation, and the continuation was encoded by itself. */
  readonly boundary?: 'merged';
  /** Tokens cut from the left to fit the window; left out where none. */
  readonly truncated?: number;
}

/** A pair that could not be scored, and why. */
export interface PairError {
  /** One sentence. */
  readonly error: string;
}

/** How a model is opened for `openScorer`: as by the options of `evalgpt score`, which have the same names. */
export interface ScorerOptions extends ModelOptions, ServedOptions {
  /** How tokens that span context and continuation are cut: `exact` unless told; see `--join`. */
  readonly join?: JoinOptions['join'];
  /** Read text that spells a special token as that token. */
  readonly specialTokens?: boolean;
  /** Where to compute, the CPU unless told; `auto` for the best device that gives the CPU's numbers. */
  readonly device?: Device | 'auto';
  readonly dtype?: Dtype;
  /** What was computed on, and how far its numbers are from the CPU's in float32. */
  readonly onReady?: (record: BackendRecord, seconds: number) => void;
  readonly onWarning?: (message: string) => void;
}

/** The bare engine: a loaded model that scores pairs of context and continuation. */
export interface Scorer {
  readonly identity: ModelIdentity;
  /** Tokens of the model's window. */
  readonly contextLength: number;
  /** Tokens of a text that stands alone. */
  count(text: string): number;
  /**
   * Scores pairs, each distinct prefix among them once. The result is in the order of the pairs.
   * @throws the signal's reason when aborted
   */
  score(
    pairs: readonly Pair[],
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (done: number, total: number) => void },
  ): Promise<(PairScore | PairError)[]>;
  /**
   * Continues texts greedily, many at a time, shared beginnings computed once. The result is in their order.
   * A text too long for the window and the tokens asked loses its beginning.
   * @throws the signal's reason when aborted
   */
  generate(texts: readonly string[], options: GenerateTextOptions): Promise<GeneratedText[]>;
  close(): Promise<void>;
}

/** How far `Scorer.generate` writes: until a stop string, an end token or `maxTokens`, whichever comes first. */
export interface GenerateTextOptions {
  /** Tokens of a text at most. */
  readonly maxTokens: number;
  /** The text ends before the first of these. */
  readonly stop?: readonly string[];
  /** Stops the writing: the promise is rejected with its reason. */
  readonly signal?: AbortSignal;
}

/** A continuation: its text up to the stop string, and the tokens that the model gave, stop string included. */
export interface GeneratedText {
  /** Up to the stop string. */
  readonly text: string;
  /** Ids in the vocabulary. */
  readonly tokens: readonly number[];
  /** Log-probability of each token, in nats. */
  readonly logprobs: readonly number[];
  /** What ended it. */
  readonly reason: Generated['reason'];
  /** Tokens cut from the left of the prompt. */
  readonly truncated: number;
}

/**
 * Opens a model for scoring: a checkpoint folder, a name, or one behind an API, `http(s)://host/v1#name`. A model of
 * the hub that is not in the cache is fetched, unless `offline`. Close the scorer when done: it holds the model.
 * @throws UserError where it can't be found, fetched or opened, in one sentence
 */
export async function openScorer(ref: string, options: ScorerOptions = {}): Promise<Scorer> {
  const model = await openAnyModel(ref, options);
  const encode = pairEncoder(model.tokenizer, {
    contextLength: model.contextLength,
    join: options.join ?? 'exact',
    special: options.specialTokens ?? false,
  });
  let ready: Promise<Backend> | undefined;
  const backendFor = (
    requests: readonly Request[],
    tokensToCompute: number,
    signal: AbortSignal | undefined,
  ): Promise<Backend> => {
    const load = async (): Promise<Backend> => {
      const began = performance.now();
      const { device = 'cpu', dtype = 'fp32' } = options;
      const warn = (message: string): void => options.onWarning?.(message);
      const devices = model.served ? [] : await chooseDevices({ device, dtype }, warn);
      const sample = (): CheckSample => firstRequests(requests, model.identity.parameters);
      const asked = { device, devices, dtype, tokensToCompute };
      const { backend, record } = await readyBackend(model, { ...asked, sample, warn, signal });
      options.onReady?.(record, (performance.now() - began) / 1000);
      return backend;
    };
    ready ??= load();
    return ready;
  };
  return {
    identity: model.identity,
    contextLength: model.contextLength,
    count: (text) =>
      model.tokenizer.encode(text, { prefix: false, special: options.specialTokens ?? false }).length,
    async score(pairs, { signal, onProgress } = {}) {
      const requests: Request[] = [];
      const places: number[] = [];
      const results: (PairScore | PairError)[] = pairs.map((pair, i) => {
        try {
          requests.push(encode(pair));
          places.push(i);
          return { error: 'not scored' };
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          return { error: error.message };
        }
      });
      if (requests.length === 0) return results;
      const plan = planScoring(requests, planLimits(model.architecture));
      let done = 0;
      const onStep = (tokens: number): void => {
        done += tokens;
        onProgress?.(done, plan.tokensComputed);
      };
      const describe = (request: number): string => `pair ${places[request]}`;
      const backend = await backendFor(requests, plan.tokensComputed, signal);
      for await (const [i, scored] of score(requests, plan, backend, { signal, onStep, describe })) {
        results[places[i] as number] = pairScore(requests[i] as Request, scored);
      }
      return results;
    },
    async generate(texts, { maxTokens, stop = [], signal }) {
      const { tokenizer, contextLength } = model;
      const room = contextLength - maxTokens;
      if (room < 1) {
        throw new UserError(
          `maxTokens expected at most ${contextLength - 1}, the window less one, found ${maxTokens}`,
        );
      }
      const prompts = texts.map((text) => promptTokens(text, tokenizer, options.specialTokens ?? false));
      const requests = prompts.map(
        (tokens): GenerationRequest => ({
          prompt: Int32Array.from(tokens.slice(-room)),
          maxTokens,
          stop: (ids) => stop.length > 0 && cutAt(tokenizer.decode(ids), stop) !== undefined,
          stopStrings: stop,
        }),
      );
      const tokens = requests.reduce((sum, r) => sum + r.prompt.length + maxTokens, 0);
      const asScored = requests.map(({ prompt }) => promptRequest(prompt));
      const backend = await backendFor(asScored, tokens, signal);
      const results: GeneratedText[] = [];
      const { endTokens } = model;
      for await (const [i, generated] of generate(requests, backend, { contextLength, endTokens, signal })) {
        const whole = generated.text ?? tokenizer.decode(generated.tokens);
        const truncated = Math.max(0, (prompts[i]?.length ?? 0) - room);
        results[i] = { ...generated, text: cutAt(whole, stop) ?? whole, truncated };
      }
      return results;
    },
    async close() {
      await (await ready?.catch(() => undefined))?.close();
    },
  };
}

/** A prompt as a request for all its tokens but the first. */
function promptRequest(prompt: Int32Array): Request {
  return { tokens: prompt, start: 1, truncated: 0, merged: false };
}

/** The first requests, as many as a check may take; each is answered with whether it is greedy. */
function firstRequests(requests: readonly Request[], parameters: number): CheckSample {
  let left = checkTokens(parameters);
  const chosen = requests.filter(({ tokens, start }) => {
    if (left <= 0 || tokens.length <= start) return false;
    left -= tokens.length;
    return true;
  });
  return { requests: chosen, answers: (scores) => scores.map(isGreedy) };
}

function promptTokens(text: string, tokenizer: Tokenizer, special: boolean): number[] {
  const tokens = tokenizer.encode(text, { special });
  if (tokens.length > 0) return tokens;
  if (tokenizer.startOfText !== null) return [tokenizer.startOfText];
  throw new UserError(
    'the prompt is empty, and the model has neither a beginning-of-text nor an end-of-text token',
  );
}

function pairScore(request: Request, scored: Scored): PairScore {
  const logprobs = Array.from(scored.logprobs);
  return {
    logprob: logprobs.reduce((sum, l) => sum + l, 0),
    greedy: scored.hits.every((hit) => hit),
    tokens: Array.from(request.tokens.subarray(request.start)),
    logprobs,
    hits: scored.hits,
    ...(request.merged ? { boundary: 'merged' as const } : {}),
    ...(request.truncated > 0 ? { truncated: request.truncated } : {}),
  };
}
