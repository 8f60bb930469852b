import type { Tokenizer } from '../../types.ts';
import { ApiError } from './api-error.ts';

/** A prompt of a request, tokenised. */
export interface PromptAsked {
  readonly tokens: Int32Array;
  /** As it came, where it came as text. */
  readonly text: string | undefined;
}

/** A checked request to /completions. */
export interface CompletionRequest {
  readonly prompts: readonly PromptAsked[];
  readonly maxTokens: number;
  readonly echo: boolean;
  /** Most probable tokens wanted at each place; null for no log-probabilities at all. */
  readonly logprobs: number | null;
  readonly stop: readonly string[];
  readonly tokenIds: boolean;
}

export interface RequestBounds {
  readonly name: string;
  readonly tokenizer: Tokenizer;
  /** Token ids are below it. */
  readonly vocabularySize: number;
  /** Tokens that the model can be fed at once. */
  readonly contextLength: number;
  /** Tokens of all prompts of a request and of what is to be generated behind them. */
  readonly tokens: number;
}

/** OpenAI's default. */
const MAX_TOKENS = 16;
const MOST_LOGPROBS = 20;
const MOST_STOPS = 64;

/** What says nothing of the answer. */
const IGNORED = ['user', 'seed', 'metadata', 'stream_options', 'skip_special_tokens'];
/** What other values than these would ask of the engine, which it has not. */
const ONLY: Readonly<Record<string, readonly unknown[]>> = {
  n: [1],
  best_of: [1],
  stream: [false],
  suffix: [''],
  frequency_penalty: [0],
  presence_penalty: [0],
};
/** The same, of no effect where nothing is drawn. */
const OF_SAMPLING: Readonly<Record<string, readonly unknown[]>> = { temperature: [0], top_p: [1] };
const READ = [
  'model',
  'prompt',
  'max_tokens',
  'echo',
  'logprobs',
  'stop',
  'return_tokens_as_token_ids',
  'logit_bias',
];

type Body = Readonly<Record<string, unknown>>;

/** Reads a request to /completions. @throws ApiError naming the field, what was expected and what was found */
export function readCompletionRequest(value: unknown, bounds: RequestBounds): CompletionRequest {
  const body = asObject(value);
  checkModel(body, bounds.name);
  const maxTokens = count(body, 'max_tokens', MAX_TOKENS, bounds.contextLength);
  for (const [field, found] of Object.entries(body)) {
    if (READ.includes(field) || IGNORED.includes(field) || found === null) continue;
    const drawn = Object.hasOwn(OF_SAMPLING, field) ? OF_SAMPLING[field] : undefined;
    const allowed = drawn ?? (Object.hasOwn(ONLY, field) ? ONLY[field] : undefined);
    if (!allowed) throw new ApiError(400, `"${field}" is not a field that this server knows`, field);
    if (allowed.includes(found) || (drawn && maxTokens === 0)) continue;
    const why = drawn ? 'texts are written greedily and never drawn' : 'the engine has nothing else';
    throw new ApiError(
      400,
      `"${field}" expected ${allowed.join(' or ')}, found ${show(found)}: ${why}`,
      field,
    );
  }
  const bias = body.logit_bias ?? {};
  if (typeof bias !== 'object' || Object.keys(bias).length > 0)
    throw new ApiError(400, '"logit_bias" expected nothing: the engine has no biases', 'logit_bias');
  const logprobs = body.logprobs == null ? null : count(body, 'logprobs', 0, MOST_LOGPROBS);
  const echo = flag(body, 'echo');
  if (logprobs !== null && logprobs > 1 && maxTokens > 1)
    throw new ApiError(
      400,
      `"logprobs" expected 0 or 1 where more than a token is generated, found ${logprobs}`,
      'logprobs',
    );
  const prompts = readPrompts(body.prompt, bounds, maxTokens);
  const stop = readStop(body.stop);
  return { prompts, maxTokens, echo, logprobs, stop, tokenIds: flag(body, 'return_tokens_as_token_ids') };
}

