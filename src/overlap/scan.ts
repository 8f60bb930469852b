import type { Writable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { UserError } from '../errors.ts';
import type { CorpusFile } from './corpus.ts';
import type { Findings } from './matcher.ts';
import type { ScanData, ScanReply } from './worker.ts';

/** A file that was read whole, and what was found in it. */
export interface ScannedFile {
  readonly file: CorpusFile;
  readonly documents: number;
  readonly bytes: number;
  readonly findings: Findings;
}

export interface ScanOptions extends ScanData {
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
  /** A file is finished: in the order in which they end. */
  readonly onFile: (scanned: ScannedFile) => Promise<void> | void;
  /** A file that can't be read; the scan goes on unless this throws. */
  readonly onBroken: (file: CorpusFile, error: UserError) => void;
}

/** As that of the model's thread: the sources run under tsx, whose loader a thread does not inherit. */
function startWorker(workerData: ScanData): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./worker.js', import.meta.url), { workerData, stdin: true });
  }
  const entry = JSON.stringify(new URL('./worker.ts', import.meta.url).href);
  const code = `import('tsx/esm/api').then((tsx) => (tsx.register(), import(${entry})))`;
  return new Worker(code, { eval: true, workerData, stdin: true });
}

/**
 * Compares the files of a corpus with an index, each in one of several threads that share the index.
 * @throws the signal's reason when aborted; what onFile or onBroken throw
 */
export async function scanFiles(files: readonly CorpusFile[], options: ScanOptions): Promise<void> {
  const { index, field, threads, signal } = options;
  const queue = [...files];
  const workers = Array.from({ length: Math.min(threads, files.length) }, () =>
    startWorker({ index, field }),
  );
  try {
    await Promise.all(workers.map((worker) => work(worker, queue, options)));
    signal.throwIfAborted();
  } finally {
    // Standard input that goes on would keep the process alive.
    if (files.some(({ path }) => path === '-')) process.stdin.destroy();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Gives a thread one file after the other until there is none. */
async function work(worker: Worker, queue: CorpusFile[], options: ScanOptions): Promise<void> {
  for (let file = queue.shift(); file; file = queue.shift()) {
    options.signal.throwIfAborted();
    const reply = await answerOf(worker, file, options);
    if (reply.kind === 'failed') {
      if (reply.stack !== undefined) throw Object.assign(new Error(reply.message), { stack: reply.stack });
      options.onBroken(file, new UserError(reply.message));
    } else {
      const { documents, bytes, findings } = reply;
      await options.onFile({ file, documents, bytes, findings });
    }
  }
}

function answerOf(
  worker: Worker,
  file: CorpusFile,
  { signal, onBytes }: ScanOptions,
): Promise<Exclude<ScanReply, { kind: 'bytes' }>> {
  return new Promise((resolve, reject) => {
    const stop = (): void => end(() => reject(signal.reason));
    const ended = (code: number): void =>
      end(() => reject(new Error(`the thread that read ${file.path} ended with code ${code}`)));
    const failed = (error: Error): void => end(() => reject(error));
    const told = (reply: ScanReply): void => {
      if (reply.kind === 'bytes') onBytes(reply.bytes);
      else end(() => resolve(reply));
    };
    const end = (then: () => void): void => {
      signal.removeEventListener('abort', stop);
      worker.off('message', told).off('error', failed).off('exit', ended);
      then();
    };
    signal.addEventListener('abort', stop, { once: true });
    worker.on('message', told).on('error', failed).on('exit', ended);
    worker.postMessage(file);
    if (file.path === '-') process.stdin.pipe(worker.stdin as Writable);
  });
}
