import { availableParallelism } from 'node:os';
import type { CommandModule } from 'yargs';
import { UserError } from '../errors.ts';
import type { CorpusFile } from '../overlap/corpus.ts';
import type { OverlapResult, Tally } from '../overlap/result.ts';
import type { ScannedFile } from '../overlap/scan.ts';
import type { TestTask } from '../overlap/test-set.ts';
import { formatTable } from '../report/table.ts';
import { useCache } from './options.ts';
import { type OverlapArguments, overlapOptions } from './overlap-options.ts';
import { downloadReporter, formatBytes, formatSeconds, type Progress, progressOn } from './progress.ts';
import { interruptible } from './signals.ts';

export const overlapCommand: CommandModule<object, OverlapArguments> = {
  command: 'overlap',
  describe: 'Which test items stand in a training corpus',
  builder: overlapOptions,
  handler: (args) => interruptible((signal) => overlap(args, signal)),
};

async function overlap(args: OverlapArguments, signal: AbortSignal): Promise<void> {
  useCache(args);
  const { corpus = [], merge = [], index: path, method, 'ignore-common': ignoreCommon } = args;
  if (args.model !== undefined) {
    const { overlapByOrder } = await import('./order.ts');
    return overlapByOrder(args, args.model, signal);
  }
  const foreign = (['permutations', 'run', 'limit', 'seed'] as const).find(
    (name) => args[name] !== undefined,
  );
  if (foreign !== undefined) throw new UserError(`overlap: --${foreign} goes with --model, found without it`);
  if (corpus.length === 0 && merge.length === 0)
    throw new UserError('overlap: expected --corpus with files, folders or globs, or --model, found neither');
  if ((args.tasks === undefined) === (args.texts === undefined))
    throw new UserError(
      `overlap: expected --tasks or --texts, found ${args.tasks === undefined ? 'neither' : 'both'}`,
    );
  const [{ corpusFiles, shardOf }, { indexTestSet }, { createTally }, indexFile] = await Promise.all([
    import('../overlap/corpus.ts'),
    import('../overlap/test-set.ts'),
    import('../overlap/result.ts'),
    import('../overlap/index-file.ts'),
  ]);
  const all = corpusFiles(corpus);
  const files = args.shard ? shardOf(all, args.shard) : all;
  const progress = progressOn(process.stderr);
  const testSet = indexTestSet(await testTasks(args, progress, signal));
  signal.throwIfAborted();

  const tally = createTally(testSet);
  const done = new Map<string, CorpusFile>();
  const known = (scanned: ScannedFile): void => {
    const former = done.get(scanned.file.path);
    if (former && !isSame(former, scanned.file))
      throw new UserError(
        `${scanned.file.path}: is another file in one of the indexes than in the others: give the files paths of their own`,
      );
    if (former) return;
    done.set(scanned.file.path, scanned.file);
    tally.add(scanned);
  };
  const head = indexFile.headOf(testSet, method, ignoreCommon);
  const index = path === undefined ? undefined : await indexFile.openIndex(path, head, known);
  const resumed = done.size;
  for (const other of merge) {
    const taken: ScannedFile[] = [];
    await indexFile.readFinished(other, head, (scanned) => {
      if (!done.has(scanned.file.path)) taken.push(scanned);
      known(scanned);
    });
    for (const scanned of taken) await index?.file(scanned);
  }
  const open = files.filter((file) => !isDone(file, done.get(file.path), path));
  if (resumed > 0) progress.note(`${path}: ${resumed} files are scanned already, ${open.length} are left`);
  const broken = await scan(open, args, { testSet, tally, progress, signal, index });
  const result = tally.result(method, ignoreCommon);
  await index?.flags(result);
  process.stdout.write(`${args.json ? JSON.stringify(result) : describe(result, tally, broken)}\n`);
}

/** What is read from standard input is never the same twice. */
function isSame(a: CorpusFile, b: CorpusFile): boolean {
  return a.path !== '-' && a.bytes === b.bytes && a.modified === b.modified;
}

/** @throws UserError where a file changed since it was scanned */
function isDone(file: CorpusFile, former: CorpusFile | undefined, index: string | undefined): boolean {
  if (!former) return false;
  if (file.path === '-')
    throw new UserError(`-: standard input was scanned for ${index} already: name another file with --index`);
  if (isSame(former, file)) return true;
  throw new UserError(
    `${file.path}: changed since it was scanned for ${index}: name another file with --index`,
  );
}

