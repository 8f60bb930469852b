import { parentPort } from 'node:worker_threads';
import type { ForwardStep } from '../types.ts';
import { type ExportSessionOptions, openExportSession } from './exports/session.ts';
import { openSession, type Session, type SessionOptions } from './ort.ts';

/**
 * The thread that owns the session: `session.run` blocks its thread for the whole run, and the main thread must
 * stay free for progress, signals and storage. Requests are answered in the order they arrive.
 */
export type WorkerRequest =
  | { readonly kind: 'open'; readonly options: SessionOptions | ExportSessionOptions }
  | { readonly kind: 'forward'; readonly step: ForwardStep }
  | { readonly kind: 'allocate'; readonly cache: number; readonly columns: number; readonly from: number }
  | { readonly kind: 'release'; readonly trunk: number }
  | { readonly kind: 'close' };

export type WorkerReply = { readonly id: number } & (
  | { readonly value: unknown }
  | { readonly error: string; readonly stack: string | undefined }
);

let session: Session | undefined;

async function answer(request: WorkerRequest): Promise<unknown> {
  if (request.kind === 'open') {
    const { options } = request;
    session = await ('ports' in options ? openExportSession(options) : openSession(options));
    return undefined;
  }
  if (!session) throw new Error('the session is not open');
  switch (request.kind) {
    case 'forward':
      return session.forward(request.step);
    case 'allocate':
      return session.allocate(request.cache, request.columns, request.from);
    case 'release':
      return session.release(request.trunk);
    case 'close':
      return session.close();
  }
}

const port = parentPort;
if (!port) throw new Error('worker.ts runs as a worker thread only');
let queue = Promise.resolve();
port.on('message', ({ id, request }: { id: number; request: WorkerRequest }) => {
  queue = queue.then(async () => {
    try {
      port.postMessage({ id, value: await answer(request) });
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      port.postMessage({ id, error: message, stack });
    }
  });
});
