import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line from its sources, in the repository's folder unless told otherwise. */
export function evalgpt(
  args: readonly string[],
  options: {
    readonly env?: NodeJS.ProcessEnv;
    /** The folder to run in; it needs a node_modules that holds tsx. */
    readonly cwd?: string;
    /** Another copy's command line. */
    readonly main?: string;
    /** Told when the process is there. */
    readonly onStart?: (kill: (s: NodeJS.Signals) => void) => void;
    readonly onStdout?: (text: string, kill: (s: NodeJS.Signals) => void) => void;
    readonly onStderr?: (text: string, kill: (s: NodeJS.Signals) => void) => void;
  } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', options.main ?? main, ...args], {
      env: {
        ...process.env,
        EVALGPT_CACHE: '/nonexistent',
        EVALGPT_DATA: '',
        EVALGPT_OFFLINE: '1',
        ...options.env,
      },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    options.onStart?.((signal) => child.kill(signal));
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      options.onStdout?.(stdout, (signal) => child.kill(signal));
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      options.onStderr?.(stderr, (signal) => child.kill(signal));
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
