import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../errors.ts';
import { readJson } from '../../models/checkpoint.ts';
import type { Model, ModelOptions } from '../../models/open.ts';
import { resolveModel } from '../../models/resolve.ts';
import { openTokenizer } from '../../models/tokenizers/open.ts';
import type { ModelIdentity } from '../../record.ts';
import type { Tokenizer } from '../../types.ts';
import { type Address, apiKey, parseAddress } from './address.ts';
import { servedBackend } from './backend.ts';
import { openEngine } from './engine.ts';
import { CONCURRENCY, type Http, type HttpOptions, openHttp } from './http.ts';
import { openRemoteTokenizer } from './tokenizer.ts';

export interface ServedOptions extends Omit<HttpOptions, 'key' | 'signal'> {
  /** A model whose tokenizer it is: a folder or a name; the server's own is asked otherwise. */
  readonly tokenizer?: string | undefined;
  /** Tokens that a prompt and what is generated behind it may have, where the server does not tell. */
  readonly contextLength?: number | undefined;
}

/** Of /models: more than any server has. */
const LIST_BYTES = 1 << 20;

/**
 * Opens a model behind an OpenAI-compatible API. The server is asked what it has and how it tells log-probabilities.
 * @throws UserError where it can't be scored, in one sentence
 */
export async function openServed(ref: string, options: ModelOptions & ServedOptions = {}): Promise<Model> {
  const address = parseAddress(ref);
  if (options.dtype !== undefined && options.dtype !== 'fp32')
    throw new UserError(`--dtype ${options.dtype}: a served model has its server's precision`);
  if (options.revision)
    throw new UserError(`--revision ${options.revision}: ${ref} is served, not a model of the hub`);
  const { base } = address;
  const concurrency = options.concurrency ?? CONCURRENCY;
  const { signal, onWarning } = options;
  const http = openHttp(base, { ...options, key: apiKey(base) });
  const { name, entry } = await findModel(http, address);
  const tokenizer = await tokenizerOf(address, name, options);
  try {
    const engine = await openEngine({ http, base, name, tokenizer });
    const { dialect } = engine;
    const told = entry.max_model_len ?? entry.context_length;
    const window = options.contextLength ?? (typeof told === 'number' ? told : undefined);
    if (window === undefined)
      throw new UserError(
        `${ref}: the server does not tell its window (max_model_len of /models): add --context-length N`,
      );
    // The window counts the scored token, which is never fed, and one that some servers can't but generate.
    const contextLength = window - 1 - dialect.maxTokens;
    if (!Number.isSafeInteger(contextLength) || contextLength < 2)
      throw new UserError(`${ref}: expected a window of some tokens, found ${window}`);
    signal?.throwIfAborted();
    if (!dialect.ids)
      onWarning?.(`${ref}: takes no token ids: prompts go as text, and must come back as the same tokens`);
    const served = { url: base, name, entry };
    const identity: ModelIdentity = {
      ref,
      sha256: sha256(served),
      parameters: typeof entry.parameters === 'number' ? entry.parameters : 0,
      architecture: 'served',
      config_sha256: sha256(entry),
      tokenizer_sha256: tokenizer.sha256,
      served,
    };
    return {
      identity,
      tokenizer,
      contextLength,
      endTokens: [],
      architecture: {
        ...{ name: 'served', contextLength, vocabularySize: tokenizer.vocabularySize },
        ...{ layers: 1, keyValueHeads: 1, headSize: 1, rotary: null, shares: false },
        graph: () => {
          throw new Error('a served model has no graph here');
        },
      },
      threads: 0,
      runtime: 'served',
      served: { probe: engine.probe, tellsIds: engine.tellsIds },
      // The same address may serve other weights tomorrow: the probe's log-probabilities tell them apart.
      scoreIdentity: () => [
        'served',
        identity.sha256,
        tokenizer.sha256,
        contextLength,
        dialect.form,
        ...engine.probe,
      ],
      open: async () =>
        servedBackend(engine, concurrency, () => {
          http.close();
          if ('close' in tokenizer) void (tokenizer as { close(): Promise<void> }).close();
        }),
    };
  } catch (error) {
    http.close();
    throw error;
  }
}

/** What of an entry of /models is the same from call to call, and says what is served. */
function lasting(entry: Readonly<Record<string, unknown>>): Record<string, string | number | boolean | null> {
  const kept = Object.entries(entry).filter(
    ([key, value]) =>
      key !== 'created' && (value === null || ['string', 'number', 'boolean'].includes(typeof value)),
  );
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1))) as ReturnType<typeof lasting>;
}

/** The model's name and entry in /models, where the server has such a list. */
async function findModel(
  http: Http,
  { ref, base, name }: Address,
): Promise<{ name: string; entry: ReturnType<typeof lasting> }> {
  const url = `${base}/models`;
  const reply = await http.json(url, { most: LIST_BYTES }).catch((error: unknown) => {
    // A server that has no list may have the model all the same.
    if (name !== '' && error instanceof UserError && 'status' in error && error.status === 404)
      return { data: [] };
    throw error;
  });
  const list = (reply as { data?: unknown } | null)?.data;
  const models = (Array.isArray(list) ? list : []).filter(
    (model): model is Record<string, unknown> => typeof (model as { id?: unknown } | null)?.id === 'string',
  );
  if (name === '') {
    const [only] = models;
    if (models.length === 1 && only) return { name: String(only.id), entry: lasting(only) };
    throw new UserError(`--model ${ref}: expected a name behind "#", ${namesOf(models)}`);
  }
  const found = models.find(({ id }) => id === name);
  if (!found && models.length > 0)
    throw new UserError(`--model ${ref}: the server has no model "${name}", ${namesOf(models)}`);
  return { name, entry: lasting(found ?? {}) };
}

function namesOf(models: readonly Readonly<Record<string, unknown>>[]): string {
  const names = models.map(({ id }) => String(id).slice(0, 80));
  if (names.length === 0) return 'and the server lists none';
  return `found ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
}

async function tokenizerOf(
  { ref, base }: Address,
  name: string,
  options: ModelOptions & ServedOptions,
): Promise<Tokenizer> {
  if (options.tokenizer === undefined) {
    try {
      return openRemoteTokenizer(base.replace(/\/v1$/, ''), name);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(`${ref}: add --tokenizer REF, the served model's tokenizer: ${error.message}`);
    }
  }
  const { path } = await resolveModel(options.tokenizer, { ...options, revision: null });
  const folder = await stat(path);
  if (!folder.isDirectory())
    throw new UserError(`--tokenizer ${options.tokenizer}: expected a folder, found a file`);
  const config = await readJson(join(path, 'config.json')).catch((): Record<string, unknown> => ({}));
  const size = config.vocab_size;
  return openTokenizer(path, { vocabularySize: typeof size === 'number' ? size : Infinity, config });
}

function sha256(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
