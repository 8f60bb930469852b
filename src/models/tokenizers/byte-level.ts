import { UserError } from '../../errors.ts';
import type { Tokenizer } from '../../types.ts';
import { BYTE_CHARACTERS, bytesOf } from './bytes.ts';
import { literalPattern, referencePattern } from './pattern.ts';
import { assembleTokenizer, type Pipeline, type Rules, remembering, tokenTexts } from './pipeline.ts';
import { nfc } from './unicode.ts';
import { readVocabulary, unknownSwitch } from './vocabulary.ts';

/** GPT-2's split pattern (encoder.py of the GPT-2 release), which ByteLevel has built in. */
export const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

type Json = Readonly<Record<string, unknown>>;
/** One step of splitting: the pieces that a piece is cut into. */
type Step = (piece: string) => readonly string[];

/** True where the last step of splitting makes bytes of the text: the kind of vocabulary that is read here. */
export function isByteLevel(json: Pipeline): boolean {
  const steps = stepsOf(json.pre_tokenizer);
  return json.model.type === 'BPE' && steps.at(-1)?.type === 'ByteLevel';
}

/**
 * Byte-level BPE of any vocabulary: GPT-2, GPT-NeoX and Pythia, Llama 3, Qwen, SmolLM and Mistral's newer models.
 * Equal to the reference, Hugging Face's tokenizers, for all that it reads; anything else is refused.
 */
export function byteLevelTokenizer(path: string, json: Pipeline, rules: Rules): Tokenizer {
  const { model } = json;
  const refuse = (what: string): never => {
    throw new UserError(`${path}: ${what} is not supported in a byte-level tokenizer`);
  };
  if (model.dropout) refuse(`dropout ${model.dropout}`);
  if (model.byte_fallback) refuse('byte_fallback');
  if (model.continuing_subword_prefix) refuse('continuing_subword_prefix');
  if (model.end_of_word_suffix) refuse('end_of_word_suffix');
  if ((json.decoder as Json | null | undefined)?.type !== 'ByteLevel')
    refuse(`decoder ${JSON.stringify((json.decoder as Json | null | undefined)?.type)}`);

  const vocabulary = readVocabulary(path, model);
  const normalise = normaliser(json.normalizer, refuse);
  const split = splitter(json.pre_tokenizer, path, refuse);
  const unknown = model.unk_token == null ? undefined : vocabulary.ids.get(model.unk_token);
  const byteIds = BYTE_CHARACTERS.map((character) => vocabulary.ids.get(character) ?? unknown);
  const wholes = new Map<string, number>();
  if (model.ignore_merges) {
    for (const [token, id] of vocabulary.ids) {
      // A token that is not written in bytes is never what a piece, written in bytes, spells.
      if (Array.from(token).every((character) => BYTE_CHARACTERS.includes(character)))
        wholes.set(Buffer.from(bytesOf(token)).toString('latin1'), id);
    }
  }

  const encodePiece = (piece: string): readonly number[] => {
    const bytes = Buffer.from(piece);
    const whole = model.ignore_merges ? wholes.get(bytes.toString('latin1')) : undefined;
    if (whole !== undefined) return [whole];
    const parts: number[] = [];
    let fused = false;
    for (const byte of bytes) {
      const id = byteIds[byte];
      if (id === undefined) {
        throw new UserError(
          `${path}: the vocabulary has neither byte 0x${byte.toString(16)} of ${JSON.stringify(piece.slice(0, 40))} nor an unknown token`,
        );
      }
      const isUnknown = id === unknown && !vocabulary.ids.has(BYTE_CHARACTERS[byte]!);
      if (!(isUnknown && fused)) parts.push(id);
      fused = isUnknown && model.fuse_unk === true;
    }
    return vocabulary.merge(parts);
  };

  const encodeWhole = remembering(encodePiece);
  const tokens = tokenTexts(vocabulary.tokens, rules.added, normalise);
  const bytes: (Uint8Array | undefined)[] = [];
  return assembleTokenizer(json, rules, {
    vocabularySize: tokens.length,
    normalise,
    encode(part, ids) {
      for (const piece of split(part)) encodeWhole(piece, ids);
    },
    decode: (ids) =>
      Buffer.concat(
        ids.flatMap((id) => {
          const token = tokens[id];
          if (token === undefined) return [];
          bytes[id] ??= bytesOf(token);
          return [bytes[id]];
        }),
      ).toString('utf8'),
  });
}

