import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../errors.ts';
import { apiKey } from './address.ts';
import { openHttp } from './http.ts';
import type { TokenizeAnswer, TokenizeAsked, TokenizeSetup } from './tokenizer.ts';

/** Asks a server for tokens while the main thread waits. */
const { root, name, flag } = workerData as TokenizeSetup;
const signal = new Int32Array(flag);
const http = openHttp(root, {
  key: apiKey(root),
  timeoutMs: 3000,
  attempts: 3,
  firstWaitMs: 100,
  longestWaitMs: 500,
});

async function answer(asked: TokenizeAsked): Promise<TokenizeAnswer> {
  if ('text' in asked) {
    const url = `${root}/tokenize`;
    const body = { model: name, prompt: asked.text, add_special_tokens: asked.prefix };
    const reply = (await http.json(url, { body, most: 65_536 + 64 * asked.text.length })) as Record<
      string,
      unknown
    >;
    const ids = reply?.tokens;
    if (!Array.isArray(ids) || !ids.every((id) => Number.isSafeInteger(id) && id >= 0))
      return { error: `${url}: expected "tokens" to be token ids` };
    return { ids };
  }
  const url = `${root}/detokenize`;
  const body = { model: name, tokens: asked.tokens };
  const reply = (await http.json(url, { body, most: 65_536 + 1024 * asked.tokens.length })) as Record<
    string,
    unknown
  >;
  return typeof reply?.prompt === 'string'
    ? { text: reply.prompt }
    : { error: `${url}: expected "prompt" to be a text` };
}

parentPort?.once('message', (port: MessagePort) => {
  port.on('message', (asked: TokenizeAsked) => {
    answer(asked)
      .catch((error: unknown): TokenizeAnswer => ({ error: messageOf(error) }))
      .then((found) => {
        port.postMessage(found);
        Atomics.store(signal, 0, 1);
        Atomics.notify(signal, 0);
      });
  });
});
