import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { random, shuffled } from '../../src/stats/random.ts';
import type { Pair } from '../../src/types.ts';
import { shared } from '../helpers/shared.ts';

const lines = (path: string): string[] =>
  readFileSync(join(shared, 'data', path), 'utf8')
    .trim()
    .split('\n');
const take = <T>(list: readonly T[], n: number, key: string): T[] =>
  [...shuffled(list.length, random('bench', key))].slice(0, n).map((i) => list[i]!);

/** LAMBADA: real passages with nothing in common. */
export function lambada(items: number): Pair[] {
  const texts = lines('lambada/lambada_test.jsonl').map((l) => (JSON.parse(l) as { text: string }).text);
  return take(texts, items, 'lambada').map((text) => {
    const at = text.lastIndexOf(' ');
    return { context: text.slice(0, at), continuation: text.slice(at) };
  });
}

/** Children's Book Test: twenty sentences, ten choices, scored with the rest of the sentence behind each. */
export function cbt(items: number): Pair[] {
  const blocks = readFileSync(join(shared, 'data', 'cbt/built_NE_500.txt'), 'utf8')
    .trim()
    .split(/\n\s*\n/);
  return blocks.slice(0, items).flatMap((block) => {
    const rows = block.split('\n').map((row) => row.replace(/^\d+ /, ''));
    const [query, , , choices] = rows.pop()!.split('\t') as [string, string, string, string];
    const [before, after] = query.split('XXXXX') as [string, string];
    const context = `${rows.join(' ')} ${before.trimEnd()}`;
    return choices.split('|').map((choice) => ({ context, continuation: ` ${choice}${after}` }));
  });
}

/** Two-digit addition behind one fixed preamble of 32 solved problems. */
export function arithmetic(items: number): Pair[] {
  const all = lines('gpt3_arithmetic/two_digit_addition.jsonl').map(
    (l) => JSON.parse(l) as { context: string; completion: string },
  );
  const preamble = all
    .slice(0, 32)
    .map((p) => p.context + p.completion)
    .join('');
  return take(all.slice(32), items, 'arithmetic').map((p) => ({
    context: preamble + p.context,
    continuation: p.completion,
  }));
}

/** ANLI behind as many solved problems as fit 1,024 tokens for every item: three choices each. */
export function anli(items: number): Pair[] {
  const read = (file: string): { context: string; hypothesis: string; label: 'e' | 'n' | 'c' }[] =>
    lines(file).map((l) => JSON.parse(l));
  const question = (e: { context: string; hypothesis: string }): string =>
    `${e.context}\nQuestion: ${e.hypothesis} True, False, or Neither?\nAnswer:`;
  const answer = { e: ' True', n: ' Neither', c: ' False' };
  const shots = read('anli/R1/dev.jsonl')
    .filter((e) => e.context.length < 400)
    .slice(0, 7);
  const preamble = shots.map((e) => `${question(e)}${answer[e.label]}\n\n`).join('');
  return take(read('anli/R1/test.jsonl'), items, 'anli').flatMap((e) =>
    Object.values(answer).map((continuation) => ({ context: preamble + question(e), continuation })),
  );
}
