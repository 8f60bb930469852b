import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openModel } from '../../src/models/open.ts';
import { type ServeOptions, serve } from '../../src/remote/server/serve.ts';

/** A bundled model behind `serve` on the loopback address. */
export interface ServedDemo {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** As `--model` takes it. */
  readonly ref: string;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function serveDemo(
  model = 'demo-tiny',
  options: Partial<ServeOptions> & { readonly slow?: number } = {},
): Promise<ServedDemo> {
  const opened = await openModel(model, { threads: 1 });
  const backend = await opened.open({ device: 'cpu', dtype: 'fp32', tokensToCompute: 0 });
  const { slow } = options;
  const forward: typeof backend.forward = async (step) => {
    if (slow !== undefined) await new Promise((resolve) => setTimeout(resolve, slow));
    return backend.forward(step);
  };
  const served = await serve(opened, { ...backend, forward }, { name: model, ...options });
  return {
    url: served.url,
    ref: `${served.url}/v1#${model}`,
    async [Symbol.asyncDispose]() {
      await served.close(0);
      await backend.close();
    },
  };
}

/** The same by the command line, in a process of its own. */
export async function spawnServe(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<SpawnedServe> {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const port = args.includes('--port') ? [] : ['--port', '0'];
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'serve', ...port, ...args], {
    env: { ...process.env, EVALGPT_OFFLINE: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  let [stdout, stderr] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      const found = /^(http:\S+)\/v1#/.exec(stdout)?.[1];
      if (found) resolve(found);
    });
    void ended.then((code) => reject(new Error(`serve ended with ${code}: ${stderr}`)));
  });
  return {
    url,
    pid: child.pid as number,
    stop(signal) {
      child.kill(signal);
      return ended;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export interface SpawnedServe {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly pid: number;
  /** @returns its exit code */
  stop(signal: NodeJS.Signals): Promise<number | null>;
  [Symbol.asyncDispose](): Promise<void>;
}
