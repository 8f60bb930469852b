import { type ChildProcessByStdio, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OverlapResult } from '../../src/overlap/result.ts';
import type { RunRecord } from '../../src/record.ts';
import type { Sample } from '../../src/types.ts';
import { evalgpt, type Outcome } from '../helpers/cli.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evalgpt-overlap-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
mkdirSync(join(folder, 'corpus'));

const overlap = (command: string, onStderr?: Parameters<typeof evalgpt>[1]): Promise<Outcome> =>
  evalgpt(['overlap', ...command.split(' ')], { cwd: folder, ...onStderr });
const write = (name: string, content: string | Buffer): void => writeFileSync(join(folder, name), content);
const lines = (...objects: readonly object[]): string =>
  objects.map((o) => `${JSON.stringify(o)}\n`).join('');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

const LEAKED = 'The keeper of the lighthouse climbed the narrow stairs and counted every single step aloud.';
const CLEAN = 'Nobody has ever put these very words in this very order into any book about lamps before.';

beforeAll(() => {
  write('texts.jsonl', lines({ id: 'leaked', text: LEAKED }, { id: 'clean', text: CLEAN }));
  write('corpus/a.txt', `Chapter one. ${LEAKED.toUpperCase().replaceAll(' ', '\n')} And so on.`);
  write('corpus/b.jsonl', lines({ text: 'nothing' }, { text: `${LEAKED.replace(/\.$/, '')} again` }));
  write('corpus/c.txt.gz', gzipSync('Words that are in no test at all.'));
});

