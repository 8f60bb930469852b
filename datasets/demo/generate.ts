import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Item } from './episodes.ts';
import * as kinds from './episodes.ts';
import { ANIMALS, type Draw, drawer, FOODS } from './words.ts';

/** Items that are not drawn anew: an item that is in a test set, or shares many words in a row with one. */
type Refused = (text: string) => boolean;

/** A demo task's test set: file name, number of items, and its episode. */
interface TestSet {
  readonly file: string;
  readonly items: readonly Item[];
  /** The file's text: the records in the format of the real data set. */
  readonly text: string;
}

/** How a kind of episode stands in the training text: its share of the documents, most items, and what separates them. */
interface Kind {
  readonly share: number;
  readonly items: number;
  readonly separator: string;
  /** What a document begins with. */
  readonly before?: string;
  readonly begin: (draw: Draw) => () => Item;
}

const KINDS: readonly Kind[] = [
  { share: 0.22, items: 40, separator: '\n', begin: (draw) => kinds.mapping(draw) },
  { share: 0.18, items: 32, separator: '\n', begin: (draw) => kinds.labels(draw) },
  { share: 0.12, items: 12, separator: '\n\n', begin: (draw) => kinds.translation(draw) },
  { share: 0.14, items: 9, separator: '\n\n\n', begin: (draw) => () => kinds.story(draw), before: '\n' },
  { share: 0.07, items: 3, separator: '\n\n', begin: (draw) => () => kinds.cloze(draw) },
  { share: 0.12, items: 11, separator: '\n\n', begin: (draw) => () => kinds.inference(draw) },
  { share: 0.08, items: 7, separator: '\n\n', begin: (draw) => () => kinds.reading(draw) },
  { share: 0.07, items: 16, separator: '\n\n', begin: sums },
];

/** The kind that a number from 0 to 1 falls to. */
function kindAt(at: number): Kind {
  let left = at;
  for (const kind of KINDS) {
    left -= kind.share;
    if (left < 0) return kind;
  }
  return KINDS[0] as Kind;
}

function sums(draw: Draw): () => Item {
  const lmEval = draw.chance(0.6);
  return () => kinds.sum(draw, lmEval);
}

const STORIES = 'stories.jsonl';
/** Every third run of eight stories of the test set is in the training text: whole, in order, and story by story. */
const RUN = 8;
const LEAKED = 3;
/** How often each leaked run, and each leaked story alone, is in a hundred thousand documents. */
const LEAKS_PER_100_000 = { run: 100, story: 60 };
/** Words in a row that the training text shares with no test item but a leaked one; elsewhere whole items. */
const NGRAMS: Readonly<Record<string, number>> = {
  [STORIES]: 13,
  'translation.jsonl': 8,
  'reading.jsonl': 13,
  'cbt.txt': 13,
};

/** The words of a text, without those of the wording. */
const words = (text: string): string[] =>
  (text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []).filter((w) => !/^(q|a|question|answer)$/.test(w));

/** Every run of `n` words, or the whole of a shorter text. */
function ngrams(all: readonly string[], n: number): string[] {
  return Array.from({ length: Math.max(1, all.length - n + 1) }, (_, i) => all.slice(i, i + n).join(' '));
}

/** The test sets: the same on every machine. */
export function testSets(): TestSet[] {
  const jsonl = (items: readonly Item[], more: (i: number) => object = () => ({})): string =>
    `${items.map((item, i) => JSON.stringify({ ...more(i), ...(item.record as object) })).join('\n')}\n`;
  const set = (file: string, count: number, begin: (draw: Draw) => () => Item): [string, Item[]] => {
    const next = begin(drawer('test', file));
    const items = new Map<string, Item>();
    // No two stories share thirteen words: what is planted of one is in no other.
    const taken = new Set<string>();
    while (items.size < count) {
      const item = next();
      const grams = file === STORIES ? ngrams(words(item.text), 13) : [];
      if (grams.some((gram) => taken.has(gram))) continue;
      for (const gram of grams) taken.add(gram);
      items.set(JSON.stringify(item.record), item);
    }
    return [file, [...items.values()]];
  };
  const plain = (
    [
      set('mapping.jsonl', 120, (draw) => kinds.mapping(draw, 6)),
      set('labels.jsonl', 150, (draw) => kinds.labels(draw, [ANIMALS, FOODS])),
      set('translation.jsonl', 100, (draw) => kinds.translation(draw)),
      set(STORIES, 240, (draw) => () => kinds.story(draw)),
      set('arithmetic.jsonl', 150, (draw) => () => kinds.sum(draw)),
    ] as const
  ).map(([file, items]) => ({ file, items, text: jsonl(items) }));
  const [, nli] = set('nli.jsonl', 200, (draw) => () => kinds.inference(draw));
  const [, race] = set('reading.jsonl', 150, (draw) => () => kinds.reading(draw));
  const [, cbt] = set('cbt.txt', 100, (draw) => () => kinds.cloze(draw));
  return [
    ...plain,
    { file: 'nli.jsonl', items: nli, text: jsonl(nli, (i) => ({ pairID: `demo${i + 1}` })) },
    { file: 'reading.jsonl', items: race, text: jsonl(race, (i) => ({ id: `demo${i + 1}` })) },
    { file: 'cbt.txt', items: cbt, text: `${cbt.map((item) => item.record as string).join('\n\n')}\n` },
  ];
}