function normaliser(json: unknown, refuse: (what: string) => never): (text: string) => string {
  if (json === null || json === undefined) return (text) => text;
  const { type, normalizers } = json as Json;
  if (type === 'Sequence' && Array.isArray(normalizers)) {
    const steps = normalizers.map((one) => normaliser(one, refuse));
    return (text) => steps.reduce((found, step) => step(found), text);
  }
  return type === 'NFC' ? nfc : refuse(`normalizer ${JSON.stringify(type)}`);
}

function stepsOf(json: unknown): Json[] {
  if (typeof json !== 'object' || json === null) return [];
  const { type, pretokenizers } = json as Json;
  if (type !== 'Sequence') return [json as Json];
  return Array.isArray(pretokenizers) ? pretokenizers.flatMap(stepsOf) : [];
}

const SWITCHES: Readonly<Record<string, readonly string[]>> = {
  Split: ['pattern', 'behavior', 'invert'],
  Digits: ['individual_digits'],
  // trim_offsets says where a token's text lies.
  ByteLevel: ['add_prefix_space', 'use_regex', 'trim_offsets'],
};

function splitter(json: unknown, path: string, refuse: (what: string) => never): Step {
  const steps = stepsOf(json);
  return steps
    .flatMap(({ type, ...fields }, i): Step[] => {
      const unknown = unknownSwitch(fields, SWITCHES[String(type)] ?? []);
      if (SWITCHES[String(type)] && unknown !== undefined) refuse(`"${unknown}" of ${type}`);
      if (type === 'Split') return [splitStep(fields, path, refuse)];
      // The reference's digits are of a newer Unicode than its patterns.
      if (type === 'Digits') return [isolate(fields.individual_digits === true ? /\p{N}/gu : /\p{N}+/gu)];
      if (type !== 'ByteLevel') return refuse(`pre_tokenizer ${JSON.stringify(type)}`);
      // Its characters stand for bytes: a step behind it would see those.
      if (i !== steps.length - 1) refuse('a pre_tokenizer behind ByteLevel');
      const space: Step = (piece) => [piece.startsWith(' ') ? piece : ` ${piece}`];
      return [
        ...(fields.add_prefix_space === true ? [space] : []),
        ...(fields.use_regex === false ? [] : [isolate(referencePattern(GPT2_PATTERN, path))]),
      ];
    })
    .reduce(
      (first, second) => (piece) => first(piece).flatMap(second),
      (piece: string) => [piece],
    );
}

function splitStep(fields: Json, path: string, refuse: (what: string) => never): Step {
  const { pattern, behavior, invert } = fields;
  const { Regex: source, String: text } = (pattern ?? {}) as Json;
  const found =
    typeof source === 'string'
      ? referencePattern(source, path)
      : typeof text === 'string' && text !== ''
        ? literalPattern(text)
        : refuse(`split pattern ${JSON.stringify(pattern)}`);
  if (behavior === 'Isolated') return isolate(found);
  if (behavior !== 'Removed') return refuse(`split behavior ${JSON.stringify(behavior)}`);
  if (invert === true) return (piece) => piece.match(found) ?? [];
  return (piece) => piece.split(found).filter((part) => part !== '');
}

/** Cuts before and behind every match; what lies between matches stays a piece. */
function isolate(pattern: RegExp): Step {
  return (piece) => {
    const matches = piece.match(pattern) ?? [];
    let length = 0;
    for (const match of matches) length += match.length;
    if (length === piece.length) return matches;
    const pieces: string[] = [];
    let done = 0;
    for (const match of piece.matchAll(pattern)) {
      if (match.index > done) pieces.push(piece.slice(done, match.index));
      pieces.push(match[0]);
      done = match.index + match[0].length;
    }
    if (done < piece.length) pieces.push(piece.slice(done));
    return pieces;
  };
}
