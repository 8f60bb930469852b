import { createHash } from 'node:crypto';
import { type Protocol, protocolOf, type Task } from '../task.ts';
import type { Example } from '../types.ts';
import { type GramIndex, gramIndexBuilder, LONGEST_GRAM, type TextGrams } from './gram-index.ts';
import { wordsOf } from './words.ts';

export type OverlapMethod = 'gpt2' | 'gpt3';

/** The texts of a task's examples that are looked for: fields by name, in the order in which they are read. */
export interface TestTask {
  readonly task: string;
  readonly dataset_sha256: string;
  /** Words of an n-gram. */
  readonly ngram: number;
  readonly items: readonly { readonly id: string; readonly fields: Readonly<Record<string, string>> }[];
}

/** Words of a gram: OpenAI's filter of WebText had 8 (GPT-2 paper, section 4). */
export const GPT2_NGRAM = 8;
/** GPT-3 paper, appendix C: the bounds of N, and the synthetic tasks that are given theirs. */
const [LEAST, MOST] = [8, 13] as const;
const SYNTHETIC: Readonly<Record<string, number>> = {
  'scramble-cycle-letters': 2,
  'scramble-anagrams1': 2,
  'scramble-anagrams2': 2,
  'scramble-reversed-words': 2,
  'scramble-random-insertion': 7,
};

/** A task's examples as texts, with the N of the method unless one is given. */
export function testTask(
  task: Task,
  { examples, sha256 }: { readonly examples: readonly Example[]; readonly sha256: string },
  { method, ngram }: { readonly method: OverlapMethod; readonly ngram?: number | undefined },
): TestTask {
  // The paper whose check it is worded the examples whose length counts.
  const { protocol } = protocolOf(task, 'gpt3');
  return {
    task: task.name,
    dataset_sha256: sha256,
    ngram:
      ngram ??
      (method === 'gpt2'
        ? GPT2_NGRAM
        : gpt3Ngram(
            task.name,
            examples.map((e) => worded(protocol, e)),
          )),
    items: examples.map((example) => ({
      id: example.id,
      fields: task.fields?.(example) ?? inParts(protocol, example),
    })),
  };
}

/** Prompt and gold answer. */
function inParts(protocol: Protocol<Example>, example: Example): Record<string, string> {
  switch (protocol.kind) {
    case 'rolling':
      return { text: protocol.text(example) };
    case 'span':
      return { context: protocol.context(example, 0), answer: protocol.continuation(example) };
    case 'choice': {
      const gold = protocol.gold(example);
      const answer = protocol.choices(example)[gold] ?? '';
      return { context: protocol.contexts?.(example)[gold] ?? protocol.context(example, 0), answer };
    }
    case 'generate':
      return { context: protocol.context(example, 0), answer: protocol.gold(example) };
  }
}

function worded(protocol: Protocol<Example>, example: Example): string {
  return Object.values(inParts(protocol, example)).join(' ');
}

/** The 5th percentile of the texts' lengths in words, within the bounds; GPT-3 paper, appendix C. */
export function gpt3Ngram(task: string, texts: readonly string[]): number {
  const given = SYNTHETIC[task];
  if (given !== undefined) return given;
  const lengths = Int32Array.from(texts, shortLength).sort();
  const percentile = lengths[Math.floor(0.05 * lengths.length)] ?? MOST;
  return Math.min(MOST, Math.max(LEAST, percentile));
}

/** Characters that hold MOST words of nearly any text. */
const HEAD = 400;

/** Words of a text, or any number above the bound where it has more. */
function shortLength(text: string): number {
  const atHead = wordsOf(text.slice(0, HEAD)).length;
  return text.length <= HEAD || atHead > MOST + 1 ? atHead : wordsOf(text).length;
}

/** A test set, indexed. */
export interface TestSet {
  readonly index: GramIndex;
  /** What `first` and `count` of the fields point into: numbers of grams. */
  readonly grams: Int32Array;
  readonly tasks: readonly IndexedTask[];
  /** Of everything that the grams depend on: two scans with the same key have the same grams by number. */
  readonly key: string;
}

export interface IndexedTask extends Omit<TestTask, 'items'> {
  readonly items: readonly { readonly id: string; readonly fields: Readonly<Record<string, TextGrams>> }[];
}

const NO_GRAMS: TextGrams = { first: 0, count: 0 };

/** Of the grams' numbering: raised where the words of a text, or the order of its grams, change. */
const VERSION = 1;

/**
 * Indexes the fields of all examples, each apart: a passage that is found is no answer that leaked. A field shorter
 * than N words is taken with as many words of the fields before it as make its first N-gram, so that an answer counts
 * where it follows its question; an example that is shorter as a whole is looked for whole, under its last field.
 */
export function indexTestSet(tasks: readonly TestTask[]): TestSet {
  const builder = gramIndexBuilder();
  const hash = createHash('sha256').update(`overlap ${VERSION}\n`);
  /** Passages stand in many examples. */
  let known = new Map<string, Int32Array>();
  let added = new Map<Int32Array, TextGrams>();
  const indexed = tasks.map(({ items, ...task }): IndexedTask => {
    if (task.ngram > LONGEST_GRAM) throw new Error(`n-grams of ${task.ngram} words are too long`);
    hash.update(JSON.stringify(task));
    known = new Map();
    added = new Map();
    const wordsIn = (text: string): Int32Array => {
      const words = known.get(text) ?? builder.words(text);
      known.set(text, words);
      return words;
    };
    const add = (words: Int32Array): TextGrams => {
      const place = added.get(words) ?? builder.add(words, task.ngram);
      added.set(words, place);
      return place;
    };
    return {
      ...task,
      items: items.map(({ id, fields }) => {
        hash.update(JSON.stringify([id, fields]));
        const entries = Object.entries(fields);
        let before = new Int32Array(0);
        let total = 0;
        const places = entries.map(([name, text], i): [string, TextGrams] => {
          const words = wordsIn(text);
          total += words.length;
          if (words.length >= task.ngram) {
            before = words.slice(-task.ngram);
            return [name, add(words)];
          }
          const tail = joined(before.subarray(Math.max(0, before.length - task.ngram + 1)), words);
          before = tail;
          const isWhole = total < task.ngram && i === entries.length - 1;
          return [name, tail.length >= task.ngram || isWhole ? add(tail) : NO_GRAMS];
        });
        return { id, fields: Object.fromEntries(places) };
      }),
    };
  });
  return { ...builder.build(), tasks: indexed, key: hash.digest('hex') };
}

function joined(first: Int32Array, second: Int32Array): Int32Array<ArrayBuffer> {
  const all = new Int32Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
