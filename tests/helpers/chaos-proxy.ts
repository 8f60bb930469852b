import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as timer } from 'node:timers/promises';
import { random } from '../../src/stats/random.ts';

/** A proxy that does to a tenth of the requests each of what networks and overloaded servers do. */
export interface ChaosProxy {
  readonly url: string;
  /** Requests that came, by what was done to them. */
  readonly counts: Record<Fault | 'none', number>;
  /** POSTs that the server behind it got: some twice, some for nothing. */
  forwarded: number;
  [Symbol.asyncDispose](): Promise<void>;
}

const FAULTS = ['drop', 'cut', 'delay', 'duplicate', 'fail', 'busy'] as const;
type Fault = (typeof FAULTS)[number];

export async function chaosProxy(target: string, seed: string): Promise<ChaosProxy> {
  const draw = random(seed, 1);
  const counts = {
    none: 0,
    ...Object.fromEntries(FAULTS.map((fault) => [fault, 0])),
  } as ChaosProxy['counts'];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const at = draw.below(10);
    const fault = request.method === 'POST' && at < FAULTS.length ? (FAULTS[at] as Fault) : 'none';
    counts[fault]++;
    const forward = async (): Promise<{ status: number; text: string }> => {
      proxy.forwarded++;
      const answer = await fetch(`${target}${request.url}`, {
        method: request.method ?? 'GET',
        headers: { 'Content-Type': 'application/json' },
        ...(body.length > 0 ? { body } : {}),
      });
      return { status: answer.status, text: await answer.text() };
    };
    if (fault === 'drop') return void request.socket.destroy();
    if (fault === 'fail') return void response.writeHead(500).end('no luck');
    if (fault === 'busy') return void response.writeHead(429, { 'Retry-After': '0' }).end('{}');
    if (fault === 'delay') await timer(100 + draw.below(200));
    if (fault === 'duplicate') await forward();
    const { status, text } = await forward();
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    });
    if (fault !== 'cut') return void response.end(text);
    response.write(text.slice(0, text.length / 2), () => setTimeout(() => response.destroy(), 20));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: ChaosProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    forwarded: 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
