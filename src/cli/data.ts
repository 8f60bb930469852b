import type { CommandModule } from 'yargs';
import { UserError } from '../errors.ts';
import { formatTable } from '../report/table.ts';
import { type CacheArguments, cacheOption, useCache } from './options.ts';
import { downloadReporter, formatBytes, progressOn } from './progress.ts';
import { interruptible } from './signals.ts';

interface DataArguments extends CacheArguments {
  action: 'list' | 'pull' | 'verify' | 'import';
  names: string[];
  offline: boolean;
  json: boolean;
}

export const dataCommand: CommandModule<object, DataArguments> = {
  command: 'data <action> [names..]',
  describe: 'List data sets, fetch, check, or import them',
  builder: (yargs) =>
    cacheOption(yargs)
      .positional('action', {
        choices: ['list', 'pull', 'verify', 'import'] as const,
        demandOption: true,
        describe: 'What to do',
      })
      .positional('names', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'Data sets (pull: or all); for import, files and archives',
      })
      .option('offline', {
        type: 'boolean',
        default: false,
        describe: 'Make no request (also EVALGPT_OFFLINE=1)',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON instead of text' })
      .example('$0 data list', 'what there is, and what of it is here')
      .example('$0 data pull anli-r1 lambada-openai', 'fetch two data sets into the cache')
      .example('$0 data verify', 'whether what is here is what the cards say')
      .example('$0 data import ~/anli_v1.0.zip', 'use an archive that is here already'),
  handler: (args) => interruptible((signal) => data(args, signal)),
};

async function data(args: DataArguments, signal: AbortSignal): Promise<void> {
  useCache(args);
  switch (args.action) {
    case 'list':
      return list(args);
    case 'pull':
      return pull(args, signal);
    case 'verify':
      return verifyAll(args, signal);
    case 'import':
      return importAll(args, signal);
  }
}

async function list({ names, json }: DataArguments): Promise<void> {
  const { inventory, selectCards } = await import('../data/inventory.ts');
  const entries = inventory(selectCards(names));
  if (json) return print(JSON.stringify(entries, null, 2));
  const rows = entries.map((e) => [
    e.set,
    e.split,
    e.file ?? 'generated',
    e.bytes === null ? '' : formatBytes(e.bytes),
    e.records === null ? '' : String(e.records),
    e.licence,
    e.path === null ? '' : 'yes',
  ]);
  print(formatTable(['set', 'split', 'file', 'size', 'records', 'licence', 'here'], rows));
}

async function pull({ names, offline, json }: DataArguments, signal: AbortSignal): Promise<void> {
  if (names.length === 0) throw new UserError('data pull: expected names of data sets or all, found none');
  const [{ inventory, selectCards }, { pullSplits }, { isOffline }] = await Promise.all([
    import('../data/inventory.ts'),
    import('../data/pull.ts'),
    import('../models/hub.ts'),
  ]);
  const cards = selectCards(names.includes('all') ? [] : names);
  const progress = progressOn(process.stderr);
  let problems: ReadonlyMap<string, UserError> = new Map();
  if (!isOffline(offline)) {
    const wanted = cards.flatMap((card) => Object.keys(card.splits).map((split) => ({ card, split })));
    const onDownload = downloadReporter(progress);
    problems = await pullSplits(wanted, { signal, onDownload }).finally(() => progress.end());
  }
  const entries = inventory(cards);
  print(
    json
      ? JSON.stringify(entries, null, 2)
      : entries.map((e) => `${e.set} ${e.split}: ${e.path ?? 'not here'}`).join('\n'),
  );
  const pageOf = (set: string): string | undefined => cards.find(({ name }) => name === set)?.request;
  const absent = entries.filter((e) => e.path === null);
  // Who asks for all asks for what can be had.
  const lacking = names.includes('all') ? absent.filter(({ set }) => pageOf(set) === undefined) : absent;
  for (const { set, file } of absent.filter((e) => !lacking.includes(e)))
    progress.note(`${set} ${file}: ${onRequest(pageOf(set))}`);
  if (lacking.length === 0) return;
  const reasons = lacking.map(({ set, file }) => {
    const page = pageOf(set);
    return (
      problems.get(file ?? '')?.message ??
      (page === undefined ? `offline, and ${file} is not here` : `${file}: ${onRequest(page)}`)
    );
  });
  throw failure('data pull', lacking.length, entries.length, 'could not be had', reasons);
}

function onRequest(page: string | undefined): string {
  return `is given on request at ${page}; \`evalgpt data import FILE\` puts it in place`;
}

async function verifyAll({ names, json }: DataArguments, signal: AbortSignal): Promise<void> {
  const { inventory, selectCards, verify } = await import('../data/inventory.ts');
  const cards = selectCards(names);
  const entries = inventory(cards).filter((e) => e.path !== null);
  const lacking = names.filter((name) => !entries.some((e) => e.set === name));
  if (lacking.length > 0) {
    throw new UserError(
      `data verify: nothing of ${lacking.join(', ')} is here; \`evalgpt data pull ${lacking.join(' ')}\` fetches it`,
    );
  }
  const done = [];
  for (const entry of entries) {
    signal.throwIfAborted();
    done.push(await verify(entry));
  }
  if (json) {
    print(JSON.stringify(done, null, 2));
  } else {
    const rows = done.map(({ entry, records, problem }) => [
      entry.set,
      entry.split,
      records === undefined ? '' : String(records),
      problem !== undefined
        ? 'wrong'
        : entry.file !== null && entry.sha256 === null
          ? 'no hash known'
          : 'right',
      entry.path ?? '',
    ]);
    print(formatTable(['set', 'split', 'records', 'verdict', 'path'], rows));
  }
  const reasons = done.flatMap(({ problem }) => problem ?? []);
  if (reasons.length > 0) {
    throw failure('data verify', reasons.length, done.length, 'not what the cards say', reasons);
  }
}

async function importAll({ names, json }: DataArguments, signal: AbortSignal): Promise<void> {
  if (names.length === 0) throw new UserError('data import: expected files or archives, found none');
  const { importFile } = await import('../data/import.ts');
  const progress = progressOn(process.stderr);
  const warn = (message: string): void => progress.note(`warning: ${message}`);
  const placed: string[] = [];
  const reasons: string[] = [];
  for (const name of names) {
    try {
      placed.push(...(await importFile(name, { signal, warn })));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      reasons.push(error.message);
    }
  }
  if (json) print(JSON.stringify(placed, null, 2));
  else if (placed.length > 0) print(placed.join('\n'));
  if (reasons.length > 0) throw failure('data import', reasons.length, names.length, 'not taken', reasons);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One error for what went wrong with several files: a sentence each, every reason once. */
function failure(
  command: string,
  wrong: number,
  all: number,
  what: string,
  reasons: readonly string[],
): UserError {
  const distinct = [...new Set(reasons)];
  return new UserError(
    all === 1
      ? `${command}: ${distinct[0]}`
      : `${command}: ${wrong} of ${all} ${what}: ${distinct.join('; ')}`,
  );
}
