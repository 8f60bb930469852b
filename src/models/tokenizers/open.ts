import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ranks from 'gpt-tokenizer/bpeRanks/r50k_base';
import { UserError } from '../../errors.ts';
import type { Tokenizer } from '../../types.ts';
import { readJson } from '../checkpoint.ts';
import { byteLevelTokenizer, isByteLevel } from './byte-level.ts';
import { BYTE_CHARACTERS } from './bytes.ts';
import { characterTokenizer } from './characters.ts';
import { type Configs, readRules, readVocabularyFiles, type TokenizerJson } from './files.ts';
import { gpt1Tokenizer, isGpt1 } from './gpt1.ts';
import { GPT2_VOCABULARY, gpt2Tokenizer } from './gpt2.ts';
import { isMetaspace, metaspaceTokenizer } from './metaspace.ts';
import type { Rules } from './pipeline.ts';

/** A text with white space, contractions, digits, accents, emoji and CJK: decode(encode(x)) must give it back. */
const ROUND_TRIP = " The cat's 12 naïve ideas\n\n\tcost 3.50 € — 漢字 😀.";

/**
 * Opens the tokenizer of a checkpoint folder: GPT-2's vocabulary by gpt-tokenizer, other byte-level ones,
 * GPT-1's and those with marked spaces (Llama 2) by the readers here, one of single characters by
 * @huggingface/tokenizers. Any other kind is refused. A GPT-2-sized model without tokenizer files is taken to use GPT-2's vocabulary.
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
  const configPath = join(folder, 'tokenizer_config.json');
  const configs: Configs = {
    tokenizer: existsSync(configPath) ? await readJson(configPath) : {},
    model: model.config,
  };
  if (existsSync(tokenizerPath)) {
    const json = (await readJson(tokenizerPath)) as unknown as TokenizerJson;
    if (typeof json.model !== 'object' || json.model === null) {
      throw new UserError(
        `${tokenizerPath}: expected "model" to be an object, found ${JSON.stringify(json.model)}`,
      );
    }
    return build(folder, tokenizerPath, json, readRules(tokenizerPath, json, configs), configs);
  }
  if (existsSync(vocabularyPath)) {
    const mergesPath = join(folder, 'merges.txt');
    if (!existsSync(mergesPath)) throw new UserError(`${folder}: vocab.json needs a merges.txt beside it`);
    const { json, rules } = readVocabularyFiles(
      vocabularyPath,
      await readJson(vocabularyPath),
      await readFile(mergesPath, 'utf8'),
      configs,
    );
    return build(folder, vocabularyPath, json, rules, configs);
  }
  if (model.vocabularySize >= GPT2_VOCABULARY && model.config.model_type === 'gpt2') {
    return checked(folder, gpt2Tokenizer());
  }
  throw new UserError(
    `${folder}: expected a tokenizer.json, or vocab.json and merges.txt, found neither; only a gpt2 model of at least ${GPT2_VOCABULARY} tokens is known to have GPT-2's vocabulary, and this is ${JSON.stringify(model.config.model_type ?? null)} of ${model.vocabularySize}`,
  );
}

function build(folder: string, path: string, json: TokenizerJson, rules: Rules, configs: Configs): Tokenizer {
  if (isGpt2(json, rules)) {
    const { length } = json.model.merges as readonly unknown[];
    if (length !== 50_000) throw new UserError(`${path}: expected GPT-2's 50000 merges, found ${length}`);
    return checked(folder, gpt2Tokenizer());
  }
  if (isByteLevel(json)) return byteLevelTokenizer(path, json, rules);
  if (isGpt1(json)) return gpt1Tokenizer(path, json, rules);
  if (isMetaspace(json)) return metaspaceTokenizer(path, json, rules);
  return characterTokenizer(path, json, configs.tokenizer, rules);
}

function checked(folder: string, tokenizer: Tokenizer): Tokenizer {
  const back = tokenizer.decode(tokenizer.encode(ROUND_TRIP));
  if (back !== ROUND_TRIP || ranks.length !== GPT2_VOCABULARY - 1) {
    throw new Error(`${folder}: the installed gpt-tokenizer fails its self-check: ${JSON.stringify(back)}`);
  }
  return tokenizer;
}

/** True for GPT-2's own tokenizer: its vocabulary, no normaliser, no space or token put before a text. */
function isGpt2(json: TokenizerJson, rules: Rules): boolean {
  const {
    type,
    add_prefix_space: space,
    use_regex: split,
  } = (json.pre_tokenizer ?? {}) as Record<string, unknown>;
  return (
    json.model.type === 'BPE' &&
    Array.isArray(json.model.merges) &&
    json.normalizer == null &&
    type === 'ByteLevel' &&
    space !== true &&
    split !== false &&
    rules.prefix === null &&
    rules.added.every((token) => token.id === GPT2_VOCABULARY - 1) &&
    rules.startOfText === GPT2_VOCABULARY - 1 &&
    isGpt2Vocabulary(json.model.vocab)
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
