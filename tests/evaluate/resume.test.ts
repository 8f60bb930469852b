import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluateWith, type Ports } from '../../src/evaluate/evaluate.ts';
import type { Model } from '../../src/models/open.ts';
import type { RunRecord, RunSpec } from '../../src/record.ts';
import { type Disk, disk } from '../../src/store/disk.ts';
import { promptsPath, tokensPath } from '../../src/store/run-folder.ts';
import { hashModel } from '../helpers/hash-model.ts';

const parent = mkdtempSync(join(tmpdir(), 'evalgpt-resume-'));
const before = process.env.EVALGPT_DATA;
beforeAll(() => {
  process.env.EVALGPT_DATA = fileURLToPath(new URL('../../datasets/samples', import.meta.url));
});
afterAll(() => {
  process.env.EVALGPT_DATA = before;
  rmSync(parent, { recursive: true, force: true });
});

const spec: Pick<RunSpec, 'models'> & Partial<RunSpec> = {
  models: ['hash'],
  tasks: ['anli-r1', 'arithmetic-2d-add', 'demo-lambada'],
  shots: [0, 1, 4],
  draws: 2,
  limit: 12,
};

class Crash extends Error {}

/** Writes like the real disk until the n-th write, which leaves half of an append behind and throws. */
function crashingDisk(n: number): Disk & { writes: number } {
  const self = {
    writes: 0,
    async append(path: string, text: string): Promise<void> {
      self.writes++;
      if (self.writes > n) throw new Crash();
      if (self.writes === n) {
        await disk.append(path, text.slice(0, Math.floor(text.length / 2)));
        throw new Crash();
      }
      await disk.append(path, text);
    },
    async replace(path: string, text: string): Promise<void> {
      self.writes++;
      if (self.writes === n) {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(`${path}.1.tmp`, text.slice(0, 10));
      }
      if (self.writes >= n) throw new Crash();
      await disk.replace(path, text);
    },
  };
  return self;
}

const run = (out: string, ports: Partial<Ports> = {}, more: Partial<RunSpec> = {}): Promise<RunRecord> =>
  evaluateWith(
    { openModel: async (ref) => hashModel(ref), disk, flushMs: 0, ...ports },
    { ...spec, ...more },
    { out, offline: true },
  );

/** Every sample of a run folder, by file, in order of id: the order on disk is that of finishing. */
function samples(out: string): Record<string, string[]> {
  const folder = join(out, 'samples', 'hash');
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').sort()]),
  );
}

