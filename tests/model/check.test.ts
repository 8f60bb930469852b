import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { random } from '../../src/stats/random.ts';
import { evalgpt, type Outcome } from '../helpers/cli.ts';
import { noisedCheckpoint } from '../helpers/noised.ts';
import { missing, python, shared } from '../helpers/shared.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-check-model-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

/** Short stories in the words of a small model: how they go on, and who or what is meant. */
function stories(n: number): string {
  const source = random('stories');
  const of = <T>(list: readonly T[]): T => list[source.below(list.length)] as T;
  const lines = Array.from({ length: n }, (_, i) => {
    const [name, girl] = of([
      ['Lily', true],
      ['Mia', true],
      ['Sue', true],
      ['Anna', true],
      ['Tom', false],
      ['Tim', false],
      ['Ben', false],
      ['Max', false],
    ] as const);
    const [they, their] = girl ? ['she', 'her'] : ['he', 'his'];
    const They = girl ? 'She' : 'He';
    const toy = of(['ball', 'doll', 'car', 'book', 'hat', 'box']);
    const place = of(['park', 'garden', 'house', 'room', 'yard']);
    const [context, right, wrong] = of([
      [
        `Once upon a time, there was a little ${girl ? 'girl' : 'boy'} named ${name}. ${They} liked to play with ${their} ${toy}. One day,`,
        `${name} went to the ${place} with ${their} mom.`,
        `${girl ? 'he' : 'she'} went to the ${place} with ${their} mom.`,
      ],
      [
        `${name} was very sad. ${They} could not find ${their} ${toy}. ${They} looked in the ${place}. Then ${they} saw`,
        `the ${toy} under the tree. ${They} was very happy.`,
        `the day under the tree. ${They} was very happy.`,
      ],
      [
        `${name} and ${their} mom went to the ${place}. They saw a big dog. The dog was very`,
        'nice and wanted to play with them.',
        'nice and wanted to mom with them.',
      ],
      [
        `One day, ${name} went to play in the ${place}. ${They} saw a bird. The bird said,`,
        `"Hello, ${name}! Do you want to play with me?"`,
        `"Hello, ${toy}! Do you want to play with me?"`,
      ],
    ]);
    const first = source.below(2) === 0;
    const choices = first ? [right, wrong] : [wrong, right];
    return `${JSON.stringify({ id: String(i), context, choices, answer: first ? 0 : 1 })}\n`;
  });
  return lines.join('');
}

const trained = join(shared, 'models', 'stories260K');
const skip = missing(trained);

