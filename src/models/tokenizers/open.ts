import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ranks from 'gpt-tokenizer/bpeRanks/r50k_base';
import { UserError } from '../../errors.ts';
import type { Tokenizer } from '../../types.ts';
import { readJson } from '../checkpoint.ts';
import { GPT2_VOCABULARY, gpt2Tokenizer } from './gpt2.ts';
import { jsonTokenizer, type TokenizerJson } from './json.ts';

/** A text with white space, contractions, digits, accents, emoji and CJK: decode(encode(x)) must give it back. */
const ROUND_TRIP = " The cat's 12 naïve ideas\n\n\tcost 3.50 € — 漢字 😀.";

/**
 * Opens the tokenizer of a checkpoint folder: GPT-2's vocabulary by gpt-tokenizer, any other tokenizer.json by
 * @huggingface/tokenizers. A GPT-2-sized model without tokenizer files is taken to use GPT-2's vocabulary.
 * @throws UserError where the files are missing, malformed or of another vocabulary than the model's.
 */
export async function openTokenizer(
  folder: string,
  model: { readonly vocabularySize: number; readonly config: Readonly<Record<string, unknown>> },
): Promise<Tokenizer> {
  const tokenizer = await read(folder, model);
  if (tokenizer.vocabularySize > model.vocabularySize) {
    throw new UserError(
      `${folder}: the tokenizer has ${tokenizer.vocabularySize} tokens, but the model's vocab_size is ${model.vocabularySize}`,
    );
  }
  return tokenizer;
}

async function read(
  folder: string,
  model: { readonly vocabularySize: number; readonly config: Readonly<Record<string, unknown>> },
): Promise<Tokenizer> {
  const tokenizerPath = join(folder, 'tokenizer.json');
  const vocabularyPath = join(folder, 'vocab.json');
  if (existsSync(tokenizerPath)) {
    const json = (await readJson(tokenizerPath)) as unknown as TokenizerJson;
    if (typeof json.model !== 'object' || json.model === null) {
      throw new UserError(
        `${tokenizerPath}: expected "model" to be an object, found ${JSON.stringify(json.model)}`,
      );
    }
    if (isPlainByteLevel(json) && isGpt2Vocabulary(json.model.vocab)) return checked(folder, gpt2Tokenizer());
    const configPath = join(folder, 'tokenizer_config.json');
    const config = existsSync(configPath) ? await readJson(configPath) : {};
    return jsonTokenizer(tokenizerPath, json, config, startOfText(json, config, model.config));
  }
  if (existsSync(vocabularyPath)) {
    if (isGpt2Vocabulary(await readJson(vocabularyPath)) && existsSync(join(folder, 'merges.txt'))) {
      const merges = (await readFile(join(folder, 'merges.txt'), 'utf8'))
        .split('\n')
        .filter((line) => line !== '');
      const count = merges.filter((line) => !line.startsWith('#version')).length;
      if (count !== 50_000)
        throw new UserError(`${folder}/merges.txt: expected 50000 merges, found ${count}`);
      return checked(folder, gpt2Tokenizer());
    }
    throw new UserError(
      `${vocabularyPath}: not GPT-2's vocabulary; a tokenizer.json is needed for any other`,
    );
  }
  if (model.vocabularySize >= GPT2_VOCABULARY && model.config.model_type === 'gpt2') {
    return checked(folder, gpt2Tokenizer());
  }
  throw new UserError(
    `${folder}: no tokenizer.json, and a vocab_size of ${model.vocabularySize} is not GPT-2's ${GPT2_VOCABULARY}`,
  );
}

function checked(folder: string, tokenizer: Tokenizer): Tokenizer {
  const back = tokenizer.decode(tokenizer.encode(ROUND_TRIP));
  if (back !== ROUND_TRIP || ranks.length !== GPT2_VOCABULARY - 1) {
    throw new Error(`${folder}: the installed gpt-tokenizer fails its self-check: ${JSON.stringify(back)}`);
  }
  return tokenizer;
}

/** True for GPT-2's own pipeline: no normaliser, and byte-level splitting without a space put before the text. */
function isPlainByteLevel(json: TokenizerJson): boolean {
  const {
    type,
    add_prefix_space: space,
    use_regex: split,
  } = (json.pre_tokenizer ?? {}) as Record<string, unknown>;
  return (
    json.model.type === 'BPE' &&
    json.normalizer == null &&
    type === 'ByteLevel' &&
    space !== true &&
    split !== false
  );
}

/** True where all of GPT-2's 50,256 tokens have GPT-2's ids. */
function isGpt2Vocabulary(vocabulary: unknown): boolean {
  if (typeof vocabulary !== 'object' || vocabulary === null) return false;
  const ids = vocabulary as Readonly<Record<string, unknown>>;
  return ranks.every((token, rank) => {
    let written = '';
    for (const byte of Buffer.from(token)) written += BYTE_CHARACTERS[byte];
    return ids[written] === rank;
  });
}

/** GPT-2 writes each byte of a token as one visible character (bytes_to_unicode of the GPT-2 release). */
const BYTE_CHARACTERS: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCodePoint(visible ? byte : next++);
  });
})();

/** Beginning-of-text, else end-of-text: from the tokenizer's configuration by name, else the model's by id. */
function startOfText(
  json: TokenizerJson,
  tokenizerConfig: Readonly<Record<string, unknown>>,
  modelConfig: Readonly<Record<string, unknown>>,
): number | null {
  for (const name of ['bos_token', 'eos_token']) {
    const entry = tokenizerConfig[name];
    const text =
      typeof entry === 'object' && entry !== null ? (entry as { content?: unknown }).content : entry;
    const added = json.added_tokens?.find((token) => token.content === text);
    if (added) return added.id;
    const id = modelConfig[`${name}_id`];
    if (typeof id === 'number') return id;
  }
  return null;
}
