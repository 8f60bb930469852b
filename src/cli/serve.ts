import type { CommandModule } from 'yargs';
import { UserError } from '../errors.ts';
import { describeBackend } from '../report/format.ts';
import type { Device, Dtype, Request } from '../types.ts';
import { DEVICES, DTYPES, type SourceArguments, sourceOptions, wholeNumber } from './options.ts';
import { downloadReporter, progressOn } from './progress.ts';
import { interruptible } from './signals.ts';

interface ServeArguments extends SourceArguments {
  model: string;
  name: string | undefined;
  host: string;
  port: number;
  'token-env': string | undefined;
  device: Device | 'auto';
  dtype: Dtype;
  threads: number | undefined;
  'max-body': number | undefined;
  'max-tokens': number | undefined;
  'max-in-flight': number | undefined;
  json: boolean;
}

export const serveCommand: CommandModule<object, ServeArguments> = {
  command: 'serve',
  describe: "Serve a model through OpenAI's completions API",
  builder: (yargs) =>
    sourceOptions(yargs)
      .option('model', {
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe: 'Folder (checkpoint or ONNX export), alias, or OWNER/NAME on the hub',
      })
      .option('name', {
        type: 'string',
        requiresArg: true,
        describe: 'As clients call the model; by default the last part of --model',
      })
      .option('host', {
        type: 'string',
        requiresArg: true,
        default: '127.0.0.1',
        describe: 'Address to listen on; any but the loopback one needs --token-env',
      })
      .option('port', {
        type: 'string',
        requiresArg: true,
        default: '8080',
        describe: 'Port to listen on; 0 for any that is free',
        coerce: wholeNumber('port', 0) as (value: unknown) => number,
      })
      .option('token-env', {
        type: 'string',
        requiresArg: true,
        describe: 'Name of the environment variable that holds the token which clients must send',
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
      .option('max-body', {
        type: 'string',
        requiresArg: true,
        describe: 'Bytes that a request may have: 4 MiB unless told',
        coerce: wholeNumber('max-body', 1),
      })
      .option('max-tokens', {
        type: 'string',
        requiresArg: true,
        describe: 'Tokens that a request may have, in its prompts and generated: 65536 unless told',
        coerce: wholeNumber('max-tokens', 1),
      })
      .option('max-in-flight', {
        type: 'string',
        requiresArg: true,
        describe: 'Requests under way at once, 256 unless told; more are answered 429',
        coerce: wholeNumber('max-in-flight', 1),
      })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'Print where it is served as JSON, once it is',
      })
      .example('$0 serve --model ./gpt2 --port 8080', 'http://127.0.0.1:8080/v1')
      .example('$0 serve --model gpt2 --host 0.0.0.0 --token-env KEY', 'to others, who send the token')
      .epilogue(
        'Log-probabilities of prompts are what `evalgpt run --model http://127.0.0.1:8080/v1#NAME` asks for. Ctrl+C ends it.',
      ),
  handler: (args) => interruptible((signal) => serveModel(args, signal)),
};

/** A text on which a device is held against the CPU. */
const CHECKED = 'The model that is served must give the same numbers here as on the reference device.';
/** More than any server lives to compute: the weights are laid out for speed. */
const TOKENS = Number.MAX_SAFE_INTEGER;

async function serveModel(args: ServeArguments, signal: AbortSignal): Promise<void> {
  if (args.port > 65_535) throw new UserError(`--port: expected at most 65535, found ${args.port}`);
  const token = tokenFrom(args['token-env']);
  const [{ openModel }, { chooseDevices, readyBackend }, { serve }, { isServed }] = await Promise.all([
    import('../models/open.ts'),
    import('../evaluate/ready.ts'),
    import('../remote/server/serve.ts'),
    import('../remote/client/address.ts'),
  ]);
  if (isServed(args.model)) throw new UserError(`--model ${args.model}: is served already`);
  const progress = progressOn(process.stderr);
  const warn = (message: string): void => progress.note(`warning: ${message}`);
  const { device, dtype, revision, offline } = args;
  const source = { ...{ dtype, revision: revision ?? null, offline, signal }, threads: args.threads ?? null };
  const model = await openModel(args.model, {
    ...source,
    onDownload: downloadReporter(progress),
    onWarning: warn,
  });
  const devices = await chooseDevices({ device, dtype }, warn);
  const tokens = Int32Array.from(model.tokenizer.encode(CHECKED).slice(0, model.contextLength));
  const request: Request = { tokens, start: 1, truncated: 0, merged: false };
  const sample = (): { requests: Request[]; answers: () => [] } => ({
    requests: [request],
    answers: () => [],
  });
  const { backend, record } = await readyBackend(model, {
    device,
    devices,
    dtype,
    tokensToCompute: TOKENS,
    sample,
    warn,
    signal,
  });
  try {
    const name = args.name ?? args.model.replace(/[\\/]+$/, '').replace(/^.*[\\/](?=[^\\/]+$)/, '');
    const limits = {
      ...(args['max-body'] === undefined ? {} : { body: args['max-body'] }),
      ...(args['max-tokens'] === undefined ? {} : { tokens: args['max-tokens'] }),
      ...(args['max-in-flight'] === undefined ? {} : { inFlight: args['max-in-flight'] }),
    };
    const onError = (error: unknown): void =>
      progress.note(error instanceof Error ? `${error.stack}` : String(error));
    const served = await serve(model, backend, {
      host: args.host,
      port: args.port,
      name,
      token,
      limits,
      onError,
    });
    progress.end();
    const facts = { url: `${served.url}/v1`, model: name, ref: `${served.url}/v1#${name}`, backend: record };
    process.stdout.write(
      args.json ? `${JSON.stringify(facts, null, 2)}\n` : `${facts.ref} on ${describeBackend(record)}\n`,
    );
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    });
    await served.close();
    // Whoever starts a server ends it by a signal: that is its right end.
    throw signal.reason;
  } finally {
    await backend.close();
  }
}

/** The token that a variable of the environment holds. @throws UserError where it holds none that is of use */
function tokenFrom(variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  const token = process.env[variable]?.trim() ?? '';
  if (!/^[\x21-\x7e]{16,}$/.test(token)) {
    throw new UserError(
      `--token-env ${variable}: expected the variable to hold a token of at least 16 printable ASCII characters, found ${token === '' ? 'nothing' : 'another text'}`,
    );
  }
  return token;
}
