import type { Redis } from 'ioredis';
import { messageOf, UserError } from '../errors.ts';

/** The two optional packages. */
export interface QueuePackages {
  readonly bullmq: typeof import('bullmq');
  readonly ioredis: Pick<typeof import('ioredis'), 'Redis'>;
}

/**
 * Loads BullMQ and its Redis client, which only `--queue` needs.
 * @throws UserError with the line that installs them, where they are not
 */
export async function loadPackages(
  load: () => Promise<[QueuePackages['bullmq'], QueuePackages['ioredis']]> = () =>
    Promise.all([import('bullmq'), import('ioredis')]),
): Promise<QueuePackages> {
  try {
    const [bullmq, ioredis] = await load();
    return { bullmq, ioredis };
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UserError(
      '--queue: needs two packages that are not installed: npm install bullmq@^6.7.0 ioredis@^6.0.0',
    );
  }
}

/** A Redis server's address; `shown` is without its password, for everything that is printed. */
export interface QueueAddress {
  readonly url: string;
  readonly shown: string;
}

/** @throws UserError that never quotes what was given, which may hold a password */
export function parseAddress(value: string): QueueAddress {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    throw new UserError('--queue: expected redis://[user:password@]host[:port][/number], found no address');
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    throw new UserError(`--queue: expected redis:// or rediss://, found ${url.protocol}//`);
  if (url.hostname === '' || !/^(\/\d*)?$/.test(url.pathname) || url.search !== '' || url.hash !== '')
    throw new UserError('--queue: expected redis://[user:password@]host[:port][/number], nothing behind it');
  return { url: value, shown: `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}` };
}

const CONNECT_MS = 5000;
/** Longest wait between two attempts to reach a server that was there before. */
const RETRY_MS = 2000;

/**
 * Connects to a Redis server. What is sent while the server is away waits until it is back.
 * @param onTrouble is told, once a cause, what hinders the connection
 * @throws UserError where the server can't be reached now
 */
export async function connect(
  { ioredis }: QueuePackages,
  { url, shown }: QueueAddress,
  onTrouble: (message: string) => void,
): Promise<Redis> {
  const first = new ioredis.Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let cause: unknown;
  first.on('error', (error) => {
    cause = error;
  });
  try {
    await first.connect();
    await first.ping();
  } catch (error) {
    throw new UserError(
      `--queue ${shown}: cannot be used: ${withoutSecrets(messageOf(cause ?? error), url)}`,
    );
  } finally {
    first.disconnect();
  }
  const redis = new ioredis.Redis(url, {
    // BullMQ asks for this: a command waits for the server, however long.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(100 * times, RETRY_MS),
  });
  const told = troubleOnce((message) => onTrouble(`${shown}: ${message}`), url);
  redis.on('error', told.trouble);
  redis.on('ready', told.well);
  return redis;
}

/** Tells an error once, until things went well again. */
export function troubleOnce(
  tell: (message: string) => void,
  url: string,
): { readonly trouble: (error: Error) => void; readonly well: () => void } {
  let last = '';
  return {
    trouble(error) {
      const message = withoutSecrets(messageOf(error), url);
      if (message !== last) tell(message);
      last = message;
    },
    well() {
      last = '';
    },
  };
}

/** An error's text without the address's password, in case a server or a client quotes it. */
function withoutSecrets(message: string, url: string): string {
  const { password } = new URL(url);
  return [password, decodeURIComponent(password)]
    .filter((secret) => secret !== '')
    .reduce((text, secret) => text.replaceAll(secret, '…'), message);
}
