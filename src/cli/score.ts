import { readFile, writeFile } from 'node:fs/promises';
import type { CommandModule } from 'yargs';
import { messageOf, UserError } from '../errors.ts';
import type { PairError } from '../evaluate/scorer.ts';
import { parseJson } from '../json.ts';
import { describeBackend } from '../report/format.ts';
import type { Device, Dtype, Pair } from '../types.ts';
import {
  DEVICES,
  DTYPES,
  requestOptions,
  type ServedArguments,
  type SourceArguments,
  servedOptions,
  sourceOptions,
  wholeNumber,
} from './options.ts';
import { downloadReporter, formatSeconds, progressOn } from './progress.ts';
import { interruptible } from './signals.ts';

interface ScoreArguments extends SourceArguments, ServedArguments {
  model: string;
  input: string;
  output: string;
  join: 'exact' | 'lm-eval';
  'special-tokens': boolean;
  device: Device | 'auto';
  dtype: Dtype;
  threads: number | undefined;
}

export const scoreCommand: CommandModule<object, ScoreArguments> = {
  command: 'score',
  describe: 'Score pairs of context and continuation, a line each',
  builder: (yargs) =>
    servedOptions(sourceOptions(yargs))
      .option('model', {
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe:
          'Folder (checkpoint or ONNX export), alias, OWNER/NAME on the hub, or http(s)://host/v1#name',
      })
      .option('input', {
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe: 'JSONL file of pairs',
      })
      .option('output', {
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe: 'JSONL file to write, a line a pair',
      })
      .option('join', {
        choices: ['exact', 'lm-eval'] as const,
        default: 'exact' as const,
        describe: 'How tokens that span context and continuation are cut',
      })
      .option('special-tokens', {
        type: 'boolean',
        default: false,
        describe: 'Read text that spells a special token as that token',
      })
      .option('device', { choices: DEVICES, default: 'auto' as const, describe: 'Where the model runs' })
      .option('dtype', {
        choices: DTYPES,
        default: 'fp32' as const,
        describe: 'Precision of the matrix products: fp16 on accelerators, int8 on the CPU',
      })
      .option('threads', {
        type: 'string',
        requiresArg: true,
        describe: 'Threads for matrix products',
        coerce: wholeNumber('threads', 1),
      })
      .example('$0 score --model ./gpt2 --input in.jsonl --output out.jsonl', 'a checkpoint of your own')
      .example('$0 score --model gpt2 --input in.jsonl --output out.jsonl', 'a model of the hub')
      .epilogue(
        'A line of input is {"context", "continuation"}; a line of output {"logprob", "greedy", "tokens", "logprobs", "hits"}, or {"error"}.',
      ),
  handler: (args) => interruptible((signal) => scoreFile(args, signal)),
};

async function scoreFile(args: ScoreArguments, signal: AbortSignal): Promise<void> {
  const lines = await readPairs(args.input);
  const { openScorer } = await import('../evaluate/scorer.ts');
  const progress = progressOn(process.stderr);
  const scorer = await openScorer(args.model, {
    threads: args.threads ?? null,
    join: args.join,
    specialTokens: args['special-tokens'],
    device: args.device,
    dtype: args.dtype,
    revision: args.revision ?? null,
    offline: args.offline,
    ...{ tokenizer: args.tokenizer, contextLength: args['context-length'], ...requestOptions(args) },
    signal,
    onDownload: downloadReporter(progress),
    onWarning: (message) => progress.note(`warning: ${message}`),
    onReady: (record) => record.check && progress.note(describeBackend(record)),
  });
  try {
    const began = performance.now();
    const good = lines.flatMap((line, i) => ('error' in line ? [] : [{ pair: line, i }]));
    const scores = await scorer.score(
      good.map(({ pair }) => pair),
      {
        signal,
        onProgress(done, total) {
          const seconds = (performance.now() - began) / 1000;
          const left = formatSeconds(((total - done) * seconds) / done);
          progress.update(`${done} of ${total} tokens, ${(done / seconds).toFixed(0)}/s, ${left} left`);
        },
      },
    );
    progress.end();
    const results: unknown[] = [...lines];
    for (const [n, { i }] of good.entries()) results[i] = scores[n];
    await writeFile(args.output, results.map((result) => `${JSON.stringify(result)}\n`).join('')).catch(
      (error: unknown) => {
        throw new UserError(`--output ${args.output}: cannot be written: ${messageOf(error)}`);
      },
    );
    const bad = results.flatMap((result, i) => (isError(result) ? [`line ${i + 1}: ${result.error}`] : []));
    if (bad.length > 0) {
      throw new UserError(
        `${args.input}: ${bad.length} of ${lines.length} lines could not be scored; ${bad[0]}`,
      );
    }
  } finally {
    await scorer.close();
  }
}

function isError(result: unknown): result is PairError {
  return typeof result === 'object' && result !== null && 'error' in result;
}

/** A pair a line; a line that is not one becomes its error, so that output lines match input lines. */
async function readPairs(path: string): Promise<(Pair | PairError)[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UserError(`--input ${path}: cannot be read: ${messageOf(error)}`);
  });
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => {
    let value: unknown;
    try {
      value = parseJson(line);
    } catch (error) {
      return { error: `not JSON: ${messageOf(error)}` };
    }
    const { context, continuation } = (value ?? {}) as Record<string, unknown>;
    for (const [key, found] of Object.entries({ context, continuation })) {
      if (typeof found !== 'string')
        return { error: `"${key}" expected a string, found ${JSON.stringify(found) ?? 'nothing'}` };
    }
    return { context, continuation } as Pair;
  });
}