describe.skipIf(skip)(
  'a trained checkpoint against a baseline of its own',
  () => {
    const run = (...args: readonly string[]): Promise<Outcome> => evalgpt(args);
    const baseline = async (): Promise<string> => {
      const file = at('baseline.json.gz');
      if (existsSync(file)) return file;
      writeFileSync(at('stories.jsonl'), stories(400));
      const done = await run(
        'run',
        '--model',
        trained,
        '--task',
        at('stories.jsonl'),
        '--shots',
        '0',
        '--out',
        at('run'),
      );
      expect(done.code).toBe(0);
      expect((await run('baseline', 'save', at('run'), file)).code).toBe(0);
      return file;
    };
    const check = async (
      sigma: number,
      ...args: readonly string[]
    ): Promise<Outcome & { json: { cells: { tests: Record<string, unknown>[] }[] } }> => {
      const model = sigma === 0 ? trained : noisedCheckpoint(trained, at(`noise-${sigma}`), sigma, 1);
      const json = at(`check-${sigma}.json`);
      const found = await run(
        'check',
        '--baseline',
        await baseline(),
        '--model',
        model,
        '--out',
        at(`run-${sigma}`),
        '--json',
        json,
        ...args,
      );
      return { ...found, json: JSON.parse(readFileSync(json, 'utf8')) };
    };

    test('itself: exit code 0, every log-probability equal', async () => {
      const { code, json } = await check(0);
      expect(code).toBe(0);
      expect(json.cells[0]?.tests.map(({ verdict, equal }) => [verdict, equal])).toEqual([
        ['pass', true],
        ['pass', true],
      ]);
    });

    test('weight noise of 0.06: found by the log-probability, where answers hardly change', async () => {
      const { code, json } = await check(0.06);
      expect(code).toBe(1);
      const [score, logprob] = json.cells[0]?.tests ?? [];
      expect(score?.verdict).not.toBe('regressed');
      expect(logprob?.verdict).toBe('regressed');
    });

    test('weight noise of 0.15: regressed', async () => {
      expect((await check(0.15)).code).toBe(1);
    });

    test('too few items: exit code 3, or 0 where that is to pass', async () => {
      writeFileSync(at('few.jsonl'), stories(12));
      const few = ['--task', at('few.jsonl'), '--shots', '0'];
      expect((await run('run', '--model', trained, ...few, '--out', at('few'))).code).toBe(0);
      const slight = noisedCheckpoint(trained, at('slight'), 0.01, 1);
      const command = ['check', '--baseline', at('few'), '--model', slight, '--out', at('few-slight')];
      const { code, stdout } = await run(...command);
      expect(stdout).toMatch(/inconclusive: about [\d,]+ items would settle it/);
      expect(code).toBe(3);
      expect((await run(...command, '--on-inconclusive', 'pass')).code).toBe(0);
    });
  },
  240_000,
);

describe.skipIf(missing(trained, python))("lm-eval's own runs of two checkpoints", () => {
  const lmEval = (checkpoint: string, out: string): void => {
    const script = fileURLToPath(new URL('lm_eval_run.py', import.meta.url));
    const { stdout, stderr } = spawnSync(python, [script, checkpoint, at('own.jsonl'), out], {
      encoding: 'utf8',
      env: { ...process.env, HF_HOME: at('hub') },
    });
    expect(stdout.trim().split('\n').at(-1), stderr.slice(-2000)).toBe('ok');
  };

  test('are compared and reported, and agree with evalgpt on the same items', {
    timeout: 600_000,
  }, async () => {
    writeFileSync(at('own.jsonl'), stories(150));
    const noisy = noisedCheckpoint(trained, at('noisy'), 0.15, 1);
    lmEval(trained, at('theirs'));
    lmEval(noisy, at('theirs-noisy'));
    const compared = await evalgpt(['compare', at('theirs'), at('theirs-noisy'), '--json']);
    expect(compared.code).toBe(0);
    const tests = JSON.parse(compared.stdout).cells[0].tests as {
      metric: string;
      verdict: string;
      baseline: number;
      candidate: number;
      n: number;
    }[];
    expect(tests.map(({ metric, n }) => [metric, n])).toEqual([
      ['acc', 150],
      ['logprob_gold', 150],
    ]);
    expect(tests[1]?.verdict).toBe('regressed');
    const check = await evalgpt(['check', '--baseline', at('theirs'), '--candidate', at('theirs-noisy')]);
    expect(check.code).toBe(1);

    const own = ['--task', at('own.jsonl'), '--shots', '0', '--json'];
    for (const [model, key] of [
      [trained, 'baseline'],
      [noisy, 'candidate'],
    ] as const) {
      const { stdout } = await evalgpt(['run', '--model', model, ...own, '--out', at(`own-${key}`)]);
      // A choice may flip where two are all but equally probable.
      expect(Math.abs(JSON.parse(stdout).results[0].metrics.acc.value - (tests[0]?.[key] ?? 0))).toBeLessThan(
        1.5 / 150,
      );
    }
    const report = await evalgpt(['report', at('theirs'), at('theirs-noisy'), '--format', 'csv']);
    expect(report.code).toBe(0);
    expect(report.stdout).toContain('own_stories');
  });
});
