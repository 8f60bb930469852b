import type { Argv } from 'yargs';
import { UserError } from '../errors.ts';
import type { RunSpec } from '../record.ts';
import type { Device, Dtype, ProtocolName } from '../types.ts';

const WHERE_FROM = 'Where from:';
const SERVED = 'Served models:';

export const DEVICES: readonly (Device | 'auto')[] = ['auto', 'cpu', 'cuda', 'webgpu'];
export const DTYPES: readonly Dtype[] = ['fp32', 'fp16', 'int8'];

export const PROTOCOLS: readonly ProtocolName[] = ['lm-eval', 'gpt1', 'gpt2', 'gpt3'];

/** Coercions for yargs: it would turn a mistyped number into NaN and say nothing. */

export function wholeNumber(option: string, least: number): (value: unknown) => number | undefined {
  return (value) => {
    if (value === undefined) return undefined;
    const text = String(value);
    const number = Number(text);
    if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(number) || number < least) {
      throw new UserError(`--${option}: expected a whole number of at least ${least}, found "${text}"`);
    }
    return number;
  };
}

/** "0,1,32" or "0,max": numbers of shots, each once, in the order given. */
export function shotList(value: unknown): (number | 'max')[] | undefined {
  if (value === undefined) return undefined;
  const parse = wholeNumber('shots', 0);
  const list = commaList('shots', 'whole numbers or max')(value) ?? [];
  return [...new Set(list.map((part) => (part === 'max' ? part : (parse(part) as number))))];
}

/** "a,b" to its parts; white space around them goes. An option given twice adds up. */
export function commaList(option: string, what = 'names'): (value: unknown) => string[] | undefined {
  return (value) => {
    if (value === undefined) return undefined;
    const parts = (Array.isArray(value) ? value : [value])
      .flatMap((part) => String(part).split(','))
      .map((part) => part.trim());
    if (parts.length === 0 || parts.some((part) => part === '')) {
      throw new UserError(`--${option}: expected ${what} separated by commas, found "${String(value)}"`);
    }
    return parts;
  };
}

/** `--shard i/n`: the i-th of n parts, counted from 1. */
export function shardOption(what: string): {
  type: 'string';
  requiresArg: true;
  describe: string;
  coerce: (value: unknown) => { readonly i: number; readonly n: number } | undefined;
} {
  return {
    ...{ type: 'string', requiresArg: true },
    describe: `i/n: only the i-th of n parts, counted from 1, of the ${what}`,
    coerce(value) {
      if (value === undefined) return undefined;
      const [, i, n] = /^(\d+)\/(\d+)$/.exec(String(value))?.map(Number) ?? [];
      if (i === undefined || n === undefined || i < 1 || i > n)
        throw new UserError(`--shard: expected i/n with i from 1 to n, as in 2/8, found "${String(value)}"`);
      return { i, n };
    },
  };
}

/** `--queue env`: a password on a command line is seen by all users of the machine. */
export function queueAddress(value: string): string {
  if (value !== 'env') return value;
  const address = process.env.EVALGPT_QUEUE;
  if (!address) throw new UserError('--queue env: expected the address in EVALGPT_QUEUE, found nothing');
  return address;
}

/** Where models and data come from. */
export interface SourceArguments {
  revision: string | undefined;
  offline: boolean;
}

/** The folder of evalgpt's own cache. */
export interface CacheArguments {
  cache: string | undefined;
}

export function cacheOption<T>(yargs: Argv<T>): Argv<T & CacheArguments> {
  return yargs.option('cache', {
    group: WHERE_FROM,
    type: 'string',
    requiresArg: true,
    describe:
      "Folder for data and scores that are kept between runs (also EVALGPT_CACHE); models have the hub's own",
  });
}

/** The option stands for the variable, also in worker threads and child processes. */
export function useCache({ cache }: CacheArguments): void {
  if (cache === '') throw new UserError('--cache: expected a folder, found ""');
  if (cache !== undefined) process.env.EVALGPT_CACHE = cache;
}

export function sourceOptions<T>(yargs: Argv<T>): Argv<T & SourceArguments> {
  return yargs
    .option('revision', {
      group: WHERE_FROM,
      type: 'string',
      requiresArg: true,
      describe: 'Branch, tag or commit of a model of the hub',
    })
    .option('offline', {
      group: WHERE_FROM,
      type: 'boolean',
      default: false,
      describe: 'Make no request: use what is in the caches (also EVALGPT_OFFLINE=1)',
    });
}

/** How a model behind an API is reached. */
export interface ServedArguments {
  tokenizer: string | undefined;
  'context-length': number | undefined;
  concurrency: number | undefined;
  timeout: number | undefined;
}

export function servedOptions<T>(yargs: Argv<T>): Argv<T & ServedArguments> {
  return yargs
    .option('tokenizer', {
      group: SERVED,
      type: 'string',
      requiresArg: true,
      describe:
        "Of a served model: whose tokenizer it has (folder or name); by default the server's own is asked",
    })
    .option('context-length', {
      group: SERVED,
      type: 'string',
      requiresArg: true,
      describe: 'Of a served model: tokens of its window, where the server does not tell',
      coerce: wholeNumber('context-length', 4),
    })
    .option('concurrency', {
      group: SERVED,
      type: 'string',
      requiresArg: true,
      describe: 'Of a served model: requests under way at once, 8 unless told',
      coerce: wholeNumber('concurrency', 1),
    })
    .option('timeout', {
      group: SERVED,
      type: 'string',
      requiresArg: true,
      describe: 'Of a served model: seconds that an answer may take, 120 unless told',
      coerce: wholeNumber('timeout', 1),
    });
}

/** The options that say how requests are made, and nothing of what they ask. */
export function requestOptions({ concurrency, timeout }: ServedArguments): {
  readonly concurrency?: number;
  readonly timeoutMs?: number;
} {
  return {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(timeout === undefined ? {} : { timeoutMs: 1000 * timeout }),
  };
}

/** What of a spec says how a served model is asked: left out where not given, as in a run without one. */
export function servedSpec(
  args: ServedArguments,
  base: Partial<RunSpec>,
): Pick<RunSpec, 'tokenizer' | 'contextLength'> {
  const { tokenizer = base.tokenizer, 'context-length': contextLength = base.contextLength } = args;
  return {
    ...(tokenizer === undefined ? {} : { tokenizer }),
    ...(contextLength === undefined ? {} : { contextLength }),
  };
}
