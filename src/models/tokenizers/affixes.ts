import { UserError } from '../../errors.ts';

/** Tokens that a post-processor puts before and behind a text. */
export interface Affixes {
  readonly before: readonly number[];
  readonly behind: readonly number[];
}

const NONE: Affixes = { before: [], behind: [] };

/**
 * What the `post_processor` of a tokenizer.json adds to a single text.
 * @throws UserError for a kind that is not known here
 */
export function readAffixes(path: string, processor: unknown): Affixes {
  if (processor === null || processor === undefined) return NONE;
  const { type, ...fields } = processor as Readonly<Record<string, unknown>>;
  // Says where a token's text lies, adds nothing.
  if (type === 'ByteLevel') return NONE;
  if (type === 'Sequence' && Array.isArray(fields.processors)) {
    let affixes = NONE;
    for (const inner of fields.processors.map((one) => readAffixes(path, one))) {
      affixes = {
        before: [...inner.before, ...affixes.before],
        behind: [...affixes.behind, ...inner.behind],
      };
    }
    return affixes;
  }
  if (type !== 'TemplateProcessing' || !Array.isArray(fields.single)) {
    throw new UserError(`${path}: post_processor ${JSON.stringify(type)} is not supported`);
  }
  const before: number[] = [];
  const behind: number[] = [];
  let texts = 0;
  for (const piece of fields.single as readonly Readonly<Record<string, { id?: unknown }>>[]) {
    if (piece.Sequence) {
      texts++;
      continue;
    }
    const name = String(piece.SpecialToken?.id);
    const token = (fields.special_tokens as Readonly<Record<string, { ids?: unknown }>> | undefined)?.[name];
    if (!Array.isArray(token?.ids) || !token.ids.every((id) => Number.isInteger(id))) {
      throw new UserError(`${path}: post_processor: no ids for ${JSON.stringify(piece)}`);
    }
    (texts === 0 ? before : behind).push(...(token.ids as number[]));
  }
  if (texts !== 1) throw new UserError(`${path}: post_processor: expected one text, found ${texts}`);
  return { before, behind };
}
