import { Worker } from 'node:worker_threads';
import type { Backend, ForwardResult } from '../types.ts';
import type { ExportSessionOptions } from './exports/session.ts';
import type { SessionOptions } from './ort.ts';
import { noTelemetry } from './telemetry.ts';
import type { WorkerReply, WorkerRequest } from './worker.ts';

/**
 * Starts worker.ts as a thread. In the build it is plain JavaScript; the sources run under tsx, and a thread does
 * not inherit its loader, so there it is registered first.
 */
function startWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url));
  const entry = JSON.stringify(new URL('./worker.ts', import.meta.url).href);
  const code = `import('tsx/esm/api').then((tsx) => (tsx.register(), import(${entry})))`;
  return new Worker(code, { eval: true });
}

/** Starts a thread (worker.ts) and loads the model in it. @throws what the runtime says where it can't load the model. */
export async function openBackend(options: SessionOptions | ExportSessionOptions): Promise<Backend> {
  noTelemetry();
  // Float32 products would be rounded to TensorFloat-32's ten bits. CUDA reads this when it loads; a thread's own
  // environment is a copy that it would not see.
  if (options.device === 'cuda') process.env.NVIDIA_TF32_OVERRIDE = '0';
  const worker = startWorker();
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let sent = 0;
  let ended: Error | undefined;

  const fail = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on('message', (reply: WorkerReply) => {
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) {
      const error = new Error(reply.error);
      if (reply.stack !== undefined) error.stack = reply.stack;
      caller?.reject(error);
    } else {
      caller?.resolve(reply.value as never);
    }
  });
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`the model's thread ended with code ${code}`)));

  const call = <T>(request: WorkerRequest): Promise<T> => {
    if (ended) return Promise.reject(ended);
    return new Promise<T>((resolve, reject) => {
      const id = sent++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, request });
    });
  };

  await call<void>({ kind: 'open', options }).catch(async (error: unknown) => {
    await worker.terminate();
    throw error;
  });
  return {
    forward: (step) => call<ForwardResult>({ kind: 'forward', step }),
    allocate: (cache, columns, from) => call<void>({ kind: 'allocate', cache, columns, from }),
    release: (trunk) => call<void>({ kind: 'release', trunk }),
    async close() {
      if (!ended) await call<void>({ kind: 'close' });
      ended ??= new Error('the model is closed');
      await worker.terminate();
    },
  };
}
