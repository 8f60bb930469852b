import { UserError } from '../../errors.ts';
import { mergeParts } from './bpe.ts';

/** The model of a tokenizer.json, as far as it is read here. */
export interface ModelJson {
  readonly type?: string;
  readonly vocab?: unknown;
  readonly merges?: unknown;
  readonly unk_token?: string | null;
  readonly dropout?: number | null;
  readonly continuing_subword_prefix?: string | null;
  readonly end_of_word_suffix?: string | null;
  readonly fuse_unk?: boolean;
  readonly byte_fallback?: boolean;
  readonly ignore_merges?: boolean;
}

/** A BPE vocabulary with its merges. */
export interface Vocabulary {
  readonly ids: ReadonlyMap<string, number>;
  /** Token of an id; undefined where the vocabulary has a gap. */
  readonly tokens: readonly (string | undefined)[];
  /** Token ids of a piece from those of its smallest parts, which are taken over. */
  merge(parts: number[]): number[];
}

const SWITCHES = [
  'type',
  'vocab',
  'merges',
  'unk_token',
  'dropout',
  'continuing_subword_prefix',
  'end_of_word_suffix',
  'fuse_unk',
  'byte_fallback',
  'ignore_merges',
];

/** The first name of a component's switch that is set and is not among those known, or undefined. */
export function unknownSwitch(component: object, known: readonly string[]): string | undefined {
  return Object.entries(component).find(
    ([name, value]) => !known.includes(name) && value !== null && value !== false,
  )?.[0];
}

/** @throws UserError where vocabulary and merges are malformed or do not fit each other. */
export function readVocabulary(path: string, model: ModelJson): Vocabulary {
  const unknown = unknownSwitch(model, SWITCHES);
  if (unknown !== undefined) throw new UserError(`${path}: "${unknown}" of the model is not supported`);
  const { ids, tokens } = readTokens(path, model.vocab);
  if (!Array.isArray(model.merges)) throw new UserError(`${path}: expected "merges" to be an array`);
  const made = new Int32Array(model.merges.length);
  const pairs = pairTable(model.merges.length);
  for (const [rank, merge] of model.merges.entries()) {
    const pair: unknown[] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    const [left, right] = pair;
    if (pair.length !== 2 || typeof left !== 'string' || typeof right !== 'string') {
      throw new UserError(
        `${path}: merge ${rank}: expected two tokens, found ${JSON.stringify(merge)?.slice(0, 80)}`,
      );
    }
    const found = [left, right, left + right].map((token) => {
      const id = ids.get(token);
      if (id === undefined) {
        throw new UserError(
          `${path}: merge ${rank}: ${JSON.stringify(token).slice(0, 80)} is not in the vocabulary`,
        );
      }
      return id;
    });
    made[rank] = found[2]!;
    pairs.set(found[0]!, found[1]!, rank);
  }
  const rankOf = (left: number, right: number): number => pairs.get(left, right);
  const idOf = (rank: number): number => made[rank]!;
  return { ids, tokens, merge: (parts) => mergeParts(parts, rankOf, idOf) };
}

function readTokens(
  path: string,
  vocabulary: unknown,
): { ids: Map<string, number>; tokens: (string | undefined)[] } {
  if (typeof vocabulary !== 'object' || vocabulary === null || Array.isArray(vocabulary)) {
    throw new UserError(`${path}: expected "vocab" to be an object of tokens and their ids`);
  }
  const ids = new Map<string, number>();
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of Object.entries(vocabulary)) {
    if (!Number.isInteger(id) || id < 0 || id > 0x7fffff) {
      throw new UserError(
        `${path}: expected the id of ${JSON.stringify(token)} to be a whole number from 0, found ${JSON.stringify(id)}`,
      );
    }
    if (tokens[id] !== undefined) {
      throw new UserError(
        `${path}: ${JSON.stringify(tokens[id])} and ${JSON.stringify(token)} have one id, ${id}`,
      );
    }
    ids.set(token, id);
    tokens[id] = token;
  }
  return { ids, tokens };
}

/** Ranks of pairs of ids: open addressing in one typed array, where a Map of joined keys took several times as long. */
function pairTable(count: number): {
  set(left: number, right: number, rank: number): void;
  get(left: number, right: number): number;
} {
  const mask = 2 ** Math.ceil(Math.log2(count + 1) + 1) - 1;
  const slots = new Int32Array(3 * (mask + 1)).fill(-1);
  const slotOf = (left: number, right: number): number => {
    const hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    for (let at = (hash ^ (hash >>> 15)) & mask; ; at = (at + 1) & mask) {
      const found = slots[3 * at];
      if (found === -1 || (found === left && slots[3 * at + 1] === right)) return 3 * at;
    }
  };
  return {
    set: (left, right, rank) => slots.set([left, right, rank], slotOf(left, right)),
    get: (left, right) => slots[slotOf(left, right) + 2]!,
  };
}
