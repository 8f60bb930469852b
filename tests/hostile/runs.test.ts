import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packBaseline, readStoredRun } from '../../src/check/baseline.ts';
import { pairRuns } from '../../src/check/pair.ts';
import { rescoreRun } from '../../src/check/rescore.ts';
import { checkRuns } from '../../src/check/verdict.ts';
import { openRun } from '../../src/lm-eval/read.ts';
import { readFlags } from '../../src/overlap/index-file.ts';
import { readRuns, writeLeaderboard } from '../../src/report/report.ts';
import { openJournal } from '../../src/store/journal.ts';
import { readRecord } from '../../src/store/run-folder.ts';
import { openScoreCache } from '../../src/store/score-cache.ts';
import { writeRunFolder } from '../helpers/run-folders.ts';
import { CASES, fuzz, jsonText, mutatedBytes, mutatedJson, peakMiB } from './fuzz.ts';

const root = mkdtempSync(join(tmpdir(), 'evalgpt-hostile-runs-'));
const before = peakMiB();
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A run folder whose files are changed one at a time, and put back. */
const whole = join(root, 'run');
beforeAll(() => {
  writeRunFolder(whole, {
    seed: 1,
    models: [{ ref: 'a', parameters: 1000 }],
    ...{ tasks: ['one'], shots: [0, 1], items: 8, dirty: 3, draws: 2 },
  });
});

async function changing(
  path: string,
  content: Buffer | string,
  attempt: () => Promise<unknown>,
): Promise<void> {
  const former = readFileSync(path);
  writeFileSync(path, content);
  try {
    await attempt();
  } finally {
    writeFileSync(path, former);
  }
}

const THRESHOLDS = {
  ...{ alpha: 0.05, minEffect: { points: 0.5, nats: 0.01 }, margin: { points: 2, nats: 0.02 } },
} as const;

/** All that is done with a stored run: report, check against itself, rescore. */
async function use(folder: string): Promise<void> {
  const failures: unknown[] = [];
  for (const attempt of [
    () => readRuns([folder]).then((merged) => writeLeaderboard(merged, join(root, 'page.html'))),
    async () => {
      const stored = await readStoredRun(folder, '--baseline');
      const again = await readStoredRun(folder, '--candidate');
      checkRuns(pairRuns(stored, again), THRESHOLDS);
      await packBaseline(stored);
    },
    async () => rescoreRun(folder, await readRecord(folder), { ties: 'all' as never }),
  ]) {
    await attempt().catch((error: unknown) => failures.push(error));
  }
  // The first that is no refusal counts; else the first refusal.
  const bug = failures.find((error) => (error as Error).name !== 'UserError') ?? failures[0];
  if (bug !== undefined) throw bug;
}

function filesOf(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesOf(path) : [path];
  });
}

describe('run folders', () => {
  test('run.json', async () => {
    const path = join(whole, 'run.json');
    await fuzz('run.json bytes', mutatedBytes(readFileSync(path)), (changed) =>
      changing(path, changed, () => use(whole)),
    );
    const record: unknown = JSON.parse(readFileSync(path, 'utf8'));
    await fuzz(
      'run.json JSON',
      mutatedJson(record),
      (v) => changing(path, jsonText(v), () => use(whole)),
      4 * CASES,
    );
  });

  test('samples, prompts and tokens', async () => {
    for (const path of filesOf(whole).filter((file) => !file.endsWith('run.json'))) {
      const name = path.slice(whole.length + 1).split('/')[0];
      const bytes = readFileSync(path);
      await fuzz(`${name} bytes`, mutatedBytes(bytes), (changed) =>
        changing(path, changed, () => use(whole)),
      );
      if (!path.endsWith('.jsonl')) continue;
      const lines: unknown[] = bytes
        .toString('utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      await fuzz(
        `${name} JSON`,
        mutatedJson(lines),
        (v) => changing(path, `${(Array.isArray(v) ? v : [v]).map(jsonText).join('\n')}\n`, () => use(whole)),
        CASES,
      );
    }
  });
});

test('baselines', async () => {
  const path = join(root, 'baseline.json.gz');
  const bytes = await packBaseline(await readStoredRun(whole, '--baseline'));
  const use = async (content: Buffer): Promise<void> => {
    writeFileSync(path, content);
    const stored = await readStoredRun(path, '--baseline');
    checkRuns(pairRuns(stored, stored), THRESHOLDS);
    const good = await readStoredRun(whole, '--candidate');
    checkRuns(pairRuns(stored, good), THRESHOLDS);
    await packBaseline(stored);
  };
  await fuzz('baseline bytes', mutatedBytes(bytes), use);
  const json: unknown = JSON.parse(gunzipSync(bytes).toString('utf8'));
  await fuzz('baseline JSON', mutatedJson(json), (v) => use(gzipSync(jsonText(v))), 4 * CASES);
});