export function asObject(value: unknown): Body {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ApiError(400, 'the body expected to be a JSON object');
  return value as Body;
}

export function checkModel(body: Body, name: string): void {
  if (body.model == null || body.model === name) return;
  throw new ApiError(
    404,
    `the model ${show(body.model)} is not served here, but ${show(name)} is`,
    'model',
    'model_not_found',
  );
}

export function flag(body: Body, field: string, otherwise = false): boolean {
  const found = body[field] ?? otherwise;
  if (typeof found !== 'boolean')
    throw new ApiError(400, `"${field}" expected true or false, found ${show(found)}`, field);
  return found;
}

function count(body: Body, field: string, otherwise: number, most: number): number {
  const found = body[field] ?? otherwise;
  if (!Number.isSafeInteger(found) || (found as number) < 0 || (found as number) > most)
    throw new ApiError(
      400,
      `"${field}" expected a whole number from 0 to ${most}, found ${show(found)}`,
      field,
    );
  return found as number;
}

function readPrompts(value: unknown, bounds: RequestBounds, maxTokens: number): PromptAsked[] {
  const isIds = Array.isArray(value) && value.length > 0 && value.every((entry) => typeof entry === 'number');
  const list = Array.isArray(value) && !isIds ? value : [value];
  if (list.length === 0)
    throw new ApiError(400, '"prompt" expected at least one prompt, found none', 'prompt');
  // The last token is never fed.
  const room = bounds.contextLength + 1 - maxTokens;
  let total = 0;
  return list.map((entry: unknown) => {
    const prompt = readPrompt(entry, bounds);
    const { length } = prompt.tokens;
    if (length > room || (maxTokens > 0 && room < 1)) {
      throw new ApiError(
        400,
        `the model's window holds ${bounds.contextLength + 1} tokens, found ${length} in the prompt and ${maxTokens} to generate`,
        'prompt',
        'context_length_exceeded',
      );
    }
    total += length + maxTokens;
    if (total > bounds.tokens)
      throw new ApiError(
        413,
        `a request may have ${bounds.tokens} tokens in all its prompts and texts, and this has more`,
        'prompt',
      );
    return prompt;
  });
}

function readPrompt(value: unknown, { tokenizer, vocabularySize }: RequestBounds): PromptAsked {
  if (typeof value === 'string') {
    const tokens = encodeText(tokenizer, value, true);
    if (tokens.length > 0) return { tokens: Int32Array.from(tokens), text: value };
    if (tokenizer.startOfText !== null) return { tokens: Int32Array.of(tokenizer.startOfText), text: value };
  }
  if (Array.isArray(value) && value.length > 0) {
    const wrong = value.find((id) => !Number.isSafeInteger(id) || id < 0 || id >= vocabularySize);
    if (wrong !== undefined)
      throw new ApiError(
        400,
        `"prompt" expected token ids from 0 to ${vocabularySize - 1}, found ${show(wrong)}`,
        'prompt',
      );
    return { tokens: Int32Array.from(value as number[]), text: undefined };
  }
  throw new ApiError(
    400,
    `"prompt" expected a text, token ids, or a list of these, found ${show(value)}`,
    'prompt',
  );
}

/**
 * Tokens of a text; one that spells a special token is that token, as it is in other servers of this API.
 * @throws ApiError where the vocabulary can't express it
 */
export function encodeText(tokenizer: Tokenizer, text: string, prefix: boolean): number[] {
  try {
    return tokenizer.encode(text, { prefix, special: true });
  } catch (error) {
    throw new ApiError(400, error instanceof Error ? error.message : String(error), 'prompt');
  }
}

function readStop(value: unknown): string[] {
  const list = value == null ? [] : Array.isArray(value) ? value : [value];
  if (list.length > MOST_STOPS || list.some((entry) => typeof entry !== 'string' || entry === ''))
    throw new ApiError(400, `"stop" expected a text or up to ${MOST_STOPS} of them, none empty`, 'stop');
  return list as string[];
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 60);
}
