import { UserError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';

/** Reads the switches of a config.json with their types checked; errors name the file, the key and what was found. */
export interface ConfigReader {
  count(key: string, fallback?: number): number;
  number(key: string, fallback: number): number;
  flag(key: string, fallback: boolean): boolean;
  choice<T extends string>(key: string, allowed: readonly T[], fallback: T): T;
  /** A value that the architecture checks by itself. */
  raw(key: string): unknown;
  /** Refuses a checkpoint in which the key holds anything but one of the given values or nothing at all. */
  only(key: string, ...values: readonly (string | number | boolean | null)[]): void;
  /** Throws the error for a key whose value is not what was expected. */
  fail(key: string, expected: string): never;
  /** Refuses keys that nobody asked for and that are not known to leave the forward pass alone. */
  done(): void;
}

/** Keys of transformers' configurations that say nothing of how logits are computed. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(
  [
    // what the file is
    'architectures model_type _name_or_path name_or_path transformers_version torch_dtype dtype tokenizer_class auto_map',
    'transformers.js_config is_llama_config _attn_implementation_autoset _attn_implementation attn_implementation',
    // how it was trained
    'initializer_range attention_dropout hidden_dropout resid_pdrop embd_pdrop attn_pdrop resid_dropout embed_dropout',
    'classifier_dropout gradient_checkpointing pretraining_tp use_bfloat16 tf_legacy_loss torchscript',
    // how other programs call it
    'use_cache output_attentions output_hidden_states output_scores output_past return_dict return_dict_in_generate',
    'chunk_size_feed_forward cache_implementation is_decoder n_ctx reorder_and_upcast_attn',
    // other heads than the language model's
    'summary_activation summary_first_dropout summary_proj_to_labels summary_type summary_use_proj id2label label2id',
    'num_labels _num_labels problem_type finetuning_task task_specific_params n_special predict_special_tokens',
    // how text is made from it
    'bos_token_id eos_token_id pad_token_id unk_token_id sep_token_id decoder_start_token_id prefix do_sample temperature',
    'top_k top_p typical_p max_length min_length max_new_tokens num_beams num_beam_groups diversity_penalty early_stopping',
    'repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size bad_words_ids suppress_tokens',
    'num_return_sequences forced_bos_token_id forced_eos_token_id remove_invalid_values begin_suppress_tokens',
    'exponential_decay_length_penalty',
  ].flatMap((line) => line.split(' ')),
);

/** True for a switch that is off, whatever it is called. */
function isOff(value: unknown): boolean {
  if (value === null || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

export function readConfig(checkpoint: Pick<Checkpoint, 'config' | 'folder'>): ConfigReader {
  const { config, folder } = checkpoint;
  const asked = new Set<string>();
  const fail = (key: string, expected: string): never => {
    throw new UserError(
      `${folder}/config.json: "${key}" expected ${expected}, found ${JSON.stringify(config[key])}`,
    );
  };
  const raw = (key: string): unknown => {
    asked.add(key);
    return config[key];
  };
  const read = <T>(
    key: string,
    fallback: T | undefined,
    test: (v: unknown) => v is T,
    expected: string,
  ): T => {
    const value = raw(key);
    if ((value === undefined || value === null) && fallback !== undefined) return fallback;
    return test(value) ? value : fail(key, expected);
  };
  return {
    fail,
    raw,
    count: (key, fallback) =>
      read(
        key,
        fallback,
        (v): v is number => Number.isSafeInteger(v) && (v as number) > 0,
        'a whole number above 0',
      ),
    number: (key, fallback) => read(key, fallback, (v): v is number => Number.isFinite(v), 'a number'),
    flag: (key, fallback) =>
      read(key, fallback, (v): v is boolean => typeof v === 'boolean', 'true or false'),
    choice: <T extends string>(key: string, allowed: readonly T[], fallback: T): T =>
      read(key, fallback, (v): v is T => allowed.includes(v as T), `one of ${allowed.join(', ')}`),
    only: (key, ...values) => {
      const value = raw(key) ?? null;
      if (value !== null && !values.includes(value as never))
        fail(key, values.map((v) => JSON.stringify(v)).join(' or '));
    },
    done() {
      for (const [key, value] of Object.entries(config)) {
        if (asked.has(key) || WITHOUT_EFFECT.has(key) || isOff(value)) continue;
        throw new UserError(
          `${folder}/config.json: "${key}" (${JSON.stringify(value).slice(0, 80)}) is a switch that evalgpt does not know for model_type ${JSON.stringify(config.model_type)}`,
        );
      }
    },
  };
}