describe('a run that is stopped and taken up again', () => {
  test('gives byte-equal results and samples whichever write it dies in', { timeout: 300_000 }, async () => {
    const whole = join(parent, 'whole');
    const counting = crashingDisk(Infinity);
    const expected = await run(whole, { disk: counting });
    expect(expected.results).toHaveLength(3 * 5);
    expect(expected.results.filter((result) => result.published)).toHaveLength(2 * 5);
    expect(counting.writes).toBeGreaterThan(20);
    const texts = [tokensPath('hash'), ...spec.tasks!.map(promptsPath)];
    let deaths = 0;
    for (let n = 1; n <= counting.writes; n++) {
      const out = join(parent, `dies-${n}`);
      const died = await run(out, { disk: crashingDisk(n) }).catch((error: unknown) => error);
      // Timing decides how many samples share a write, so a run may need fewer writes than the first.
      if (died instanceof Error) {
        expect(died).toBeInstanceOf(Crash);
        deaths++;
      }
      const resumed = await run(out);
      expect(JSON.stringify(resumed.results)).toBe(JSON.stringify(expected.results));
      expect(resumed.status).toBe('complete');
      expect(samples(out)).toEqual(samples(whole));
      for (const path of texts)
        expect(readFileSync(join(out, path))).toEqual(readFileSync(join(whole, path)));
      expect(JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')).results).toEqual(expected.results);
      rmSync(out, { recursive: true });
    }
    expect(deaths).toBeGreaterThan(counting.writes / 2);
  });

  test('writes the same texts with the same digits, where those depend on company', async () => {
    // Every log-probability says how many tokens its step had: with other company it would be another.
    const openModel = async (ref: string): Promise<Model> => {
      const model = hashModel(ref);
      return {
        ...model,
        async open(options) {
          const backend = await model.open(options);
          return {
            ...backend,
            async forward(step) {
              const result = await backend.forward(step);
              return { ...result, topLogprobs: result.topLogprobs.map(() => -step.ids.length / 1000) };
            },
          };
        },
      };
    };
    const more = { tasks: ['arithmetic-gen-2d-add'], protocol: 'gpt3', limit: 40, shots: [0, 2] } as const;
    const whole = join(parent, 'texts');
    const counting = crashingDisk(Infinity);
    const expected = await run(whole, { disk: counting, openModel }, more);
    let deaths = 0;
    for (let n = 2; n <= counting.writes; n += 3) {
      const out = join(parent, `texts-${n}`);
      const died = await run(out, { disk: crashingDisk(n), openModel }, more).catch(
        (error: unknown) => error,
      );
      if (died instanceof Error) deaths++;
      const resumed = await run(out, { openModel }, more);
      expect(JSON.stringify(resumed.results)).toBe(JSON.stringify(expected.results));
      expect(samples(out)).toEqual(samples(whole));
    }
    expect(deaths).toBeGreaterThan(0);
  });

  test('computes only what is missing', async () => {
    const out = join(parent, 'partly');
    await run(out);
    const file = join(out, 'samples', 'hash', 'anli-r1.k4.d0.jsonl');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    writeFileSync(file, `${lines.slice(0, -1).join('\n')}\n`);
    const model = hashModel('hash');
    await run(out, { openModel: async () => model });
    expect(model.steps()).toBeLessThanOrEqual(2);
    expect(readFileSync(file, 'utf8').trimEnd().split('\n').sort()).toEqual(lines.sort());

    const idle = hashModel('hash');
    await run(out, { openModel: async () => idle });
    expect(idle.steps()).toBe(0);
  });

  test('another spec in the same folder is refused, naming what differs', async () => {
    const out = join(parent, 'other');
    await run(out, {}, { tasks: ['demo-lambada'], limit: 3 });
    await expect(run(out, {}, { tasks: ['demo-lambada'], limit: 4 })).rejects.toThrow(
      /holds another run \(spec\.limit is 3 there, 4 now\)/,
    );
    // The hashes of prompts differ, too, but tell nobody what to change.
    await expect(run(out, {}, { tasks: ['demo-lambada'], limit: 3, shots: [1] })).rejects.toThrow(
      /holds another run \(spec\.shots\.0 is 0 there, 1 now\)/,
    );
    await expect(run(out, {}, { tasks: ['demo-nli'], limit: 3 })).rejects.toThrow(
      /holds another run \(spec\.tasks\.0\.name is "demo-lambada" there, "demo-nli" now\)/,
    );
  });

  test('a folder with strangers in it is refused and left alone', async () => {
    const out = mkdtempSync(join(parent, 'strangers-'));
    writeFileSync(join(out, 'thesis.txt'), 'precious');
    await expect(run(out)).rejects.toThrow(/expected a new folder or a run's, found "thesis\.txt"/);
    expect(readdirSync(out)).toEqual(['thesis.txt']);
  });

  test('a damaged line in the middle of a samples file is an error naming file and line', async () => {
    const out = join(parent, 'damaged');
    await run(out, {}, { tasks: ['demo-lambada'], shots: [0], limit: 5 });
    const file = join(out, 'samples', 'hash', 'demo-lambada.k0.d0.jsonl');
    const lines = readFileSync(file, 'utf8').split('\n');
    lines[1] = lines[1]!.slice(0, 20);
    writeFileSync(file, lines.join('\n'));
    await expect(run(out, {}, { tasks: ['demo-lambada'], shots: [0], limit: 5 })).rejects.toThrow(
      /demo-lambada\.k0\.d0\.jsonl:2: not JSON/,
    );
  });
});

test('two processes in one folder: the second is refused, and a dead one is taken over', async () => {
  const out = join(parent, 'locked');
  const first = run(out, {}, { tasks: ['demo-lambada'] });
  await new Promise((resolve) => setTimeout(resolve, 30));
  const second = await run(out, {}, { tasks: ['demo-lambada'] }).catch((error: unknown) => error);
  expect(second).toMatchObject({
    message: expect.stringMatching(/process \d+ on .* is using this run folder/),
  });
  await first;
  writeFileSync(
    join(out, 'lock'),
    JSON.stringify({ pid: 2 ** 22 + 1, host: (await import('node:os')).hostname(), started: '1' }),
  );
  await expect(run(out, {}, { tasks: ['demo-lambada'] })).resolves.toMatchObject({ status: 'complete' });
  expect(readdirSync(out)).not.toContain('lock');
});

describe('scores of former runs', () => {
  const cache = join(parent, 'cache');
  const reuse = (
    name: string,
    model: ReturnType<typeof hashModel>,
    more: Partial<RunSpec>,
  ): Promise<RunRecord> =>
    evaluateWith(
      { openModel: async () => model, disk, flushMs: 0 },
      { ...spec, ...more },
      { out: join(parent, name), reuse: cache },
    );

  test('are taken by content: a second run of the same prompts computes nothing, a wider one only what is new', async () => {
    const first = await reuse('reuse-1', hashModel('hash'), { limit: 8 });
    const second = hashModel('hash');
    expect((await reuse('reuse-2', second, { limit: 8 })).results).toEqual(first.results);
    expect(second.steps()).toBe(0);
    const wider = hashModel('hash');
    const fresh = await run(join(parent, 'reuse-fresh'), {}, { limit: 10 });
    expect((await reuse('reuse-3', wider, { limit: 10 })).results).toEqual(fresh.results);
    expect(wider.steps()).toBeGreaterThan(0);
  });

  test('of another model are not taken, nor damaged ones', async () => {
    const other = hashModel('other');
    await reuse('reuse-4', other, { limit: 8, models: ['other'] });
    expect(other.steps()).toBeGreaterThan(0);
    for (const name of readdirSync(join(cache, 'scores'))) {
      for (const file of readdirSync(join(cache, 'scores', name))) {
        const path = join(cache, 'scores', name, file);
        const bytes = readFileSync(path);
        bytes[40] = bytes[40]! ^ 1;
        writeFileSync(path, bytes);
      }
    }
    const again = hashModel('hash');
    const record = await reuse('reuse-5', again, { limit: 8 });
    expect(again.steps()).toBeGreaterThan(0);
    expect(record.results).toEqual((await run(join(parent, 'reuse-sound'), {}, { limit: 8 })).results);
  });
});
