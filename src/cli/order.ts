import { UserError } from '../errors.ts';
import type { OrderResult } from '../evaluate/order.ts';
import { formatTable } from '../report/table.ts';
import type { OverlapArguments } from './overlap-options.ts';
import { downloadReporter, formatSeconds, progressOn } from './progress.ts';

/** `evalgpt overlap --model`: the exchangeability test, which needs no corpus. */
export async function overlapByOrder(
  args: OverlapArguments,
  ref: string,
  signal: AbortSignal,
): Promise<void> {
  const foreign = (['corpus', 'texts', 'merge', 'shard', 'ngram'] as const).find((name) => args[name]);
  if (foreign !== undefined)
    throw new UserError(`overlap: --${foreign} is for a corpus, found beside --model, which needs none`);
  if (args.tasks === undefined) throw new UserError('overlap: expected --tasks with --model, found none');
  const [
    { loadForOrder, testOrder },
    { selectTasks },
    { fetchData },
    { isOffline },
    { openScorer },
    journal,
  ] = await Promise.all([
    import('../evaluate/order.ts'),
    import('../evaluate/load.ts'),
    import('../evaluate/fetch-data.ts'),
    import('../models/hub.ts'),
    import('../evaluate/scorer.ts'),
    import('../store/journal.ts'),
  ]);
  const progress = progressOn(process.stderr);
  const warned = new Set<string>();
  const warn = (message: string): void => {
    if (warned.size < warned.add(message).size) progress.note(`warning: ${message}`);
  };
  const onDownload = downloadReporter(progress);
  const wanted = selectTasks(args.tasks);
  const absent = isOffline(args.offline)
    ? undefined
    : await fetchData(wanted, { shots: [0], protocol: null }, warn, { signal, onDownload });
  const scorer = await openScorer(ref, {
    threads: args.threads ?? null,
    offline: args.offline,
    signal,
    onDownload,
    onWarning: warn,
  });
  try {
    const results: OrderResult[] = [];
    for (const task of wanted) {
      const loaded = await loadForOrder(task, null, warn, absent);
      if (!('task' in loaded)) {
        warn(`left out: ${loaded.missing}`);
        continue;
      }
      const { permutations = 99, run = 16, seed = 1, limit = null } = args;
      const asked = {
        model: scorer.identity.sha256,
        data: loaded.splitSha256,
        permutations,
        run,
        seed,
        limit,
      };
      const finished = await journal.openJournal<{ run: number; totals: number[] }>(args.index, {
        ...asked,
        task: task.name,
      });
      const known = new Map(finished.lines.map((line) => [line.run, line.totals]));
      const began = performance.now();
      let computed = 0;
      const options = { permutations, run, seed, limit, protocol: null, signal };
      const result = await testOrder(loaded, scorer, {
        ...options,
        known: (_, at) => known.get(at),
        async onRun(name, at, totals, of) {
          if (!known.has(at)) {
            await finished.append({ run: at, totals: [...totals] });
            computed++;
          }
          const each = (performance.now() - began) / 1000 / Math.max(computed, 1);
          progress.update(`${name}: ${at + 1} of ${of} runs, ${formatSeconds((of - at - 1) * each)} left`);
        },
      });
      progress.end();
      results.push(result);
    }
    if (results.length === 0) throw new UserError('no task whose order could be tested');
    process.stdout.write(
      `${args.json ? JSON.stringify({ method: 'order', model: ref, tasks: results }) : table(results)}\n`,
    );
  } finally {
    progress.end();
    await scorer.close();
  }
}

function table(results: readonly OrderResult[]): string {
  const rows = results.map((r) => [
    r.task,
    String(r.items),
    String(r.runs),
    r.advantage.toFixed(4),
    r.p < 0.001 ? r.p.toExponential(1) : r.p.toFixed(3),
  ]);
  const [{ permutations }] = results as [OrderResult];
  return [
    formatTable(['task', 'items', 'runs', 'own order, nats an item', 'p'], rows),
    '',
    `The own order against ${permutations} random ones; p is exact, at least ${(1 / (permutations + 1)).toPrecision(1)}.`,
    ...(results.length > 1
      ? [
          `Of ${results.length} tests: p below ${(0.05 / results.length).toPrecision(2)} is a finding at 5 % (Bonferroni).`,
        ]
      : []),
  ].join('\n');
}