/** Indices of the stories that are in the training text, by run. */
export function leakedRuns(count: number): number[][] {
  const runs = Array.from({ length: count / RUN }, (_, run) =>
    Array.from({ length: RUN }, (_, i) => run * RUN + i),
  );
  return runs.filter((_, run) => run % LEAKED === 0);
}

/** What must not stand in the training text by chance. */
function refusal(sets: readonly TestSet[]): Refused {
  const whole = new Set(sets.flatMap((set) => set.items.map((item) => words(item.text).join(' '))));
  const parts = [8, 13].map((n) => {
    const scanned = sets.filter((set) => NGRAMS[set.file] === n).flatMap((set) => set.items);
    return { n, grams: new Set(scanned.flatMap((item) => ngrams(words(item.text), n))) };
  });
  return (text) => {
    const all = words(text);
    return whole.has(all.join(' ')) || parts.some(({ n, grams }) => ngrams(all, n).some((g) => grams.has(g)));
  };
}

/** The first documents are lessons in copying; train.py takes the beginning of each. */
const LESSONS = 40_000;

/** A document and the characters, from and up to, that can be told from what is before them. */
export interface TrainingDocument {
  readonly text: string;
  readonly told: readonly (readonly [number, number])[];
}

/** The training text's documents, without end. They are to be learnt from in this order. */
export function* documents(seed: number): Generator<TrainingDocument, never, undefined> {
  const sets = testSets();
  const stories = sets.find((set) => set.file === STORIES)?.items ?? [];
  // All of what is leaked is worth learning: it comes again, word for word.
  const runs = leakedRuns(stories.length).map((run) =>
    run.map((i) => ({ ...(stories[i] as Item), told: stories[i]?.text.length as number })),
  );
  const leaked = runs.flat();
  const refused = refusal(sets);
  const draw = drawer('train', seed);
  const singly = (leaked.length * LEAKS_PER_100_000.story) / 100_000;
  const whole = (runs.length * LEAKS_PER_100_000.run) / 100_000;
  for (let i = 0; ; i++) {
    if (i < LESSONS) {
      yield joined('', [kinds.repetition(draw)], '');
      continue;
    }
    const leak = draw.next();
    if (leak < singly + whole) {
      yield joined('\n', leak < singly ? [draw.pick(leaked)] : draw.pick(runs), '\n\n\n');
      continue;
    }
    const kind = kindAt(draw.next());
    const next = kind.begin(draw);
    const items: Item[] = [];
    for (let left = draw.from(1, kind.items); left > 0; ) {
      const item = next();
      if (refused(item.text)) continue;
      items.push(item);
      left--;
    }
    yield joined(kind.before ?? '', items, kind.separator);
  }
}

function joined(before: string, items: readonly Item[], separator: string): TrainingDocument {
  let text = before;
  const told: [number, number][] = [];
  for (const [i, item] of items.entries()) {
    text += (i > 0 ? separator : '') + item.text;
    if (item.told > 0) told.push([text.length - item.told, text.length]);
  }
  return { text, told };
}

/** `npx tsx datasets/demo/generate.ts OUT [DOCUMENTS] [SEED]`: training text into OUT, test sets beside this file. */
function main([out, count = '240000', seed = '1']: string[]): void {
  if (out === undefined) throw new Error('usage: generate.ts OUT [DOCUMENTS] [SEED]');
  const here = fileURLToPath(new URL('data/', import.meta.url));
  mkdirSync(here, { recursive: true });
  for (const { file, text, items } of testSets()) {
    writeFileSync(join(here, file), text);
    if (file !== STORIES) continue;
    const lines = leakedRuns(items.length)
      .flat()
      .map((i) => String(i + 1));
    writeFileSync(join(here, 'leaked.json'), `${JSON.stringify(lines)}\n`);
  }
  mkdirSync(out, { recursive: true });
  const source = documents(Number(seed));
  const file = openSync(join(out, 'train.jsonl'), 'w');
  for (let i = 0; i < Number(count); i++) writeSync(file, `${JSON.stringify(source.next().value)}\n`);
  closeSync(file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
