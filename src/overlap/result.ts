import { MOST_PLACES } from './matcher.ts';
import type { ScannedFile } from './scan.ts';
import type { IndexedTask, OverlapMethod, TestSet } from './test-set.ts';

/** Grams of more training documents than these may be left out: GPT-3 paper, appendix C. */
const COMMON_DOCUMENTS = 10;

/** Where a gram was found. */
export interface Place {
  /** As the command named it. */
  readonly file: string;
  /** From 1: a line of JSON Lines, a row of Parquet. */
  readonly document: number;
  /** The words that were found. */
  readonly text: string;
}

/** A test item, and what of it was found. */
export interface OverlapItem {
  readonly task: string;
  readonly id: string;
  /** Something of it was found. */
  readonly dirty: boolean;
  /** N-grams of each field, and those of them that were found. */
  readonly fields: Readonly<Record<string, { readonly grams: number; readonly matched: number }>>;
  /** The first places. */
  readonly where: readonly Place[];
}

/** What `evalgpt overlap --json` prints. */
export interface OverlapResult {
  readonly method: OverlapMethod;
  /** What was searched. */
  readonly corpus: { readonly files: number; readonly bytes: number; readonly documents: number };
  /** By task: words of an n-gram, items, and how many of them are dirty. */
  readonly tasks: readonly {
    readonly task: string;
    readonly ngram: number;
    readonly n: number;
    readonly dirty: number;
  }[];
  /** All of them, the clean ones too. */
  readonly items: readonly OverlapItem[];
}

/** Gathers what was found in the files of a corpus. */
export interface Tally {
  /** In any order: places are told by the files' names. */
  add(scanned: ScannedFile): void;
  /** @param ignoreCommon leaves out grams of more than COMMON_DOCUMENTS documents */
  result(method: OverlapMethod, ignoreCommon: boolean): OverlapResult;
  /** Grams of the test set that more than COMMON_DOCUMENTS documents have. */
  common(): number;
}

export function createTally(testSet: TestSet): Tally {
  const documents = new Uint32Array(testSet.index.size);
  /** By gram: files and documents, ascending, MOST_PLACES at most. */
  const places = new Map<number, [file: string, document: number][]>();
  const corpus = { files: 0, bytes: 0, documents: 0 };
  return {
    add({ file: { path }, bytes, documents: read, findings }) {
      corpus.files++;
      corpus.bytes += bytes;
      corpus.documents += read;
      let at = 0;
      for (const [i, gram] of findings.grams.entries()) {
        const count = findings.documents[i] as number;
        documents[gram] = (documents[gram] as number) + count;
        const own = places.get(gram) ?? [];
        for (let k = 0; k < Math.min(count, MOST_PLACES); k++)
          own.push([path, findings.places[at++] as number]);
        own.sort(byPlace);
        places.set(gram, own.slice(0, MOST_PLACES));
      }
    },
    common: () => documents.reduce((sum, n) => sum + (n > COMMON_DOCUMENTS ? 1 : 0), 0),
    result(method, ignoreCommon) {
      const isFound = (gram: number): boolean => {
        const n = documents[gram] as number;
        return n > 0 && !(ignoreCommon && n > COMMON_DOCUMENTS);
      };
      const gramsOf = (item: IndexedTask['items'][number]): number[] =>
        Object.values(item.fields).flatMap(({ first, count }) => [
          ...testSet.grams.subarray(first, first + count),
        ]);
      const placesOf = (item: IndexedTask['items'][number]): Place[] => {
        const seen = new Map<string, Place>();
        for (const gram of gramsOf(item)) {
          if (!isFound(gram)) continue;
          for (const [file, document] of places.get(gram) ?? []) {
            const key = `${document} ${file}`;
            if (seen.has(key)) continue;
            seen.set(key, { file, document, text: gramText(testSet, gram) });
          }
        }
        const sorted = [...seen.values()].sort((a, b) => byPlace([a.file, a.document], [b.file, b.document]));
        return sorted.slice(0, MOST_PLACES);
      };
      const items = testSet.tasks.map((task) =>
        task.items.map((item): OverlapItem => {
          const fields = Object.entries(item.fields).map(([name, { first, count }]) => {
            const grams = testSet.grams.subarray(first, first + count);
            let matched = 0;
            for (const gram of grams) if (isFound(gram)) matched++;
            return [name, { grams: count, matched }] as const;
          });
          const dirty = fields.some(([, { matched }]) => matched > 0);
          return {
            task: task.task,
            id: item.id,
            dirty,
            fields: Object.fromEntries(fields),
            where: dirty ? placesOf(item) : [],
          };
        }),
      );
      return {
        method,
        corpus: { ...corpus },
        tasks: testSet.tasks.map(({ task, ngram }, i) => {
          const own = items[i] as OverlapItem[];
          return { task, ngram, n: own.length, dirty: own.filter((item) => item.dirty).length };
        }),
        items: items.flat(),
      };
    },
  };
}

type FilePlace = readonly [file: string, document: number];

function byPlace([a, i]: FilePlace, [b, k]: FilePlace): number {
  return a === b ? i - k : a < b ? -1 : 1;
}

/** The words of a gram. */
function gramText({ index }: TestSet, gram: number): string {
  const { offsets, lengths, words, vocabulary } = index;
  const offset = offsets[gram] as number;
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return Array.from(words.subarray(offset, offset + (lengths[gram] as number)), (word) =>
    // Shared memory can't be decoded as it lies.
    decoder.decode(vocabulary.bytes.slice(vocabulary.starts[word], vocabulary.starts[word + 1])),
  ).join(' ');
}
