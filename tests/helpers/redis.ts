import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SERVER = 'redis-server';

/** Why a test that needs a Redis server can't run here, or undefined where it can. */
export const noRedis: string | undefined = spawnSync(SERVER, ['--version']).error
  ? 'skipped: needs redis-server, which is not installed'
  : undefined;

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it anew on the same port with the data that it left. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Starts a Redis server on the loopback, with a folder of its own and its data on the disk every second. */
export async function startRedis(options: { readonly password?: string } = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'evalgpt-redis-'));
  const port = await freePort();
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes'],
    ...['--appendfsync', 'everysec', '--save', '', '--maxmemory-policy', 'noeviction'],
    ...(options.password === undefined ? [] : ['--requirepass', options.password]),
  ];
  let server: ChildProcess;
  const start = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server = spawn(SERVER, args, { stdio: ['ignore', 'pipe', 'ignore'] });
      server.on('error', reject);
      server.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('Ready to accept connections')) resolve();
      });
    });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = new Promise((resolve) => server.on('close', resolve));
    server.kill(signal);
    await ended;
  };
  await start();
  const secret = options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`;
  return {
    url: `redis://${secret}127.0.0.1:${port}`,
    port,
    kill: () => end('SIGKILL'),
    restart: start,
    async close() {
      if (server.exitCode === null && server.signalCode === null) await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
