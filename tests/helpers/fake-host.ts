import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a host does wrong with the next answers for URLs that end so. */
export interface HostFault {
  readonly url: string;
  /** How many answers; all, unless told. */
  times?: number;
  readonly status?: number;
  /** Behind so many bytes of the file the connection breaks, or, with `stall`, nothing more comes. */
  readonly cutAfter?: number;
  readonly stall?: boolean;
  readonly ignoreRange?: boolean;
}

/** All hosts of data at once, behind EVALGPT_MIRROR. */
export interface FakeHost {
  /** What EVALGPT_MIRROR is set to. */
  readonly mirror: string;
  /** What is published, by `https://` URL. */
  readonly files: Map<string, Buffer>;
  readonly requests: { readonly url: string; readonly range: string | undefined }[];
  readonly faults: HostFault[];
  /** Bytes of files sent. */
  sent: number;
  close(): Promise<void>;
}

export async function fakeHost(): Promise<FakeHost> {
  const server = createServer((request, response) => {
    const url = `https://${(request.url ?? '/').slice(1)}`;
    const { range } = request.headers;
    host.requests.push({ url, range });
    const fault = host.faults.find((f) => url.endsWith(f.url) && f.times !== 0);
    if (fault?.times !== undefined) fault.times--;
    const content = host.files.get(url);
    if (fault?.status !== undefined || !content)
      return void response.writeHead(fault?.status ?? 404).end('no file');
    send(response, content, fault, range);
  });
  const host: FakeHost = { mirror: '', files: new Map(), requests: [], faults: [], sent: 0, close };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(host, { mirror: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

  function send(
    response: ServerResponse,
    content: Buffer,
    fault: HostFault | undefined,
    range: string | undefined,
  ): void {
    const start = fault?.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const body = content.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, {
      'Content-Length': String(body.length),
      ...(start > 0 ? { 'Content-Range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
      ETag: `"${createHash('sha1').update(content).digest('hex')}"`,
    });
    const part = body.subarray(0, fault?.cutAfter ?? body.length);
    host.sent += part.length;
    if (fault?.cutAfter === undefined) return void response.end(part);
    response.write(part, () => {
      // What was sent must have been read: an error overtakes it.
      if (!fault.stall) setTimeout(() => response.destroy(), 150);
    });
  }

  async function close(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