async function testTasks(
  { tasks, texts, method, ngram, offline }: OverlapArguments,
  progress: Progress,
  signal: AbortSignal,
): Promise<TestTask[]> {
  const { gpt3Ngram, GPT2_NGRAM, testTask } = await import('../overlap/test-set.ts');
  if (texts !== undefined) {
    const { readTexts } = await import('../overlap/texts-file.ts');
    const read = await readTexts(texts);
    const own = (): number =>
      method === 'gpt2'
        ? GPT2_NGRAM
        : gpt3Ngram(
            'texts',
            read.items.map(({ fields }) => fields.text ?? ''),
          );
    return [{ ...read, ngram: ngram ?? own() }];
  }
  const [{ scoredSplit, selectTasks }, { fetchData }, { isOffline }] = await Promise.all([
    import('../evaluate/load.ts'),
    import('../evaluate/fetch-data.ts'),
    import('../models/hub.ts'),
  ]);
  const warned = new Set<string>();
  const warn = (message: string): void => {
    if (warned.size < warned.add(message).size) progress.note(`warning: ${message}`);
  };
  const wanted = selectTasks(tasks as string[]);
  const onDownload = downloadReporter(progress);
  const absent = isOffline(offline)
    ? undefined
    : await fetchData(wanted, { shots: [0], protocol: null }, warn, { signal, onDownload });
  const found: TestTask[] = [];
  const missing: string[] = [];
  for (const task of wanted) {
    signal.throwIfAborted();
    const split = await scoredSplit(task, warn, absent);
    if ('missing' in split) missing.push(split.missing);
    else found.push(testTask(task, split, { method, ngram }));
  }
  if (found.length === 0) throw new UserError(missing[0] ?? 'no task to look for');
  for (const reason of missing) warn(`left out: ${reason}`);
  return found;
}

/** Scans what is open; returns the files that were skipped. */
async function scan(
  files: readonly CorpusFile[],
  { field, 'keep-going': keepGoing, threads }: OverlapArguments,
  {
    testSet,
    tally,
    progress,
    signal,
    index,
  }: {
    readonly testSet: { readonly index: import('../overlap/gram-index.ts').GramIndex };
    readonly tally: Tally;
    readonly progress: Progress;
    readonly signal: AbortSignal;
    readonly index: { file(scanned: ScannedFile): Promise<void> } | undefined;
  },
): Promise<string[]> {
  const { scanFiles } = await import('../overlap/scan.ts');
  const broken: string[] = [];
  const tell = byteReporter(files, progress);
  try {
    await scanFiles(files, {
      index: testSet.index,
      field,
      threads: threads ?? availableParallelism(),
      signal,
      onBytes: tell,
      async onFile(scanned) {
        tally.add(scanned);
        await index?.file(scanned);
      },
      onBroken(file, error) {
        if (!keepGoing) throw error;
        broken.push(file.path);
        progress.note(`skipped: ${error.message}`);
      },
    });
  } finally {
    progress.end();
  }
  return broken;
}

/** Bytes read from the disk, how fast, and how long the rest will take. */
function byteReporter(files: readonly CorpusFile[], progress: Progress): (bytes: number) => void {
  const total = files.reduce((sum, file) => sum + (file.bytes ?? Number.NaN), 0);
  const began = performance.now();
  let done = 0;
  return (bytes) => {
    done += bytes;
    const rate = done / Math.max((performance.now() - began) / 1000, 1e-3);
    const left = Number.isNaN(total)
      ? ''
      : ` of ${formatBytes(total)}, ${formatSeconds((total - done) / rate)} left`;
    progress.update(`overlap: ${formatBytes(rate)}/s, ${formatBytes(done)}${left}`);
  };
}

function describe(result: OverlapResult, tally: Tally, broken: readonly string[]): string {
  const { corpus, method } = result;
  const rows = result.tasks.map(({ task, ngram, n, dirty }) => {
    const own = result.items.filter((item) => item.task === task);
    return [task, String(ngram), String(n), String(dirty), percent(dirty, n), shareFound(own)];
  });
  const common = tally.common();
  return [
    `${method === 'gpt2' ? "GPT-2's" : "GPT-3's"} check: ${corpus.files} files, ${corpus.documents} documents, ${formatBytes(corpus.bytes)}.`,
    ...(broken.length > 0 ? [`Skipped because they are broken: ${broken.join(', ')}.`] : []),
    '',
    formatTable(['task', 'N', 'items', 'dirty', 'share', 'n-grams found'], rows),
    '',
    `${common} n-grams stand in more than 10 documents.`,
  ].join('\n');
}

function shareFound(items: OverlapResult['items']): string {
  let [grams, matched] = [0, 0];
  for (const { fields } of items) {
    for (const field of Object.values(fields)) {
      grams += field.grams;
      matched += field.matched;
    }
  }
  return percent(matched, grams);
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '' : `${((100 * part) / whole).toFixed(2)} %`;
}
