import { UserError } from '../../errors.ts';

/** A served model: `http(s)://host/v1#name`. */
export interface Address {
  /** As the user gave it; nothing in it is secret. */
  readonly ref: string;
  /** Up to `/v1`, without a slash at its end. */
  readonly base: string;
  /** Empty where the server's only model is meant. */
  readonly name: string;
}

/** True for a reference to a served model. */
export function isServed(ref: string): boolean {
  return /^https?:\/\//i.test(ref);
}

/** @throws UserError where it is not such an address, or holds what is to be kept secret */
export function parseAddress(ref: string): Address {
  let url: URL;
  try {
    url = new URL(ref);
  } catch {
    throw new UserError(`--model: expected http(s)://host/v1#name, found "${withoutSecrets(ref)}"`);
  }
  // An address stands in records and reports.
  if (url.username !== '' || url.password !== '' || url.search !== '') {
    throw new UserError(
      `--model ${url.origin}${url.pathname}: expected no user, password or query in the address; a key goes into EVALGPT_API_KEY`,
    );
  }
  let name: string;
  try {
    name = decodeURIComponent(url.hash.slice(1));
  } catch {
    throw new UserError(`--model ${ref}: its name cannot be read: "%" stands before two hexadecimal digits`);
  }
  return { ref, base: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, name };
}

function withoutSecrets(ref: string): string {
  return ref.replace(/\/\/[^/]*@/, '//…@').replace(/\?.*/, '?…');
}

/** Hosts whose traffic leaves no machine. */
function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);
}

/**
 * The key for a server, from the environment: EVALGPT_API_KEY, or OPENAI_API_KEY for OpenAI's own host and no other.
 * @throws UserError where the key can't stand in a header, or would cross a network in the clear
 */
export function apiKey(base: string, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const { hostname, protocol } = new URL(base);
  const own = environment.EVALGPT_API_KEY?.trim();
  const key = own || (hostname === 'api.openai.com' ? environment.OPENAI_API_KEY?.trim() : undefined);
  if (!key) return undefined;
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new UserError('EVALGPT_API_KEY: expected a key of printable ASCII characters without spaces');
  if (protocol === 'http:' && !isLoopback(hostname)) {
    throw new UserError(
      `${base}: a key is not sent over http to another machine: use https, or unset EVALGPT_API_KEY`,
    );
  }
  return key;
}

/** The first model whose server would get a key: one that only a file names, which may come from anyone, should not. */
export function wouldGetKey(refs: readonly string[], environment?: NodeJS.ProcessEnv): string | undefined {
  return refs.find((ref) => isServed(ref) && apiKey(parseAddress(ref).base, environment) !== undefined);
}
