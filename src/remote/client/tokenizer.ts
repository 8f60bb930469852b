import { createHash } from 'node:crypto';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { UserError } from '../../errors.ts';
import type { Tokenizer } from '../../types.ts';

/** What the thread is started with, and asked. */
export interface TokenizeSetup {
  readonly root: string;
  readonly name: string;
  readonly flag: SharedArrayBuffer;
}
export type TokenizeAsked =
  | { readonly text: string; readonly prefix: boolean }
  | { readonly tokens: readonly number[] };
export type TokenizeAnswer =
  | { readonly ids: readonly number[] }
  | { readonly text: string }
  | { readonly error: string };

/** A text waits this long for its tokens: signals wait with it. */
const PATIENCE_MS = 10_000;

/** A tokenizer that a server runs. */
export interface RemoteTokenizer extends Tokenizer {
  close(): Promise<void>;
}

/** Tokens that stand for the start of a text in the vocabularies of GPT models that put nothing before one. */
const STARTS = ['<|endoftext|>', '<|end_of_text|>', '<|begin_of_text|>', '</s>'];

/**
 * The tokenizer of a server that has vLLM's /tokenize and /detokenize. Prompts are made synchronously everywhere, so
 * a thread asks while this one waits: one text at a time, which a tokenizer that is here does much faster.
 * @throws UserError where the server has none
 */
export function openRemoteTokenizer(root: string, name: string): RemoteTokenizer {
  const flag = new SharedArrayBuffer(4);
  const signal = new Int32Array(flag);
  const { port1, port2 } = new MessageChannel();
  const worker = startWorker({ root, name, flag });
  // An idle thread must not keep the process alive.
  worker.unref();
  port1.unref();
  worker.postMessage(port2, [port2]);

  const ask = (asked: TokenizeAsked): Exclude<TokenizeAnswer, { error: string }> => {
    Atomics.store(signal, 0, 0);
    port1.postMessage(asked);
    const waited = Atomics.wait(signal, 0, 0, PATIENCE_MS);
    const answer = receiveMessageOnPort(port1)?.message as TokenizeAnswer | undefined;
    if (waited === 'timed-out' || !answer)
      throw new UserError(`${root}/tokenize: no answer within ${PATIENCE_MS / 1000} s`);
    if ('error' in answer) throw new UserError(answer.error);
    return answer;
  };
  const encode = (text: string, prefix: boolean): number[] => {
    const answer = ask({ text, prefix });
    return 'ids' in answer ? [...answer.ids] : [];
  };
  const decode = (tokens: readonly number[]): string => {
    if (tokens.length === 0) return '';
    const answer = ask({ tokens });
    return 'text' in answer ? answer.text : '';
  };

  try {
    const [bare, whole] = [encode('a', false), encode('a', true)];
    const prefix = whole.length > bare.length ? (whole[0] as number) : null;
    const start = STARTS.map((text) => encode(text, false)).find((ids) => ids.length === 1)?.[0] ?? null;
    return {
      // Not told: nothing may be made of it.
      vocabularySize: 0,
      prefix,
      startOfText: prefix ?? start,
      sha256: createHash('sha256')
        .update(
          JSON.stringify([
            root,
            name,
            prefix,
            start,
            encode("The cat's 12 naïve ideas — 漢字 😀\n\n\t.", false),
          ]),
        )
        .digest('hex'),
      encode: (text, options = {}) =>
        text === '' && options.prefix === false ? [] : encode(text, options.prefix ?? true),
      decode,
      async close() {
        await worker.terminate();
      },
    };
  } catch (error) {
    void worker.terminate();
    throw error;
  }
}

/** As the engine's thread is started (models/backend.ts): the sources run under tsx, whose loader is not inherited. */
function startWorker(workerData: TokenizeSetup): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./tokenizer-thread.js', import.meta.url), { workerData });
  const entry = JSON.stringify(new URL('./tokenizer-thread.ts', import.meta.url).href);
  const code = `import('tsx/esm/api').then((tsx) => (tsx.register(), import(${entry})))`;
  return new Worker(code, { eval: true, workerData });
}
