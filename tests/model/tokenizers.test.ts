import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTokenizer } from '../../src/models/tokenizers/open.ts';
import { adversarialTexts, HARD_TEXTS } from '../helpers/adversarial.ts';
import { missing, python, shared } from '../helpers/shared.ts';

/** Tokenizers of every family, trained on real text, against Hugging Face's tokenizers and transformers in this run. */
const corpus = join(shared, 'corpus', '100_english_novels');
const models = join(shared, 'models');
const reason = missing(python, corpus, models);
if (reason) console.log(`tokenizers of every family ${reason}`);

const root = mkdtempSync(join(tmpdir(), 'evalgpt-live-tokenizers-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const script = fileURLToPath(new URL('tokenizers_live.py', import.meta.url));
const run = (...args: string[]): void =>
  void execFileSync(python, [script, ...args], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 600_000 });

const FAMILIES = [
  'gpt2-like',
  'pythia',
  'llama3',
  'qwen',
  'smollm',
  'mistral',
  'flags',
  'removed',
  'gpt1',
  'llama2',
  'llama2-first',
  'llama2-always',
];
const VOCABULARY_ONLY = ['gpt2-like', 'pythia', 'qwen', 'gpt1'].map((name) => `${name}.vocabulary`);
const GIVEN = [
  'gpt2-tokenizer',
  'openai-gpt-tokenizer',
  'stories260K',
  'babyllama-tok105',
  'shakespeare-char-gpt',
];

/** Every code point but of planes without characters: where the runtime's Unicode is not the reference's, it shows. */
function everyCodePoint(): string[] {
  const texts: string[] = [];
  for (let start = 0; start < 0xe0200; start += 512) {
    if (start >= 0x34000 && start < 0xe0000) continue;
    let text = '';
    for (let point = start; point < start + 512; point++) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      const character = String.fromCodePoint(point);
      text += `a${character}1${character} A${character}\u0323\u0301!`;
    }
    if (text !== '') texts.push(text);
  }
  return texts;
}

interface Reference {
  readonly start: number | null;
  readonly texts: string[];
  readonly plain: number[][];
  readonly special: [number, number[]][];
  readonly fed: number[][];
  readonly decoded: [number[], string][];
}

describe.skipIf(reason)('tokenizers of every family equal the reference', () => {
  beforeAll(() => {
    const file = join(root, 'texts');
    const texts = [...HARD_TEXTS, ...adversarialTexts(5000)];
    writeFileSync(file, JSON.stringify({ texts, points: everyCodePoint() }));
    const novels = readdirSync(corpus)
      .slice(0, 4)
      .map((name) => join(corpus, name));
    const families = join(root, 'families');
    mkdirSync(families);
    run(families, file, '3000', ...novels);
    const given = GIVEN.map((name) => join(families, name));
    for (const folder of given) {
      mkdirSync(folder);
      for (const name of ['tokenizer.json', 'tokenizer_config.json'])
        cpSync(join(models, basename(folder), name), join(folder, name));
      writeFileSync(join(folder, 'config.json'), '{}');
    }
    run('answer', file, ...given);
  }, 900_000);

  test.each([...FAMILIES, ...VOCABULARY_ONLY, ...GIVEN])('%s', { timeout: 300_000 }, async (name) => {
    const folder = join(root, 'families', name);
    const read = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const reference = read('reference.json') as Reference;
    const config = read('config.json') as Record<string, unknown>;
    const tokenizer = await openTokenizer(folder, { vocabularySize: 1_000_000, config });
    const { texts, plain, fed } = reference;
    const special = new Map(reference.special);
    const unlike: Record<string, string[]> = { plain: [], special: [], fed: [], decoded: [] };
    const compare = (kind: string, text: string, found: unknown, expected: unknown): void => {
      if (JSON.stringify(found) !== JSON.stringify(expected)) unlike[kind]!.push(text.slice(0, 60));
    };
    expect(texts.length).toBeGreaterThan(5000);
    for (const [i, text] of texts.entries()) {
      compare('plain', text, tokenizer.encode(text, { prefix: false }), plain[i]);
      const expected = special.get(i) ?? plain[i];
      compare('special', text, tokenizer.encode(text, { prefix: false, special: true }), expected);
      if (i < fed.length) compare('fed', text, tokenizer.encode(text, { special: true }), fed[i]);
    }
    for (const [ids, text] of reference.decoded) compare('decoded', text, tokenizer.decode(ids), text);
    expect(unlike).toEqual({ plain: [], special: [], fed: [], decoded: [] });
    expect(tokenizer.startOfText).toBe(reference.start);
  });
});