describe('evalgpt overlap', () => {
  test('prints what was found of each text, and where', async () => {
    const { code, stdout, stderr } = await overlap('--corpus corpus --texts texts.jsonl --json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const found = {
      file: 'corpus/a.txt',
      document: 1,
      text: 'the keeper of the lighthouse climbed the narrow stairs and counted every single',
    };
    expect(JSON.parse(stdout)).toEqual({
      method: 'gpt3',
      corpus: { files: 3, bytes: expect.any(Number), documents: 4 },
      tasks: [{ task: 'texts', ngram: 13, n: 2, dirty: 1 }],
      items: [
        {
          task: 'texts',
          id: 'leaked',
          dirty: true,
          fields: { text: { grams: 3, matched: 3 } },
          where: [found, { ...found, file: 'corpus/b.jsonl', document: 2 }],
        },
        { task: 'texts', id: 'clean', dirty: false, fields: { text: { grams: 5, matched: 0 } }, where: [] },
      ],
    } satisfies OverlapResult);
  });

  test('GPT-2 asks for the share of 8-grams; --ngram for others', async () => {
    const { stdout } = await overlap('--corpus corpus/*.txt --texts texts.jsonl --method gpt2 --json');
    expect(JSON.parse(stdout)).toMatchObject({ method: 'gpt2', tasks: [{ ngram: 8 }], corpus: { files: 1 } });
    const table = await overlap('--corpus corpus/a.txt corpus/b.jsonl --texts texts.jsonl --ngram 3');
    expect(table.stdout).toMatch(/2 files, 3 documents/);
    expect(table.stdout).toMatch(/texts +3 +2 +1 +50\.00 % +\d/);
    expect(table.stdout).toMatch(/0 n-grams stand in more than 10 documents/);
  });

  test('the fields of a task are told apart', async () => {
    const [first] = read('anli.jsonl').split('\n');
    const { stdout } = await overlap('--corpus anli.jsonl --field context --tasks anli-r1 --json', SAMPLES);
    const result = JSON.parse(stdout) as OverlapResult;
    const item = result.items.find(({ id }) => id === JSON.parse(first as string).uid);
    expect(item?.dirty).toBe(true);
    expect(item?.fields.context?.matched).toBe(item?.fields.context?.grams);
    expect(item?.fields.question?.matched).toBe(0);
  });

  test('a broken file is an error; with --keep-going it is reported and left out', async () => {
    write('broken.jsonl', '{"text": "a"}\n{"text"\n');
    const stopped = await overlap('--corpus corpus broken.jsonl --texts texts.jsonl');
    expect(stopped).toMatchObject({ code: 2, stdout: '' });
    expect(stopped.stderr).toMatch(/^evalgpt: broken\.jsonl:2: not JSON: [^\n]+\n$/);
    const { code, stdout, stderr } = await overlap(
      '--corpus corpus broken.jsonl --texts texts.jsonl --keep-going',
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/^skipped: broken\.jsonl:2: not JSON/);
    expect(stdout).toMatch(/3 files, 4 documents/);
    expect(stdout).toMatch(/Skipped because they are broken: broken\.jsonl\./);
  });

  test.each([
    ['--texts texts.jsonl', /expected --corpus/],
    ['--corpus corpus', /expected --tasks or --texts, found neither/],
    ['--corpus corpus --texts texts.jsonl --tasks lambada', /found both/],
    ['--corpus nothing.txt --texts texts.jsonl', /--corpus nothing\.txt: expected a file/],
    ['--corpus corpus --texts none.jsonl', /--texts none\.jsonl: cannot be read/],
    ['--corpus corpus --texts texts.jsonl --ngram 101', /--ngram: expected at most 100/],
    ['--corpus corpus --texts texts.jsonl --shard 3/2', /--shard: expected i\/n/],
    ['--corpus corpus --tasks nonesuch', /no task "nonesuch"/],
    ['--corpus corpus --texts texts.jsonl --index texts.jsonl', /expected an index of `evalgpt overlap`/],
  ])('%s: one sentence', async (command, message) => {
    const { code, stdout, stderr } = await overlap(command);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

/** Data of the bundled samples. */
const SAMPLES = { env: { EVALGPT_DATA: join(root, 'datasets', 'samples') } };
beforeAll(() => write('anli.jsonl', readFileSync(join(root, 'datasets/samples/anli/R1/test.jsonl'))));

describe('--index', () => {
  test('a scan that was cut short is taken up where it was, with the same result', async () => {
    const command = '--corpus corpus --texts texts.jsonl --threads 1 --json --index whole.idx';
    const whole = await overlap(command);
    const all = read('whole.idx').trimEnd().split('\n');
    expect(all).toHaveLength(1 + 3 + 1);
    // As a kill leaves it: two files finished, the third's line half written.
    write('cut.idx', `${all.slice(0, 3).join('\n')}\n${all[3]?.slice(0, 40)}`);
    const resumed = await overlap(command.replace('whole', 'cut'));
    expect(resumed.stderr).toBe('cut.idx: 2 files are scanned already, 1 are left\n');
    expect(resumed.stdout).toBe(whole.stdout);
    expect(read('cut.idx')).toBe(read('whole.idx'));
    write('half.idx', `${all.slice(0, 3).join('\n')}\n`);
    const unfinished = await evalgpt(['run', '--overlap', 'half.idx'], { cwd: folder });
    expect(unfinished).toMatchObject({ code: 2, stdout: '' });
    expect(unfinished.stderr).toMatch(/half\.idx: the scan that writes it is not finished/);
  });

  test('refuses another test set, another method, and a file that changed', async () => {
    const command = '--corpus corpus/a.txt --texts texts.jsonl --index own.idx';
    expect((await overlap(command)).code).toBe(0);
    expect((await overlap(`${command} --ngram 5`)).stderr).toMatch(
      /holds a scan with other tasks, data or n-grams/,
    );
    expect((await overlap(`${command} --method gpt2`)).stderr).toMatch(/holds a scan with method gpt3/);
    appendFileSync(join(folder, 'corpus/a.txt'), ' more');
    expect((await overlap(command)).stderr).toMatch(/corpus\/a\.txt: changed since it was scanned/);
    write('corpus/a.txt', read('corpus/a.txt').replace(/ more$/, ''));
    write('own.idx', read('own.idx').replace('"format":1', '"format":2'));
    expect((await overlap(command)).stderr).toMatch(/"format" expected 1, found 2/);
  });

  test('standard input is read; a signal ends the wait for more of it', async () => {
    const main = join(root, 'src/cli/main.ts');
    const start = (index: string): ChildProcessByStdio<Writable, Readable, null> => {
      const args = `overlap --corpus - --texts texts.jsonl --json --index ${index}`.split(' ');
      return spawn(process.execPath, ['--import', 'tsx', main, ...args], {
        cwd: folder,
        stdio: ['pipe', 'pipe', 'ignore'],
      });
    };
    const whole = start('stdin.idx');
    whole.stdin.end(read('corpus/b.jsonl'));
    expect(JSON.parse(await text(whole.stdout))).toMatchObject({
      corpus: { files: 1, documents: 2 },
      items: [{ dirty: true, where: [{ file: '-', document: 2 }] }, { dirty: false }],
    });
    const waiting = start('wait.idx');
    waiting.stdin.write('words and words');
    while (!existsSync(join(folder, 'wait.idx'))) await setTimeout(50);
    const began = performance.now();
    waiting.kill('SIGINT');
    const code = await new Promise((resolve) => waiting.on('close', resolve));
    expect(code).toBe(130);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('shards merge to the whole', async () => {
    const whole = await overlap('--corpus corpus --texts texts.jsonl --json');
    for (const i of [1, 2])
      expect(
        (await overlap(`--corpus corpus --texts texts.jsonl --shard ${i}/2 --index shard${i}.idx`)).code,
      ).toBe(0);
    const merged = await overlap(
      '--merge shard1.idx,shard2.idx --texts texts.jsonl --json --index merged.idx',
    );
    expect(merged.stdout).toBe(whole.stdout);
    expect((await overlap('--merge shard1.idx --texts texts.jsonl --ngram 4')).stderr).toMatch(
      /holds a scan with/,
    );
  });
});

describe('evalgpt run --overlap', () => {
  test('scores clean and dirty items apart and marks the dirty ones', { timeout: 60_000 }, async () => {
    const passages = readFileSync(join(root, 'datasets/demo/data/stories.jsonl'), 'utf8');
    write(
      'leak.txt',
      passages
        .trimEnd()
        .split('\n')
        .slice(0, 9)
        .map((line) => JSON.parse(line).text)
        .join('\n'),
    );
    expect((await overlap('--corpus leak.txt --tasks demo-lambada --index leak.idx')).code).toBe(0);
    const run =
      'run --model demo-tiny --tasks demo-lambada --shots 0,2 --draws 3 --device cpu --offline --out runs --overlap leak.idx';
    const { code, stderr, stdout } = await evalgpt(run.split(' '), { cwd: folder });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/3\.8 % in training data/);
    const record = JSON.parse(read('runs/run.json')) as RunRecord;
    expect(record.spec.overlap).toEqual(['leak.idx']);
    expect(record.spec.tasks[0]?.overlap).toMatchObject({ method: 'gpt3', ngram: 13 });
    for (const { overlap: found, metrics, primary } of record.results) {
      expect(found).toMatchObject({ method: 'gpt3', ngram: 13, metric: 'acc_filtered' });
      expect([found?.all.n, found?.clean.n, found?.dirty.n]).toEqual([240, 231, 9]);
      expect(found?.all.estimate).toEqual(metrics[primary]);
      const [all, clean, dirty] = [found?.all, found?.clean, found?.dirty].map(
        (part) => part?.estimate?.value ?? NaN,
      );
      expect((231 * clean! + 9 * dirty!) / 240).toBeCloseTo(all!, 12);
      expect(found?.difference?.value).toBeCloseTo(clean! - dirty!, 12);
    }
    const samples = read('runs/samples/demo-tiny/demo-lambada.k0.d0.jsonl')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Sample);
    expect(samples.filter((s) => s.flags.includes('overlap')).map((s) => Number(s.id))).toHaveLength(9);
    expect(samples.find((s) => s.id === '1')?.overlap?.where).toEqual([
      { file: 'leak.txt', document: 1, text: expect.any(String) },
    ]);
    expect(samples.find((s) => s.id === '240')).not.toHaveProperty('overlap');

    // The same run again has nothing to do, and says the same.
    const before = read('runs/run.json');
    await evalgpt(run.split(' '), { cwd: folder });
    expect((JSON.parse(read('runs/run.json')) as RunRecord).results).toEqual(
      (JSON.parse(before) as RunRecord).results,
    );
  });

  test('a task that the index does not have is scored as it is, with a warning', {
    timeout: 60_000,
  }, async () => {
    const run =
      'run --model demo-tiny --tasks arithmetic-gen-2d-add --limit 4 --shots 0 --device cpu --offline --out other --overlap leak.idx';
    const { code, stderr } = await evalgpt(run.split(' '), { cwd: folder });
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/warning: arithmetic-gen-2d-add: nothing is known of its overlap/);
    expect((JSON.parse(read('other/run.json')) as RunRecord).results[0]).not.toHaveProperty('overlap');
  });
});

test('what is known by its path alone is never dropped: another file of the same name', async () => {
  for (const [index, content] of [
    ['same1', LEAKED],
    ['same2', `${CLEAN} ${CLEAN}`],
  ] as const) {
    write('same.txt', content);
    expect((await overlap(`--corpus same.txt --texts texts.jsonl --index ${index}`)).code).toBe(0);
  }
  const { code, stderr } = await overlap('--texts texts.jsonl --merge same1,same2');
  expect(stderr).toContain('is another file in one of the indexes than in the others');
  expect(code).toBe(2);
});
