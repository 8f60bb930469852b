import { UserError } from '../../errors.ts';
import { readAddedTokens, tokenText } from './added.ts';
import { readAffixes } from './affixes.ts';
import type { Pipeline, Rules } from './pipeline.ts';
import type { ModelJson } from './vocabulary.ts';

type Json = Readonly<Record<string, unknown>>;

/** A tokenizer.json, as far as it is read outside of the parts of its pipeline. */
export interface TokenizerJson extends Pipeline {
  readonly model: ModelJson;
  readonly added_tokens?: unknown;
  readonly post_processor?: unknown;
}

/** A tokenizer's files besides its vocabulary: tokenizer_config.json, and the model's config.json. */
export interface Configs {
  readonly tokenizer: Json;
  readonly model: Json;
}

/** transformers' class for a model type whose tokenizer_config.json names none, as far as it matters here. */
const CLASSES: Readonly<Record<string, string>> = {
  gpt2: 'GPT2Tokenizer',
  gpt_neo: 'GPT2Tokenizer',
  gptj: 'GPT2Tokenizer',
  gpt_neox: 'GPTNeoXTokenizer',
  qwen2: 'Qwen2Tokenizer',
  qwen3: 'Qwen2Tokenizer',
  'openai-gpt': 'OpenAIGPTTokenizer',
};
const END_OF_TEXT = { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>' };
/** The named tokens that those classes have where tokenizer_config.json is silent. */
const NAMED: Readonly<Record<string, Json>> = {
  GPT2Tokenizer: END_OF_TEXT,
  GPTNeoXTokenizer: { ...END_OF_TEXT, pad_token: '<|padding|>' },
  Qwen2Tokenizer: { eos_token: '<|endoftext|>' },
  OpenAIGPTTokenizer: { unk_token: '<unk>' },
};

/** The split pattern of Qwen 2 and 3. */
const QWEN_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

function classOf({ tokenizer, model }: Configs): string | undefined {
  const named = tokenizer.tokenizer_class ?? CLASSES[String(model.model_type)];
  return typeof named === 'string' ? named.replace(/Fast$/, '') : undefined;
}

/**
 * Added tokens, prefix and start of text of a tokenizer.json, as `AutoTokenizer.from_pretrained(folder)` has them in
 * transformers 5.18: its post-processor alone says what is put before a text (`add_bos_token` is not heeded), but
 * GPT-NeoX's class puts nothing there.
 *
 * What a post-processor puts behind a text, an end-of-text token, is left out: a context does not end before its
 * continuation, and lm-eval, which cuts the joint tokens at the length of the context's, loses the continuation's
 * first token to it.
 */
export function readRules(path: string, json: TokenizerJson, configs: Configs): Rules {
  const isNeoX = classOf(configs) === 'GPTNeoXTokenizer';
  const { before } = readAffixes(path, isNeoX ? null : json.post_processor);
  if (before.length > 1) {
    throw new UserError(`${path}: puts ${before.length} tokens before a text, expected one or none`);
  }
  return rulesOf(path, json, configs, before[0] ?? null);
}

/**
 * The pipeline of a folder with vocab.json and merges.txt alone is that of transformers' class, and
 * tokenizer_config.json says whether a text begins with the beginning-of-text token.
 * @param merges the text of merges.txt
 * @throws UserError where the class is not one whose pipeline is known here
 */
export function readVocabularyFiles(
  path: string,
  vocab: unknown,
  merges: string,
  configs: Configs,
): { json: TokenizerJson; rules: Rules } {
  const className = classOf(configs);
  const pipeline = pipelineOf(className, configs.tokenizer);
  if (pipeline === undefined) {
    throw new UserError(
      `${path}: without a tokenizer.json, expected a tokenizer_class of ${Object.keys(NAMED).join(', ')}, found ${JSON.stringify(className ?? null)}`,
    );
  }
  const lines = merges.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version'));
  const json = { ...pipeline, model: { ...pipeline.model, vocab, merges: lines } };
  const named: Json = { ...NAMED[className ?? ''], ...configs.tokenizer };
  const rules = rulesOf(path, json, configs, null);
  const bos = tokenText(named.bos_token);
  const prefix =
    named.add_bos_token === true && bos !== undefined
      ? rules.added.find((token) => token.content === bos)?.id
      : null;
  if (prefix === undefined) {
    throw new UserError(
      `${path}: the beginning-of-text token ${JSON.stringify(bos)} is not in the vocabulary`,
    );
  }
  return { json, rules: { ...rules, prefix } };
}

function pipelineOf(className: string | undefined, config: Json): TokenizerJson | undefined {
  const byteLevel = {
    type: 'ByteLevel',
    add_prefix_space: config.add_prefix_space === true,
    use_regex: true,
  };
  const bytes = { model: { type: 'BPE' }, decoder: { type: 'ByteLevel' } };
  if (className === 'GPT2Tokenizer') return { ...bytes, normalizer: null, pre_tokenizer: byteLevel };
  if (className === 'GPTNeoXTokenizer')
    return { ...bytes, normalizer: { type: 'NFC' }, pre_tokenizer: byteLevel };
  if (className === 'Qwen2Tokenizer') {
    const split = { type: 'Split', pattern: { Regex: QWEN_PATTERN }, behavior: 'Isolated', invert: false };
    const pretokenizers = [split, { ...byteLevel, use_regex: false }];
    return {
      ...bytes,
      normalizer: { type: 'NFC' },
      pre_tokenizer: { type: 'Sequence', pretokenizers },
    };
  }
  if (className !== 'OpenAIGPTTokenizer') return undefined;
  const suffix = '</w>';
  return {
    model: { type: 'BPE', unk_token: tokenText(config.unk_token) ?? '<unk>', end_of_word_suffix: suffix },
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'BPEDecoder', suffix },
  };
}

function rulesOf(path: string, json: TokenizerJson, configs: Configs, prefix: number | null): Rules {
  const named: Json = { ...NAMED[classOf(configs) ?? ''], ...configs.tokenizer };
  const ids = new Map(Object.entries((json.model.vocab ?? {}) as Readonly<Record<string, number>>));
  const added = readAddedTokens(path, json.added_tokens, named, ids);
  const idOf = (name: string): number | undefined => {
    const content = tokenText(named[name]);
    return added.find((token) => token.content === content)?.id;
  };
  const idIn = (name: string): number | undefined => {
    const id = configs.model[name];
    return typeof id === 'number' ? id : undefined;
  };
  // As lm-eval takes it: the tokenizer's own tokens by name. The model's ids only where the tokenizer names none.
  const startOfText =
    idOf('bos_token') ?? idOf('eos_token') ?? idIn('bos_token_id') ?? idIn('eos_token_id') ?? null;
  return { added, prefix, startOfText };
}
