import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openTokenizer } from '../../../src/models/tokenizers/open.ts';
import { referencePattern } from '../../../src/models/tokenizers/pattern.ts';
import type { Tokenizer } from '../../../src/types.ts';

type Json = Record<string, unknown>;
interface Family {
  readonly config: Json;
  readonly tokenizer_config: Json;
  readonly tokenizer: Json & { model: Json & { vocab: Record<string, number>; merges: string[][] } };
  readonly ids: number[][];
  readonly special: [text: number, ids: number[]][];
  readonly decoded: [ids: number[], text: string][];
}

/** Made with Hugging Face's tokenizers: see make_tokenizers.py beside the file. */
const reference = JSON.parse(
  readFileSync(new URL('../../vectors/tokenizers.json', import.meta.url), 'utf8'),
) as { texts: string[]; families: Record<string, Family> };
const { texts, families } = reference;
const names = Object.keys(families);

const root = mkdtempSync(join(tmpdir(), 'evalgpt-tokenizers-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

function open(files: Readonly<Record<string, unknown>>, config: Json = {}): Promise<Tokenizer> {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  return openTokenizer(folder, { vocabularySize: 1000, config });
}

/** A family's folder, with changes to its tokenizer.json and tokenizer_config.json. */
function family(name: string, changes: Json = {}, config: Json = {}): Promise<Tokenizer> {
  const { tokenizer, tokenizer_config, config: model } = families[name]!;
  const files = {
    'tokenizer.json': { ...tokenizer, ...changes },
    'tokenizer_config.json': { ...tokenizer_config, ...config },
  };
  return open(files, model);
}

function vocabularyFiles(name: string): Record<string, unknown> {
  const { vocab, merges } = families[name]!.tokenizer.model;
  const lines = merges.map((merge) => merge.join(' '));
  return { 'vocab.json': vocab, 'merges.txt': `#version: 0.2\n${lines.join('\n')}\n` };
}

describe('token ids and texts equal the reference', () => {
  test('the vectors hold every family', () => {
    expect(names).toHaveLength(12);
    expect(texts.length).toBeGreaterThan(140);
    for (const name of names) expect(families[name]!.ids).toHaveLength(texts.length);
  });

  test.each(names)('%s', async (name) => {
    const tokenizer = await family(name);
    const { ids, special, decoded } = families[name]!;
    for (const [i, text] of texts.entries()) {
      expect(tokenizer.encode(text, { prefix: false }), JSON.stringify(text)).toEqual(ids[i]);
      const expected = special.find(([at]) => at === i)?.[1] ?? ids[i];
      expect(tokenizer.encode(text, { prefix: false, special: true }), JSON.stringify(text)).toEqual(
        expected,
      );
    }
    for (const [list, text] of decoded) expect(tokenizer.decode(list), JSON.stringify(list)).toBe(text);
  });

  // The pipeline then comes from the model type.
  test.each(['gpt2-like', 'pythia', 'qwen', 'gpt1'])('%s from vocab.json and merges.txt', async (name) => {
    const { config, ids } = families[name]!;
    const tokenizer = await open(vocabularyFiles(name), config);
    // Without its tokenizer.json Pythia has no tokens of many spaces.
    for (const [i, text] of texts.entries()) {
      if (name === 'pythia' && text.includes('  ')) continue;
      expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids[i]);
    }
  });

  test.each(names)('%s: long pieces take no quadratic time', { timeout: 20_000 }, async (name) => {
    const tokenizer = await family(name);
    for (const unit of ['a', ' ', 'the', '=', '漢'])
      expect(tokenizer.encode(unit.repeat(100_000)).length).toBeLessThan(300_002);
  });

  test.each(names)('%s: a lone surrogate is U+FFFD', async (name) => {
    const tokenizer = await family(name);
    expect(tokenizer.encode('a \ud800b\udc00')).toEqual(tokenizer.encode('a \ufffdb\ufffd'));
  });
});

describe('what is put before a text', () => {
  const rulesOf = (t: Tokenizer): unknown[] => [
    t.prefix,
    t.startOfText,
    t.encode(''),
    t.encode('', { prefix: false }),
  ];

  test.each([
    ['gpt2-like', [null, 0, [], []]],
    ['pythia', [null, 0, [], []]],
    ['llama3', [0, 0, [0], []]],
    ['qwen', [null, 0, [], []]],
    ['mistral', [1, 1, [1], []]],
    ['llama2', [1, 1, [1], []]],
    ['gpt1', [null, null, [], []]],
  ])('%s', async (name, expected) => {
    expect(rulesOf(await family(name))).toEqual(expected);
  });

  const special = { SpecialToken: { id: 'x', type_id: 0 } };
  const text = { Sequence: { id: 'A', type_id: 0 } };
  const template = (...single: unknown[]): Json => ({
    post_processor: { type: 'TemplateProcessing', single, special_tokens: { x: { ids: [7] } } },
  });

  test('with a tokenizer.json its post-processor alone, as in transformers 5.18', async () => {
    const flags = { add_bos_token: true, add_eos_token: true };
    expect((await family('gpt2-like', {}, flags)).prefix).toBeNull();
    expect((await family('llama3', {}, { add_bos_token: false })).prefix).toBe(0);
    expect((await family('gpt2-like', template(special, text))).prefix).toBe(7);
    expect((await family('pythia', template(special, text))).prefix).toBeNull();
  });

  test('what is put behind a text is left out', async () => {
    const tokenizer = await family('llama3', template(special, text, special));
    expect(tokenizer.encode('')).toEqual([7]);
  });

  test('with vocab.json and merges.txt, what tokenizer_config.json says', async () => {
    const files = vocabularyFiles('gpt2-like');
    const config = { 'tokenizer_config.json': { add_bos_token: true, add_eos_token: true } };
    const tokenizer = await open({ ...files, ...config }, { model_type: 'gpt2' });
    expect(tokenizer.prefix).toBe(0);
    expect(tokenizer.encode('')).toEqual([0]);
    const spaced = { 'tokenizer_config.json': { add_prefix_space: true } };
    const second = await open({ ...files, ...spaced }, { model_type: 'gpt2' });
    expect(second.encode('the')).toEqual(tokenizer.encode(' the', { prefix: false }));
  });

  test('start of text is the beginning, else the end, by name before the model says by id', async () => {
    const start = async (config: Json, model: Json): Promise<number | null> => {
      const { tokenizer } = families.llama2!;
      const files = { 'tokenizer.json': tokenizer, 'tokenizer_config.json': config };
      return (await open(files, { model_type: 'llama', ...model })).startOfText;
    };
    expect(await start({ bos_token: '<s>', eos_token: '</s>' }, {})).toBe(1);
    expect(await start({ bos_token: { content: '<s>' } }, {})).toBe(1);
    expect(await start({ bos_token: null, eos_token: '</s>' }, { bos_token_id: 9 })).toBe(2);
    expect(await start({}, { bos_token_id: 9, eos_token_id: 8 })).toBe(9);
    expect(await start({}, { eos_token_id: 8 })).toBe(8);
    expect(await start({}, {})).toBeNull();
  });
});

describe('added tokens', () => {
  test('that are not special are always found, special ones where asked for', async () => {
    const { vocab } = families['gpt2-like']!.tokenizer.model;
    const id = Object.keys(vocab).length;
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    const tokenizer = await family('gpt2-like', {
      added_tokens: [
        { id: 0, content: '<|endoftext|>', special: true, ...flags },
        { id, content: 'qq', special: false, ...flags },
      ],
    });
    expect(tokenizer.encode('qq<|endoftext|>')[0]).toBe(id);
    expect(tokenizer.encode('qq<|endoftext|>')).not.toContain(0);
    expect(tokenizer.encode('qq<|endoftext|>', { special: true })).toEqual([id, 0]);
    expect(tokenizer.decode([id, 0])).toBe('qq<|endoftext|>');
  });

  test('are refused with an id that the reference would not give them', async () => {
    const added = [{ id: 7, content: '<new>', special: true }];
    await expect(family('qwen', { added_tokens: added })).rejects.toThrow('"<new>" has id 7, expected 420');
    await expect(family('qwen', { added_tokens: [{ id: 1 }] })).rejects.toThrow('with "content"');
  });

  test('of tokenizer_config.json change those of tokenizer.json', async () => {
    const token = { content: 'zz', special: false, normalized: false };
    const tokenizer = await family('qwen', {}, { added_tokens_decoder: { 420: token } });
    expect(tokenizer.encode('zz')).toEqual([420]);
  });
});

describe('what is not known is refused by name', () => {
  const { model } = families.llama3!.tokenizer;
  const withModel = (changes: Json): Json => ({ model: { ...model, ...changes } });
  const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
  const steps = (...pretokenizers: unknown[]): Json => ({
    pre_tokenizer: { type: 'Sequence', pretokenizers },
  });
  const split = { type: 'Split', pattern: { Regex: 'a' }, behavior: 'Isolated', invert: false };

  test.each<[string, Json]>([
    ['normalizer "NFKC"', { normalizer: { type: 'NFKC' } }],
    ['pre_tokenizer "Whitespace"', steps({ type: 'Whitespace' }, bytes)],
    ['behind ByteLevel', steps(bytes, bytes)],
    ['split behavior "MergedWithNext"', steps({ ...split, behavior: 'MergedWithNext' }, bytes)],
    ['"lazy" of Split', steps({ ...split, lazy: true }, bytes)],
    ['a++', steps({ ...split, pattern: { Regex: 'a++' } }, bytes)],
    ['dropout 0.1', withModel({ dropout: 0.1 })],
    ['byte_fallback', withModel({ byte_fallback: true })],
    ['continuing_subword_prefix', withModel({ continuing_subword_prefix: '##' })],
    ['"new_switch" of the model', withModel({ new_switch: true })],
    ['decoder "Fuse"', { decoder: { type: 'Fuse' } }],
    ['post_processor "RobertaProcessing"', { post_processor: { type: 'RobertaProcessing' } }],
    ['"Unigram"', { model: { ...model, type: 'Unigram' } }],
    ['not in the vocabulary', withModel({ merges: ['a zzzz'] })],
    ['expected two tokens', withModel({ merges: ['a b c'] })],
    ['"merges" to be an array', withModel({ merges: null })],
    ['have one id', withModel({ vocab: { a: 1, b: 1 }, merges: [] })],
    ['whole number', withModel({ vocab: { a: -1 }, merges: [] })],
  ])('%s', async (message, changes) => {
    await expect(family('llama3', { post_processor: null, added_tokens: [], ...changes })).rejects.toThrow(
      message,
    );
  });

  test('a byte that the vocabulary lacks', async () => {
    const vocab = Object.fromEntries(Object.entries(model.vocab).filter(([token]) => token !== 'ł'));
    const merges = model.merges.filter((merge) => !merge.join('').includes('ł'));
    const ids = Object.fromEntries(Object.keys(vocab).map((token, id) => [token, id]));
    const tokenizer = await family('llama3', {
      ...withModel({ vocab: ids, merges }),
      added_tokens: [],
      post_processor: null,
    });
    expect(() => tokenizer.encode('\u{1f1e6}\x7f\x80\x9f\xa0\xad\u{20}\u{100}\u{400}\u{3042}')).toThrow(
      'byte 0x',
    );
  });

  test('a folder without a tokenizer', async () => {
    await expect(open({}, { model_type: 'qwen2' })).rejects.toThrow('and this is "qwen2" of 1000');
    await expect(open({ 'vocab.json': {} }, { model_type: 'gpt2' })).rejects.toThrow('merges.txt');
    await expect(open(vocabularyFiles('qwen'), { model_type: 'llama' })).rejects.toThrow(
      'expected a tokenizer_class of GPT2Tokenizer',
    );
  });

  test.each([
    '(a',
    'a)',
    '[a',
    'a|*?x{,2}',
    '.',
    '^a',
    '\\w',
    '\\p{Greek}',
    '[a&&b]',
    '[[a]]',
    'a{1,2}+',
    'a*',
    '(?i:ss)',
    '(?i:é)',
    '(?i:[a])',
    '(?>a)',
    'a\\',
  ])('split pattern %s', (source) => {
    expect(() => referencePattern(source, 'x')).toThrow('is not supported');
  });
});
