import { UserError } from '../../errors.ts';
import { SPACE } from './unicode.ts';

/** A token that is looked for in a text before it is split into pieces. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  /** Only where no letter, digit or mark touches it. */
  readonly single_word: boolean;
  /** Takes the white space before it, behind it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Looked for in the normalised text. */
  readonly normalized: boolean;
}

const WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]';
const ENDS_WITH_WORD = new RegExp(`${WORD}$`, 'u');
const STARTS_WITH_WORD = new RegExp(`^${WORD}`, 'u');
const SPACE_AT_END = new RegExp(`[${SPACE}]*$`, 'u');
const SPACE_AT_START = new RegExp(`^[${SPACE}]*`, 'u');

/**
 * Cuts a text at its added tokens as the reference does (AddedVocabulary of Hugging Face's tokenizers): first those
 * looked for in the text as it is; what lies between is normalised, and cut at the others.
 * @param normalise the tokenizer's normaliser
 * @returns for a text, ids of added tokens and normalised texts between them. Special tokens are ordinary text
 *   unless `special`.
 */
export function addedTokenSplitter(
  added: readonly AddedToken[],
  normalise: (text: string) => string,
): (text: string, special: boolean) => (number | string)[] {
  const asIs = finder(
    added.filter((token) => !token.normalized),
    (text) => text,
  );
  const normalised = finder(
    added.filter((token) => token.normalized),
    normalise,
  );
  return (text, special) => {
    const parts: (number | string)[] = [];
    for (const part of asIs(text, special)) {
      if (typeof part === 'number') parts.push(part);
      else for (const inner of normalised(normalise(part), special)) parts.push(inner);
    }
    return parts;
  };
}

function finder(
  added: readonly AddedToken[],
  normalise: (text: string) => string,
): (text: string, special: boolean) => (number | string)[] {
  const byText = new Map(added.map((token) => [normalise(token.content), token]));
  byText.delete('');
  // Leftmost, and the longest of those: a special token that is not asked for hides those within it all the same.
  const texts = [...byText.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(
    texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'),
    'gu',
  );
  const onlySpecial = added.every((token) => token.special);

  return (text, special) => {
    if (text === '') return [];
    if (texts.length === 0 || (onlySpecial && !special)) return [text];
    const parts: (number | string)[] = [];
    let done = 0;
    for (const match of text.matchAll(pattern)) {
      const token = byText.get(match[0])!;
      if (token.special && !special) continue;
      let start = match.index;
      let end = start + match[0].length;
      if (
        token.single_word &&
        (ENDS_WITH_WORD.test(text.slice(0, start)) || STARTS_WITH_WORD.test(text.slice(end)))
      )
        continue;
      if (token.lstrip) {
        const space = SPACE_AT_END.exec(text.slice(done, Math.max(start, done)))![0];
        start = Math.max(start - space.length, done);
      }
      if (token.rstrip) end += SPACE_AT_START.exec(text.slice(end))![0].length;
      if (done < start) parts.push(text.slice(done, start));
      parts.push(token.id);
      done = end;
    }
    if (done !== text.length) parts.push(text.slice(done));
    return parts;
  };
}

const FLAGS = ['special', 'single_word', 'lstrip', 'rstrip', 'normalized'] as const;

/**
 * The added tokens of a tokenizer.json, and those that tokenizer_config.json adds or changes as transformers has it:
 * `added_tokens_decoder`, and the named tokens (bos_token, …), which are special.
 * @param ids the vocabulary
 * @throws UserError where one is malformed, or has an id that the reference would not give it
 */
export function readAddedTokens(
  path: string,
  listed: unknown,
  config: Readonly<Record<string, unknown>>,
  ids: ReadonlyMap<string, number>,
): AddedToken[] {
  const found = new Map<string, AddedToken>();
  const given = new Map<string, number>();
  const add = (entry: unknown, id: unknown, where: string): void => {
    const { content, ...flags } = (entry ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof content !== 'string') {
      throw new UserError(`${where}: expected an added token with "content", found ${JSON.stringify(entry)}`);
    }
    if (content === '') return;
    // The vocabulary's own id, else the next free one: what a file says besides is not heeded by the reference.
    const expected = ids.get(content) ?? given.get(content) ?? nextId(ids.size, given);
    if (id !== undefined && Number(id) !== expected) {
      throw new UserError(
        `${where}: added token ${JSON.stringify(content)} has id ${JSON.stringify(id)}, expected ${expected}`,
      );
    }
    given.set(content, expected);
    const [special, single_word, lstrip, rstrip, normalized] = FLAGS.map((flag) => flags[flag] === true);
    found.set(content, {
      id: expected,
      content,
      special: special!,
      single_word: single_word!,
      lstrip: lstrip!,
      rstrip: rstrip!,
      normalized: normalized!,
    });
  };

  for (const entry of Array.isArray(listed) ? listed : [])
    add(entry, (entry as { id?: unknown } | null)?.id ?? null, path);
  const decoder = config.added_tokens_decoder;
  const configPath = `${path}: tokenizer_config.json`;
  for (const [id, entry] of Object.entries((decoder ?? {}) as object)) add(entry, id, configPath);
  for (const name of NAMED) {
    const content = tokenText(config[name]);
    if (content === undefined || content === '') continue;
    const known = found.get(content);
    // One that no list has and the vocabulary lacks would be a token that the model does not have either.
    if (known?.special || (known === undefined && !ids.has(content))) continue;
    add({ ...(known ?? { content }), special: true }, undefined, configPath);
  }
  return [...found.values()];
}

const NAMED = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

function nextId(size: number, given: ReadonlyMap<string, number>): number {
  let largest = -1;
  for (const id of given.values()) largest = Math.max(largest, id);
  return largest >= size || size === 0 ? largest + 1 : size;
}

/** A named token as tokenizer_config.json writes it: its text, or an object that holds it. */
export function tokenText(entry: unknown): string | undefined {
  const text = typeof entry === 'object' && entry !== null ? (entry as { content?: unknown }).content : entry;
  return typeof text === 'string' ? text : undefined;
}