test("lm-eval's files", async () => {
  const own = join(root, 'lm-eval');
  cpSync(new URL('../vectors/lm-eval', import.meta.url), own, { recursive: true });
  const read = async (): Promise<void> => {
    const run = await openRun(own);
    try {
      await use(run.folder);
    } finally {
      await run.close();
    }
  };
  for (const path of filesOf(own)) {
    const name = path.slice(own.length + 1).split('_2026')[0];
    const bytes = readFileSync(path);
    await fuzz(`lm-eval ${name} bytes`, mutatedBytes(bytes), (changed) => changing(path, changed, read));
    const isLines = path.endsWith('.jsonl');
    const lines: unknown[] = isLines
      ? bytes
          .toString('utf8')
          .trimEnd()
          .split('\n')
          .slice(0, 4)
          .map((line) => JSON.parse(line))
      : [JSON.parse(bytes.toString('utf8'))];
    await fuzz(
      `lm-eval ${name} JSON`,
      mutatedJson(lines),
      (v) => changing(path, `${(Array.isArray(v) ? v : [v]).map(jsonText).join('\n')}\n`, read),
      CASES,
    );
  }
});

test('overlap indexes and journals', async () => {
  const path = join(root, 'index.jsonl');
  const lines = [
    {
      kind: 'overlap',
      format: 1,
      method: 'gpt3',
      ignore_common: false,
      key: 'k',
      tasks: [{ task: 'one', dataset_sha256: 'a', ngram: 13, n: 3 }],
    },
    {
      kind: 'file',
      file: { path: 'c.txt', size: 3 },
      documents: 1,
      bytes: 3,
      grams: [1],
      counts: [1],
      places: [0, 1],
    },
    {
      kind: 'flags',
      corpus: { files: 1 },
      items: [
        {
          task: 'one',
          id: 'one-1',
          dirty: true,
          fields: { context: { grams: 3, matched: 1 } },
          where: [{ file: 'c.txt', document: 1, text: 'x' }],
        },
      ],
    },
  ];
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const read = async (content: string | Buffer): Promise<void> => {
    writeFileSync(path, content);
    const { tasks, items } = await readFlags(path);
    for (const { task, ngram, n } of tasks)
      expect([typeof task, typeof ngram, typeof n]).toEqual(['string', 'number', 'number']);
    for (const item of items) expect([typeof item.task, typeof item.id]).toEqual(['string', 'string']);
  };
  await fuzz('overlap index bytes', mutatedBytes(Buffer.from(text)), read, CASES);
  await fuzz(
    'overlap index JSON',
    mutatedJson(lines),
    (v) => read(`${(Array.isArray(v) ? v : [v]).map(jsonText).join('\n')}\n`),
    4 * CASES,
  );
  const job = { kind: 'order' };
  const journal = [1, 2]
    .map((n) => `${JSON.stringify({ job: JSON.stringify(job), line: { n } })}\n`)
    .join('');
  await fuzz('journal bytes', mutatedBytes(Buffer.from(journal)), (changed) => {
    writeFileSync(path, changed);
    return openJournal(path, job);
  });
});

test('a score cache with any bit flipped or cut gives only scores that were put in', async () => {
  const own = join(root, 'cache');
  const request = (i: number): { tokens: Int32Array; start: number } => ({
    tokens: Int32Array.of(1, 2, i),
    start: 1,
  });
  const scored = (i: number) => ({ logprobs: Float32Array.of(-i / 3, -1), hits: [true, false] });
  const cache = await openScoreCache(own, ['m']);
  for (let i = 0; i < 5; i++) cache.put(request(i) as never, scored(i) as never);
  await cache.close();
  const [path] = filesOf(own) as [string];
  await fuzz(
    'score cache',
    mutatedBytes(readFileSync(path)),
    (changed) =>
      changing(path, changed, async () => {
        const found = await openScoreCache(own, ['m']);
        for (let i = 0; i < 5; i++) {
          const known = found.get(request(i) as never);
          if (known) expect([...known.logprobs]).toEqual([...scored(i).logprobs]);
        }
        await found.close();
      }),
    4 * CASES,
  );
});

test('nothing of it took much memory', () => {
  expect(peakMiB() - before).toBeLessThan(700);
});
