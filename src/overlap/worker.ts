import { parentPort, workerData } from 'node:worker_threads';
import { UserError } from '../errors.ts';
import type { CorpusFile } from './corpus.ts';
import type { GramIndex } from './gram-index.ts';
import { createMatcher, type Findings } from './matcher.ts';
import { readCorpusFile } from './read-corpus.ts';

/** What a thread is given at its start; the index is shared memory. */
export interface ScanData {
  readonly index: GramIndex;
  readonly field: string;
}

/** What a thread tells: bytes read since it last did, and of each file it was sent what was found, or why nothing. */
export type ScanReply =
  | { readonly kind: 'bytes'; readonly bytes: number }
  | {
      readonly kind: 'found';
      readonly documents: number;
      readonly bytes: number;
      readonly findings: Findings;
    }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string | undefined };

const port = parentPort;
if (!port) throw new Error('worker.ts runs as a worker thread only');
const { index, field } = workerData as ScanData;
const matcher = createMatcher(index);

port.on('message', async (file: CorpusFile) => {
  const tell = (reply: ScanReply): void => port.postMessage(reply);
  try {
    const read = await readCorpusFile(file, field, matcher, (bytes) => tell({ kind: 'bytes', bytes }));
    tell({ kind: 'found', ...read, findings: matcher.take() });
  } catch (error) {
    // What a broken file had before it broke does not count.
    matcher.take();
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    tell({ kind: 'failed', message, stack: error instanceof UserError ? undefined : stack });
  }
});
