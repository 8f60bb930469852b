import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import ranks from 'gpt-tokenizer/bpeRanks/r50k_base';
import { describe, expect, test } from 'vitest';
import { mergeParts } from '../../../src/models/tokenizers/bpe.ts';
import { gpt2Tokenizer } from '../../../src/models/tokenizers/gpt2.ts';
import { adversarialTexts, HARD_TEXTS } from '../../helpers/adversarial.ts';

/** Made with Hugging Face's tokenizers: see make_gpt2_tokens.py beside the file. */
const reference = JSON.parse(
  readFileSync(new URL('../../vectors/gpt2-tokens.json', import.meta.url), 'utf8'),
) as {
  count: number;
  block: number;
  texts: string;
  hard: { text: string; ids: number[] }[];
  ids: string[];
};

const END = 50256;
const tokenizer = gpt2Tokenizer();
const digest = (lines: readonly string[]): string =>
  createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);

describe('GPT-2 tokens equal the reference tokenizer', () => {
  test.each(reference.hard)('$text', ({ text, ids }) => {
    expect(tokenizer.encode(text)).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(text);
  });

  test('20,000 adversarial texts, which also decode to themselves', { timeout: 60_000 }, () => {
    const texts = adversarialTexts(reference.count);
    expect(reference.count).toBe(20_000);
    expect(reference.hard.map((h) => h.text)).toEqual(HARD_TEXTS);
    expect(digest(texts), 'the generator makes other texts than those of the reference').toBe(
      reference.texts,
    );
    const unlike: string[] = [];
    const lossy: number[] = [];
    for (let at = 0; at < texts.length; at += reference.block) {
      const block = texts.slice(at, at + reference.block);
      const ids = block.map((text) => tokenizer.encode(text));
      if (digest(ids.map((list) => JSON.stringify(list))) !== reference.ids[at / reference.block])
        unlike.push(`${at} to ${at + block.length - 1}`);
      for (const [i, list] of ids.entries()) if (tokenizer.decode(list) !== block[i]) lossy.push(at + i);
    }
    expect(reference.ids).toHaveLength(texts.length / reference.block);
    expect({ unlike, lossy }).toEqual({ unlike: [], lossy: [] });
  });

  test('the texts hold what they should', () => {
    const texts = adversarialTexts(reference.count);
    const all = texts.join('');
    for (const part of [
      '<|endoftext|>',
      '__proto__',
      '\ufeff',
      '\x85',
      '\x1c',
      '\u200b',
      '\u180e',
      '\u200d',
      '\u0378',
    ])
      expect(all).toContain(part);
    const runs = texts.filter((text) => /(.)\1{199}/su.test(text)).length;
    expect(runs / texts.length).toBeGreaterThan(0.015);
    expect(runs / texts.length).toBeLessThan(0.025);
    expect(/\p{Surrogate}/u.test(all)).toBe(false);
    expect(new Set(texts).size).toBeGreaterThan(0.95 * texts.length);
  });
});

describe('special tokens', () => {
  const text = 'a<|endoftext|> b<|endoftext|><|endoftext|>';

  test('are text unless asked for', () => {
    expect(tokenizer.encode(text)).not.toContain(END);
    expect(tokenizer.encode(text, { special: false })).toEqual(tokenizer.encode(text));
    const ids = [...tokenizer.encode('a'), END, ...tokenizer.encode(' b'), END, END];
    expect(tokenizer.encode(text, { special: true })).toEqual(ids);
    expect(tokenizer.encode('<|endoftext|>', { special: true })).toEqual([END]);
    expect(tokenizer.decode(ids)).toBe(text);
    expect(tokenizer.encode('<|endoftext|', { special: true })).toEqual(tokenizer.encode('<|endoftext|'));
  });

  test('GPT-2 puts none before a text, with or without a prefix asked', () => {
    expect(tokenizer.prefix).toBeNull();
    expect(tokenizer.startOfText).toBe(END);
    expect(tokenizer.encode('x', { prefix: true })).toEqual(tokenizer.encode('x', { prefix: false }));
    expect(tokenizer.decode([])).toBe('');
  });
});

