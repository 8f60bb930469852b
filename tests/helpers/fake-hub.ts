import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** What a server does wrong with the next answers for files whose path ends so. */
export interface Fault {
  readonly file: string;
  /** How many answers; all, unless told. */
  times?: number;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection breaks behind so many bytes of the answer. */
  readonly cutAfter?: number;
  /** One bit of the content is another. */
  readonly flip?: boolean;
  readonly ignoreRange?: boolean;
}

export interface FakeHub {
  readonly url: string;
  readonly requests: { method: string; host: string; path: string; authorization?: string; range?: string }[];
  /** Bytes of files sent. */
  sent: number;
  readonly faults: Fault[];
  /** Answers for whole repositories: status and X-Error-Code. */
  refuse: { status: number; code?: string } | undefined;
  /** What the API says the files are; the folder's own unless told. */
  listing: string[] | undefined;
  close(): Promise<void>;
}

export const COMMIT = '0123456789abcdef0123456789abcdef01234567';

/**
 * A hub on loopback that serves one folder as a repository: the API, and files the way the hub does it, small ones
 * by their git name, large ones (.safetensors, .onnx) by a redirect to a second host.
 */
export async function fakeHub(repo: string, folder: string): Promise<FakeHub> {
  const hub: FakeHub = {
    url: '',
    requests: [],
    sent: 0,
    faults: [],
    refuse: undefined,
    listing: undefined,
    close,
  };
  const etags = new Map<string, string>();
  const storage = createServer((request, response) => answer(request, response, 'storage'));
  const front = createServer((request, response) => answer(request, response, 'hub'));
  const port = (server: Server): Promise<number> =>
    new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
  const storageUrl = `http://localhost:${await port(storage)}`;
  Object.assign(hub, { url: `http://127.0.0.1:${await port(front)}` });
  return hub;

  async function close(): Promise<void> {
    for (const server of [front, storage]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  function answer(request: IncomingMessage, response: ServerResponse, host: 'hub' | 'storage'): void {
    const { method = 'GET', headers } = request;
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    const { authorization, range } = headers;
    hub.requests.push({
      method,
      host,
      path,
      ...(authorization ? { authorization } : {}),
      ...(range ? { range } : {}),
    });
    if (hub.refuse) {
      response.writeHead(hub.refuse.status, hub.refuse.code ? { 'X-Error-Code': hub.refuse.code } : {}).end();
      return;
    }
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(path);
    if (api) {
      if (api[1] !== repo) return void response.writeHead(401, { 'X-Error-Code': 'RepoNotFound' }).end();
      if (![COMMIT, 'main', 'v1.0', 'refs/pr/1'].includes(api[2]!)) {
        return void response.writeHead(404, { 'X-Error-Code': 'RevisionNotFound' }).end();
      }
      const siblings = (hub.listing ?? readdirSync(folder)).map((rfilename) => ({ rfilename }));
      response.writeHead(200, { 'Content-Type': 'application/json' });
      return void response.end(JSON.stringify({ sha: COMMIT, siblings, cardData: { license: 'mit' } }));
    }
    const file = path.split('/').at(-1)!;
    const source = join(folder, file);
    let size: number;
    try {
      size = statSync(source).size;
    } catch {
      return void response.writeHead(404, { 'X-Error-Code': 'EntryNotFound' }).end();
    }
    const large = /\.(safetensors|onnx)$/.test(file);
    const etag = etags.get(source) ?? (large ? sha256(source) : gitSha1(readFileSync(source)));
    etags.set(source, etag);
    if (host === 'hub' && large) {
      response.writeHead(302, {
        Location: `${storageUrl}/blobs/${file}`,
        'X-Repo-Commit': COMMIT,
        'X-Linked-Etag': `"${etag}"`,
        'X-Linked-Size': String(size),
        ETag: 'W/"other"',
      });
      return void response.end();
    }
    send(response, { method, file, source, size, etag, range });
  }

  function send(
    response: ServerResponse,
    asked: {
      method: string;
      file: string;
      source: string;
      size: number;
      etag: string;
      range: string | undefined;
    },
  ): void {
    const { method, file, source, size, etag, range } = asked;
    const fault = method === 'GET' ? takeFault(file) : undefined;
    if (fault?.status !== undefined) return void response.writeHead(fault.status, fault.headers).end();
    const start = fault?.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (start >= size && start > 0) {
      return void response.writeHead(416, { 'Content-Range': `bytes */${size}` }).end();
    }
    response.writeHead(start > 0 ? 206 : 200, {
      'Content-Length': String(size - start),
      ...(start > 0 ? { 'Content-Range': `bytes ${start}-${size - 1}/${size}` } : {}),
      ETag: `"${etag}"`,
      'X-Repo-Commit': COMMIT,
    });
    if (method === 'HEAD') return void response.end();
    const length = Math.min(fault?.cutAfter ?? size, size - start);
    hub.sent += length;
    if (length === 0) return void response.end();
    const body = createReadStream(source, { start, end: start + length - 1 });
    body.on('data', (chunk) => {
      if (fault?.flip) (chunk as Buffer)[(chunk as Buffer).length >> 1]! ^= 1;
      if (!response.write(chunk)) {
        body.pause();
        response.once('drain', () => body.resume());
      }
    });
    body.on('end', () => {
      if (fault?.cutAfter === undefined) response.end();
      // What was sent must have been read: an error overtakes it.
      else setTimeout(() => response.destroy(), 50);
    });
  }

  function takeFault(file: string): Fault | undefined {
    const fault = hub.faults.find((f) => file.endsWith(f.file) && f.times !== 0);
    if (fault?.times !== undefined) fault.times--;
    return fault;
  }
}

/** Of a file that need not fit into memory. */
function sha256(path: string): string {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(1 << 24);
  const file = openSync(path, 'r');
  for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
    hash.update(buffer.subarray(0, read));
  }
  closeSync(file);
  return hash.digest('hex');
}

function gitSha1(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}
