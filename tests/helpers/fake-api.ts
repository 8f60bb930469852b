import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolveModel } from '../../src/models/resolve.ts';
import { openTokenizer } from '../../src/models/tokenizers/open.ts';
import type { Tokenizer } from '../../src/types.ts';
import { hashLogprob, hashTop } from './backends.ts';

export type Body = Readonly<Record<string, unknown>>;
/** Answers a request: by what it returns, or by itself. */
export type Handle = (
  body: Body,
  request: IncomingMessage,
  response: ServerResponse,
) => object | undefined | Promise<object | undefined>;

/** A server of an API that is not ours. */
export interface FakeApi {
  readonly url: string;
  readonly requests: {
    readonly url: string;
    readonly body: Body;
    readonly authorization: string | undefined;
  }[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** An error that a handler throws to be answered with. */
export class Status extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function fakeApi(handle: Handle): Promise<FakeApi> {
  const requests: FakeApi['requests'] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = (text === '' ? {} : JSON.parse(text)) as Body;
    requests.push({ url: request.url ?? '', body, authorization: request.headers.authorization });
    try {
      const answer = await handle(body, request, response);
      if (answer) response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
    } catch (error) {
      const status = error instanceof Status ? error.status : 500;
      response
        .writeHead(status)
        .end(JSON.stringify({ error: { message: String((error as Error).message) } }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a server of completions takes and gives; those that we can't run here are known by their documentation. */
export interface Shape {
  readonly takesIds: boolean;
  readonly takesZero: boolean;
  /** Refuses fields that it does not know. */
  readonly strict: boolean;
  readonly echo: boolean;
  readonly promptLogprobs: boolean;
  readonly tokenIds: boolean;
  readonly window: number | undefined;
}

export const VLLM: Shape = {
  ...{ takesIds: true, takesZero: true, strict: false, echo: true, promptLogprobs: true, tokenIds: true },
  window: 322,
};
export const OPENAI_LEGACY: Shape = {
  ...{ takesIds: true, takesZero: true, strict: true, echo: true, promptLogprobs: false, tokenIds: false },
  window: undefined,
};

export async function demoTokenizer(): Promise<Tokenizer> {
  const { path } = await resolveModel('demo-tiny');
  return openTokenizer(path, { vocabularySize: 768, config: {} });
}

/** Log-probabilities of a prompt: hashes of what stands before each token. */
export function hashed(ids: readonly number[]): { logprob: number; top: number; topLogprob: number }[] {
  return ids.map((id, i) => {
    const visible = ids.slice(0, i).map((seen, position) => [seen, position] as const);
    const [logprob, top] = [hashLogprob(visible, id), hashTop(visible)];
    return { logprob, top, topLogprob: top === id ? logprob : logprob / 2 };
  });
}

/** A server of this shape whose model is a hash. */
export function hashServer(shape: Shape, tokenizer: Tokenizer): Handle {
  const known = ['model', 'prompt', 'max_tokens', 'temperature', 'echo', 'logprobs', 'stop', 'seed'];
  return (body, request) => {
    if (request.url === '/v1/models') {
      // Numbers that change from call to call are no part of what is served.
      const window = shape.window === undefined ? {} : { max_model_len: shape.window };
      return {
        data: [
          {
            id: 'hash',
            object: 'model',
            created: Date.now(),
            ...window,
            permission: [{ id: Math.random() }],
          },
        ],
      };
    }
    if (request.url !== '/v1/completions') throw new Status(404, 'Not Found');
    const unknown = Object.keys(body).find((key) => !known.includes(key));
    if (shape.strict && unknown) throw new Status(400, `Unrecognized request argument supplied: ${unknown}`);
    const { prompt, echo = false, max_tokens: max = 16 } = body;
    if (!shape.takesIds && typeof prompt !== 'string') throw new Status(400, 'prompt must be a string');
    if (!shape.takesZero && max === 0) throw new Status(400, 'max_tokens must be at least 1');
    if (!shape.echo && echo)
      throw new Status(400, "Setting 'echo' and 'logprobs' at the same time is not supported");
    const ids =
      typeof prompt === 'string' ? tokenizer.encode(prompt, { special: true }) : (prompt as number[]);
    // One token is enough of a text.
    const written = Number(max) > 0 ? [65] : [];
    const all = hashed([...ids, ...written]);
    const list = echo ? [...ids, ...written] : written;
    const spell = (id: number): string =>
      body.return_tokens_as_token_ids && shape.tokenIds ? `token_id:${id}` : tokenizer.decode([id]);
    let offset = 0;
    const told = list.map((id, i) => {
      const { logprob, top, topLogprob } = all[echo ? i : ids.length + i] as ReturnType<
        typeof hashed
      >[number];
      const place = offset;
      offset += tokenizer.decode([id]).length;
      return { id, place, logprob, tops: { [spell(top)]: topLogprob, [spell(id)]: logprob } };
    });
    const first = echo ? 0 : -1;
    return {
      choices: [
        {
          index: 0,
          text: tokenizer.decode(list),
          finish_reason: 'length',
          logprobs:
            body.logprobs === undefined
              ? null
              : {
                  tokens: told.map(({ id }) => spell(id)),
                  token_logprobs: told.map(({ logprob }, i) => (i === first ? null : logprob)),
                  top_logprobs: told.map(({ tops }, i) => (i === first ? null : tops)),
                  text_offset: told.map(({ place }) => place),
                },
          ...(body.prompt_logprobs !== undefined && shape.promptLogprobs
            ? {
                prompt_logprobs: ids.map((id, i) => {
                  const { logprob, top, topLogprob } = all[i] as ReturnType<typeof hashed>[number];
                  const entry = (value: number, rank: number): object => ({
                    logprob: value,
                    rank,
                    decoded_token: '',
                  });
                  return i === 0
                    ? null
                    : { [id]: entry(logprob, top === id ? 1 : 2), [top]: entry(topLogprob, 1) };
                }),
              }
            : {}),
        },
      ],
    };
  };
}