describe('long pieces', () => {
  const letters = (n: number): string => {
    let word = '';
    for (let i = 0; word.length < n; i++) word += 'etaoinshrdlu'[(i * i + (i >> 3)) % 12]!;
    return word;
  };

  // A loop of quadratic time would need hours here.
  test.each([
    ['equal letters', 'a'.repeat(200_000)],
    ['mixed letters', letters(200_000)],
    ['spaces', ' '.repeat(200_000)],
    ['equal signs', '='.repeat(200_000)],
    ['astral letters', '𝒳'.repeat(50_000)],
  ])('a run of 200,000: %s', { timeout: 20_000 }, (_, text) => {
    const ids = tokenizer.encode(`x ${text} y`);
    expect(tokenizer.decode(ids) === `x ${text} y`).toBe(true);
    expect(ids.length).toBeLessThan(text.length * 2);
  });

  test('merge alike on both sides of the length at which the heap takes over', () => {
    const table = new Map(ranks.map((token, rank) => [Buffer.from(token).toString('latin1'), rank]));
    for (const unit of ['=', 'ab', 'é', 'antidis', '漢字', '𝒳']) {
      for (let length = 250; length < 262; length++) {
        const word = Array.from({ length }, (_, i) => [...unit][i % [...unit].length]).join('');
        expect(tokenizer.encode(word), `${unit} to ${length}`).toEqual(
          naiveMerge(Buffer.from(word), (bytes) => table.get(bytes)),
        );
      }
    }
  });
});

/** The merge as it is defined: again and again the neighbours of the lowest rank, the leftmost of equal ones. */
function naiveMerge(piece: Uint8Array, rankOf: (bytes: string) => number | undefined): number[] {
  const parts = Array.from(piece, (byte) => String.fromCharCode(byte));
  for (;;) {
    let best = -1;
    let lowest = Infinity;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = rankOf(parts[i]! + parts[i + 1]!);
      if (rank !== undefined && rank < lowest) [best, lowest] = [i, rank];
    }
    if (best < 0) return parts.map((part) => rankOf(part)!);
    parts.splice(best, 2, parts[best]! + parts[best + 1]!);
  }
}

describe('mergeParts equals the merge as it is defined', () => {
  const merge = (piece: Uint8Array, table: ReadonlyMap<string, number>): number[] => {
    const names = [...table.keys()];
    const rankOf = (left: number, right: number): number => table.get(names[left]! + names[right]!) ?? -1;
    const parts = Array.from(piece, (byte) => table.get(String.fromCharCode(byte))!);
    return mergeParts(parts, rankOf, (rank) => rank);
  };

  test('on random pieces over random tables of few bytes', () => {
    // Tokens are made of earlier ones, as merges make them; ranks come in any order: a longer token may well stand
    // before what it is made of.
    const tables = fc
      .array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 20, size: 'max' })
      .map((pairs) => {
        const tokens = ['\0', '\x01', '\x02'];
        for (const [a, b] of pairs) tokens.push(tokens[a % tokens.length]! + tokens[b % tokens.length]!);
        return [...new Set(tokens)];
      })
      .chain((tokens) => fc.shuffledSubarray(tokens, { minLength: tokens.length }));
    const longest = { merged: 0 };
    fc.assert(
      fc.property(tables, fc.array(fc.nat(2), { maxLength: 120, size: 'max' }), (tokens, bytes) => {
        const table = new Map(tokens.map((t, rank) => [t, rank]));
        const piece = Uint8Array.from(bytes);
        const found = merge(piece, table);
        expect(found).toEqual(naiveMerge(piece, (b) => table.get(b)));
        expect(found.map((rank) => tokens[rank]).join('')).toBe(Buffer.from(piece).toString('latin1'));
        longest.merged = Math.max(longest.merged, piece.length - found.length);
      }),
      { numRuns: 2000, seed: 1 },
    );
    expect(longest.merged).toBeGreaterThan(20);
  });

  test('on nothing, on one byte, on ties from the left', () => {
    const table = new Map(['a', 'b', 'aa', 'ab', 'aaaa'].map((t, rank) => [t, rank]));
    const names = [...table.keys()];
    const cut = (text: string): string =>
      merge(Buffer.from(text), table)
        .map((r) => names[r])
        .join('|');
    expect(cut('')).toBe('');
    expect(cut('b')).toBe('b');
    expect(cut('aaa')).toBe('aa|a');
    expect(cut('aaab')).toBe('aa|ab');
    expect(cut('aaaaaaab')).toBe('aaaa|aa|ab');
  });
});
