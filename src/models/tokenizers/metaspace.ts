import { UserError } from '../../errors.ts';
import type { Tokenizer } from '../../types.ts';
import { assembleTokenizer, type Pipeline, type Rules, remembering, tokenTexts } from './pipeline.ts';
import { readVocabulary } from './vocabulary.ts';

/** Stands for a space in the tokens of SentencePiece. */
const SPACE_MARK = '\u2581';
/** Pieces that begin with marks, where no token has a mark behind another character: no merge crosses their edges. */
const MARKED = /\u2581+[^\u2581]*|[^\u2581]+/g;
const BYTE = /^<0x([0-9A-Fa-f]{2})>$/;

type Json = Readonly<Record<string, unknown>>;
type Prepend = 'always' | 'first' | 'never';

/** True where spaces are marked as SentencePiece marks them: Llama 2, TinyLlama, Mistral's first models. */
export function isMetaspace(json: Pipeline): boolean {
  const { type } = (json.pre_tokenizer ?? {}) as Json;
  return (
    json.model.type === 'BPE' &&
    (type === 'Metaspace' ||
      (type === undefined && JSON.stringify(json.normalizer ?? null).includes(SPACE_MARK)))
  );
}

/**
 * BPE over characters with marked spaces, and bytes for characters that the vocabulary lacks. Equal to the
 * reference, Hugging Face's tokenizers; a pipeline other than these models' is refused.
 */
export function metaspaceTokenizer(path: string, json: Pipeline, rules: Rules): Tokenizer {
  const { model } = json;
  const refuse = (what: string): never => {
    throw new UserError(`${path}: ${what} is not supported in a tokenizer with marked spaces`);
  };
  if (model.dropout) refuse(`dropout ${model.dropout}`);
  if (model.ignore_merges) refuse('ignore_merges');
  if (model.continuing_subword_prefix) refuse('continuing_subword_prefix');
  if (model.end_of_word_suffix) refuse('end_of_word_suffix');
  const normalise = normaliser(json.normalizer, refuse);
  const { prepend, split } = preTokenizer(json.pre_tokenizer, refuse);
  const decode = decoder(json.decoder, refuse);

  const vocabulary = readVocabulary(path, model);
  const { ids } = vocabulary;
  const unknown = model.unk_token == null ? undefined : ids.get(model.unk_token);
  const crosses = vocabulary.tokens.some((token) => token !== undefined && /[^\u2581]\u2581/.test(token));
  const pieceable = ids.has(SPACE_MARK) && !crosses;

  const encodePiece = (piece: string): number[] => {
    const parts: number[] = [];
    let fused = false;
    for (const character of piece) {
      const id = ids.get(character);
      const bytes =
        id === undefined && model.byte_fallback
          ? Array.from(Buffer.from(character), (byte) =>
              ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
            )
          : [id];
      if (bytes.every((byte) => byte !== undefined)) {
        for (const byte of bytes) parts.push(byte);
        fused = false;
      } else if (unknown === undefined) {
        throw new UserError(
          `${path}: the vocabulary has neither ${JSON.stringify(character)} nor an unknown token`,
        );
      } else {
        if (!fused) parts.push(unknown);
        fused = model.fuse_unk === true;
      }
    }
    return vocabulary.merge(parts);
  };

  const encodeWhole = remembering(encodePiece);
  const tokens = tokenTexts(vocabulary.tokens, rules.added, normalise);
  return assembleTokenizer(json, rules, {
    vocabularySize: tokens.length,
    normalise,
    encode(part, found, isFirst) {
      const marked = json.pre_tokenizer == null ? part : part.replaceAll(' ', SPACE_MARK);
      const adds = prepend === 'always' || (prepend === 'first' && isFirst);
      const text = adds && !marked.startsWith(SPACE_MARK) ? SPACE_MARK + marked : marked;
      const words = split ? (text.match(/\u2581?[^\u2581]*/g) ?? []) : [text];
      for (const word of words)
        for (const piece of pieceable ? (word.match(MARKED) ?? []) : [word]) encodeWhole(piece, found);
    },
    decode: (given) => decode(given.flatMap((id) => tokens[id] ?? [])),
  });
}

function normaliser(json: unknown, refuse: (what: string) => never): (text: string) => string {
  if (json === null || json === undefined) return (text) => text;
  const { type, normalizers, prepend, pattern, content } = json as Json;
  if (type === 'Sequence' && Array.isArray(normalizers)) {
    const steps = normalizers.map((one) => normaliser(one, refuse));
    return (text) => steps.reduce((found, step) => step(found), text);
  }
  if (type === 'Prepend' && typeof prepend === 'string') return (text) => (text === '' ? '' : prepend + text);
  const { String: from } = (pattern ?? {}) as Json;
  if (type === 'Replace' && typeof from === 'string' && from !== '' && typeof content === 'string')
    return (text) => text.replaceAll(from, () => content);
  return refuse(`normalizer ${JSON.stringify(json)}`);
}

function preTokenizer(json: unknown, refuse: (what: string) => never): { prepend: Prepend; split: boolean } {
  if (json === null || json === undefined) return { prepend: 'never', split: false };
  const fields = json as Json;
  const scheme = fields.prepend_scheme ?? (fields.add_prefix_space === false ? 'never' : 'always');
  if (fields.replacement !== SPACE_MARK || !['always', 'first', 'never'].includes(String(scheme)))
    return refuse(`pre_tokenizer ${JSON.stringify(json)}`);
  return { prepend: scheme as Prepend, split: fields.split !== false };
}

/** What makes a text of tokens: steps over the list, of which some join it. */
function decoder(json: unknown, refuse: (what: string) => never): (tokens: string[]) => string {
  const list = (json as Json | null | undefined)?.decoders;
  const steps = (Array.isArray(list) ? list : [json]).map((one) => decoderStep(one, refuse));
  return (tokens) => steps.reduce((found, step) => step(found), tokens).join('');
}

function decoderStep(json: unknown, refuse: (what: string) => never): (tokens: string[]) => string[] {
  const fields = (json ?? {}) as Json;
  const { type, pattern, content, start, stop } = fields;
  if (type === 'Metaspace') {
    const { prepend } = preTokenizer(json, refuse);
    return (tokens) =>
      tokens.map((token, i) => token.replaceAll(SPACE_MARK, i === 0 && prepend !== 'never' ? '' : ' '));
  }
  const { String: from } = (pattern ?? {}) as Json;
  if (type === 'Replace' && typeof from === 'string' && from !== '' && typeof content === 'string')
    return (tokens) => tokens.map((token) => token.replaceAll(from, () => content));
  if (type === 'ByteFallback') return joinBytes;
  if (type === 'Fuse') return (tokens) => [tokens.join('')];
  if (type === 'Strip' && content === ' ' && start === 1 && stop === 0)
    return (tokens) => tokens.map((token) => token.replace(/^ /, ''));
  return refuse(`decoder ${JSON.stringify(json)}`);
}

/** Runs of byte tokens as text; a run that is not UTF-8 as one U+FFFD a byte. */
function joinBytes(tokens: string[]): string[] {
  const found: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    try {
      found.push(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)));
    } catch {
      for (const _ of bytes) found.push('\ufffd');
    }
    bytes = [];
  };
  for (const token of tokens) {
    const hex = BYTE.exec(token)?.[1];
    if (hex !== undefined) {
      bytes.push(Number.parseInt(hex, 16));
      continue;
    }
    flush();
    found.push(token);
  }
  flush();
  return found;
}
