import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { boardOf, prefixOf, RUNS, UNITS } from '../../src/queue/board.ts';
import { encodeResult, runKey, type UnitMeta } from '../../src/queue/payload.ts';
import type { RunRecord } from '../../src/record.ts';
import type { Sample } from '../../src/types.ts';
import { noRedis, type RedisServer, startRedis } from '../helpers/redis.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const parent = mkdtempSync(join(tmpdir(), 'evalgpt-queue-'));

interface Running {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly stdout: () => string;
  readonly ended: Promise<number | null>;
}

const started: Running[] = [];

function evalgpt(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], {
    env: { ...process.env, EVALGPT_OFFLINE: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const running = { child, stderr: () => stderr, stdout: () => stdout, ended };
  started.push(running);
  return running;
}

async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(50);
  }
}

const recordOf = (out: string): RunRecord =>
  JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')) as RunRecord;

/** Everything below a run folder but run.json and the page, each file's lines in order. */
function files(out: string): Record<string, string[]> {
  const names = readdirSync(out, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(
    names
      .filter((name) => /\.jsonl?$/.test(name) && name !== 'run.json')
      .sort()
      .map((name) => [name, readFileSync(join(out, name), 'utf8').split('\n').sort()]),
  );
}

/** The same run, but for what it took: every item once, every number to the last digit. */
function expectSame(out: string, whole: string): void {
  const [found, expected] = [recordOf(out), recordOf(whole)];
  expect(JSON.stringify(found.results)).toBe(JSON.stringify(expected.results));
  for (const key of ['status', 'spec', 'groups'] as const) expect(found[key]).toEqual(expected[key]);
  expect(files(out)).toEqual(files(whole));
}

/** Units that a worker has finished, by its own account. */
const finished = (worker: Running): string[] =>
  [...worker.stderr().matchAll(/^(u[0-9a-f]{31}): \d+ items/gm)].map((m) => m[1] as string);

describe.skipIf(noRedis)(`a run through a queue${noRedis ? ` (${noRedis})` : ''}`, () => {
  let redis: RedisServer;
  let client: Redis;
  const whole = join(parent, 'whole');
  const small = join(parent, 'small');
  const threads = ['--device', 'cpu', '--threads', '1'];
  // 18 jobs of a block each.
  const spec = [
    ...['--model', 'demo-tiny,demo-small,demo-medium', '--shots', '0,2', '--limit', '60', ...threads],
    ...['--tasks', 'demo-nli,demo-lambada,demo-translation,demo-arithmetic,demo-reading,demo-cbt'],
  ];
  const long = [
    ...['--model', 'demo-small,demo-medium', '--tasks', 'demo-*'],
    ...['--shots', '0,4', '--draws', '2', '--draw', 'per-example', ...threads],
  ];
  const smallSpec = [
    '--model',
    'demo-tiny',
    '--tasks',
    'demo-nli,demo-lambada',
    '--shots',
    '0,2',
    ...threads,
  ];

  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url, { maxRetriesPerRequest: null });
    client.on('error', () => {});
    const run = evalgpt(['run', ...spec, '--out', whole]);
    expect(await run.ended, run.stderr()).toBe(0);
    expect(await evalgpt(['run', ...smallSpec, '--out', small]).ended).toBe(0);
  }, 300_000);

  afterEach(async () => {
    for (const { child } of started.splice(0)) child.kill('SIGKILL');
    await client.flushall();
  });
  afterAll(async () => {
    client.disconnect();
    await redis.close();
    rmSync(parent, { recursive: true, force: true });
  });

  const worker = (lock = 3): Running => evalgpt(['worker', '--queue', redis.url, '--lock', String(lock)]);
  const coordinator = (out: string, options: readonly string[] = spec, unit = '1'): Running =>
    evalgpt(['run', ...options, '--out', out, '--queue', redis.url, '--unit', unit]);

  /** Times a run that workers are waiting for, from its start to its end. */
  async function timed(out: string, workers: readonly Running[]): Promise<number> {
    await until('the workers', () => workers.every((w) => w.stderr().includes('waiting for work')));
    const began = performance.now();
    const run = coordinator(out, long);
    expect(await run.ended, run.stderr()).toBe(0);
    return (performance.now() - began) / 1000;
  }

  test('gives the run of one machine, with one worker and with three', { timeout: 600_000 }, async () => {
    const alone = join(parent, 'alone');
    const began = performance.now();
    expect(await evalgpt(['run', ...long, '--out', alone]).ended).toBe(0);
    const seconds = (performance.now() - began) / 1000;
    const one = await timed(join(parent, 'one'), [worker()]);
    for (const { child } of started) child.kill('SIGTERM');
    const workers = [worker(), worker(), worker()];
    const three = await timed(join(parent, 'three'), workers);
    for (const out of ['one', 'three']) {
      expectSame(join(parent, out), alone);
      const { backends, threads } = recordOf(alone).environment;
      expect(recordOf(join(parent, out)).environment).toMatchObject({ backends, threads, warnings: [] });
    }
    const shares = workers.map((w) => finished(w).length);
    expect(new Set(workers.flatMap(finished)).size).toBe(shares.reduce((a, b) => a + b, 0));
    console.log(
      `one machine ${seconds.toFixed(1)} s; by the queue 1 worker ${one.toFixed(1)} s, 3 workers ${three.toFixed(1)} s (${shares.join(' + ')} jobs)`,
    );
    // No job or result is left behind; a worker that was just then asking for work may have made BullMQ's own small keys.
    const left = (): Promise<string[]> => client.keys('evalgpt*');
    const own = /:(?:meta|id|marker|stalled-check)$/;
    await until('nothing to be left', async () => (await left()).every((key) => own.test(key)));
  });

  test('survives a killed worker, a stopped one and a killed Redis', { timeout: 600_000 }, async () => {
    const out = join(parent, 'chaos');
    const workers = [worker(), worker(), worker()];
    const [killed, stopped, sound] = workers as [Running, Running, Running];
    await until('the workers', () => workers.every((w) => w.stderr().includes('waiting for work')));
    const run = coordinator(out);
    const began = performance.now();
    await until('the first results', () => [killed, stopped].every((w) => finished(w).length > 0));
    stopped.child.kill('SIGSTOP');
    killed.child.kill('SIGKILL');
    await until('some more results', () => finished(sound).length > 2);
    await redis.kill();
    await sleep(2000);
    await redis.restart();
    await sleep(3000);
    stopped.child.kill('SIGCONT');
    expect(await run.ended, run.stderr()).toBe(0);
    const took = (performance.now() - began) / 1000;
    expect(await killed.ended).toBe(null);
    expectSame(out, whole);
    // An item that counted twice would be in the cost twice.
    const scored = (folder: string): unknown =>
      recordOf(folder).cost.map(({ model, task, tokens_scored }) => [model, task, tokens_scored]);
    expect(scored(out)).toEqual(scored(whole));
    const all = workers.flatMap(finished);
    // The killed one may have stored a result that it could not tell of.
    expect(new Set(all).size).toBeGreaterThanOrEqual(17);
    console.log(
      `a worker killed, a worker stopped and Redis restarted: ${took.toFixed(1)} s, ${new Set(all).size} jobs, ${all.length - new Set(all).size} scored twice`,
    );
    expect(run.stderr()).toMatch(/warning: redis:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  });

  test('a coordinator that is stopped is taken up again, and nothing is scored twice', {
    timeout: 300_000,
  }, async () => {
    const out = join(parent, 'resumed');
    const first = worker();
    const run = coordinator(out);
    await until('some results', () => finished(first).length > 1);
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(130);
    expect(recordOf(out).status).toBe('partial');
    const again = coordinator(out);
    expect(await again.ended, again.stderr()).toBe(0);
    expectSame(out, whole);
    expect(finished(first).length).toBe(new Set(finished(first)).size);
  });

  test('one that is killed, too; a second one at a time is refused', { timeout: 300_000 }, async () => {
    const out = join(parent, 'killed');
    const first = worker();
    const run = coordinator(out);
    await until('some results', () => finished(first).length > 0);
    first.child.kill('SIGSTOP');
    const second = coordinator(join(parent, 'second'));
    expect(await second.ended).toBe(2);
    expect(second.stderr()).toMatch(/is coordinating this run: wait for it, or stop it\n$/);
    run.child.kill('SIGKILL');
    await run.ended;
    first.child.kill('SIGCONT');
    const again = coordinator(out);
    expect(await again.ended, again.stderr()).toBe(0);
    expectSame(out, whole);
  });

  test('a job longer than its lock stays with its worker', { timeout: 300_000 }, async () => {
    const out = join(parent, 'long-jobs');
    const workers = [worker(2), worker(2)];
    // A job a model; locks are renewed while it computes, since the session has a thread of its own.
    const run = coordinator(out, long, '1000000000');
    expect(await run.ended, run.stderr()).toBe(0);
    const seconds = workers.flatMap((w) =>
      [...w.stderr().matchAll(/^u[0-9a-f]{31}: .*, ([\d.]+) s, /gm)].map((m) => Number(m[1])),
    );
    expect(seconds).toHaveLength(2);
    expect(Math.max(...seconds)).toBeGreaterThan(5);
    for (const w of workers) expect(w.stderr()).not.toMatch(/known already|lock/i);
  });

  test('SIGTERM gives a worker’s job back at once', { timeout: 120_000 }, async () => {
    const out = join(parent, 'given-back');
    // A lock that lasts longer than the test: only a job that was given back is done in time.
    const leaving = worker(600);
    const run = coordinator(out, long, '1000000');
    await until('a job', () => leaving.stderr().includes('loaded in'));
    await sleep(500);
    leaving.child.kill('SIGTERM');
    const began = performance.now();
    expect(await leaving.ended).toBe(143);
    expect(performance.now() - began).toBeLessThan(5000);
    const queue = new Queue(UNITS, {
      connection: client,
      prefix: prefixOf((await client.zrange(RUNS, '0', '-1'))[0]!),
    });
    expect(await queue.getActiveCount()).toBe(0);
    expect(await queue.getFailedCount()).toBe(0);
    await queue.close();
    run.child.kill('SIGINT');
    await run.ended;
  });

  test('two different results of a job are an error that names it', { timeout: 120_000 }, async () => {
    const out = join(parent, 'unequal');
    const run = coordinator(out, smallSpec, '100000');
    const key = runKey(recordOf(small).spec);
    const queue = new Queue(UNITS, { connection: client, prefix: prefixOf(key) });
    await until('the jobs', async () => (await queue.getWaitingCount()) > 0);
    const [job] = await queue.getWaiting();
    // Another worker's result of the same items: one number is another.
    const cells = ['demo-nli', 'demo-lambada'].flatMap((task) =>
      [0, 2].map((k) => {
        const text = readFileSync(join(small, 'samples', 'demo-tiny', `${task}.k${k}.d0.jsonl`), 'utf8');
        return text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Sample);
      }),
    );
    const { node, ort, platform, threads: t } = recordOf(small).environment;
    const meta: UnitMeta = {
      worker: 'other',
      environment: { node, ort, platform, threads: t },
      backend: null,
      cost: [],
    };
    const [spans] = [cells[0]![0]!.spans!];
    cells[0]![0] = {
      ...cells[0]![0]!,
      spans: spans.map((s) => ({ ...s, logprobs: s.logprobs.map((l) => l - 1) })),
    };
    const { bytes } = await encodeResult(cells, meta);
    // The coordinator is to see the second result, not the first.
    run.child.kill('SIGSTOP');
    expect(await boardOf(client, key).put(job!.id!, bytes, 'other')).toBe('new');
    const honest = worker();
    await until('the worker', () => honest.stderr().includes('scored twice with different results'));
    run.child.kill('SIGCONT');
    expect(await run.ended).toBe(2);
    expect(run.stderr()).toMatch(/evalgpt: .*(different results|expected item)/);
    await queue.close();
  });

  test('--cancel takes a run out of the queue, and its workers leave it', { timeout: 120_000 }, async () => {
    const out = join(parent, 'cancelled');
    const busy = worker();
    const run = coordinator(out);
    await until('some results', () => finished(busy).length > 0);
    run.child.kill('SIGINT');
    await run.ended;
    const cancel = evalgpt(['run', ...spec, '--queue', redis.url, '--cancel', '--out', out]);
    expect(await cancel.ended, cancel.stderr()).toBe(0);
    expect(cancel.stderr()).toContain('The run is out of the queue.');
    await sleep(4000);
    const left = await client.keys('evalgpt*');
    expect(left.filter((key) => !/:(stalled-check|meta|marker|id)$/.test(key))).toEqual([]);
    expect(busy.child.exitCode).toBe(null);
  });

  test('a hostile queue makes a worker read and run nothing', { timeout: 120_000 }, async () => {
    const marker = join(parent, 'executed');
    const module = join(parent, 'task.mjs');
    writeFileSync(
      module,
      `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(marker)}, '');`,
    );
    const honest = recordOf(small).spec;
    const base = { ...honest, models: ['demo-tiny'], tasks: ['demo-nli'] };
    const runs: [object, RegExp][] = [
      [{ spec: { ...base, models: ['/etc'] } }, /the model "\/etc" may not be read here/],
      [{ spec: { ...base, models: ['../../..'] } }, /the model "..\/..\/.." may not be read here/],
      [{ spec: { ...base, models: ['http://127.0.0.1:1/v1#x'] } }, /the model "http:.* may not be read here/],
      [{ spec: { ...base, taskFiles: [module] } }, /task\.mjs" is a program, which is not run here/],
      [{ spec: { ...base, texts: ['/etc/passwd'] } }, /the file "\/etc\/passwd" may not be read here/],
      [{ spec: { ...base, overlap: ['/etc/passwd'] } }, /the file "\/etc\/passwd" may not be read here/],
      [{ spec: { ...base, evil: 1 } }, /"evil" is not a field of a spec/],
      [{ spec: 7 }, /expected its spec/],
      [{ spec: { ...base, draws: 1e9 } }, /asks for more than/],
    ];
    const { evalgpt: _, ...known } = honest;
    const watching = worker();
    for (const [i, [payload, sentence]] of runs.entries()) {
      const resolved = { ...known, seed: i + 100 };
      const spec = (payload as { spec: unknown }).spec;
      const own = typeof spec === 'object' ? { ...spec, evalgpt: undefined } : spec;
      const key = runKey(resolved as RunRecord['spec']);
      await boardOf(client, key).announce(JSON.stringify({ unit: 1000, resolved, spec: own }));
      const queue = new Queue(UNITS, { connection: client, prefix: prefixOf(key) });
      await queue.add('unit', {}, { jobId: `u${i}` });
      await until(String(sentence), () => sentence.test(watching.stderr()), 20_000);
      await queue.close();
    }
    expect(existsSync(marker)).toBe(false);
    expect(watching.child.exitCode).toBe(null);
    // And jobs that are not of the run.
    const run = coordinator(join(parent, 'hostile'), smallSpec, '1000000');
    const key = runKey(honest);
    const queue = new Queue(UNITS, { connection: client, prefix: prefixOf(key) });
    await queue.add('unit', {
      model: 'demo-tiny',
      slices: [{ model: 'demo-tiny', task: '../x', from: 0, to: 9 }],
    });
    expect(await run.ended).toBe(2);
    expect(run.stderr()).toMatch(/expected a task of the run, once, found "..\/x"/);
    await queue.close();
  });

  test('a password reaches neither files nor messages', { timeout: 120_000 }, async () => {
    const password = 's3cret/+words';
    const guarded = await startRedis({ password });
    try {
      const out = join(parent, 'guarded');
      const env = { EVALGPT_QUEUE: guarded.url };
      const wrong = guarded.url.replace('s3cret', 's3cretly');
      const refused = evalgpt(['run', ...smallSpec, '--out', join(parent, 'refused'), '--queue', wrong]);
      expect(await refused.ended).toBe(2);
      const hand = evalgpt(['worker', '--queue', 'env', '--lock', '3'], env);
      const run = evalgpt(['run', ...smallSpec, '--out', out, '--queue', 'env'], env);
      await until('the worker', () => finished(hand).length > 0);
      expect(await run.ended, run.stderr()).toBe(0);
      await guarded.kill();
      await until('the trouble', () => hand.stderr().includes('ECONNREFUSED'));
      expectSame(out, small);
      const texts = [refused, hand, run].flatMap((one) => [one.stdout(), one.stderr()]);
      for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' }))
        if (/\.(jsonl?|html)$/.test(name)) texts.push(readFileSync(join(out, name), 'utf8'));
      expect(texts.join('\n')).not.toMatch(/s3cret/);
      expect(refused.stderr()).toMatch(/^evalgpt: --queue redis:\/\/127\.0\.0\.1:\d+: cannot be used: /m);
    } finally {
      await guarded.close();
    }
  });
});
