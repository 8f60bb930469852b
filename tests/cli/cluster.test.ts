import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { evalgpt } from '../helpers/cli.ts';

const folder = fileURLToPath(new URL('../../.github/docs/cluster', import.meta.url));
const files = readdirSync(folder).filter((name) => /\.(sbatch|ya?ml)$/.test(name));
const parent = mkdtempSync(join(tmpdir(), 'evalgpt-cluster-'));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

/** The commands of a job file, as a shell would split them for part 3 of its 16. */
function commands(name: string): string[][] {
  const text = readFileSync(join(folder, name), 'utf8')
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*|\n\s+(?=--)/g, ' ');
  return [...text.matchAll(/^.*?\bevalgpt (run|merge|worker) (.*)$/gm)].map((m) =>
    `${m[1]} ${m[2]}`
      .replaceAll('"', '')
      .replaceAll('$SLURM_ARRAY_TASK_ID', '3')
      .replaceAll('$((JOB_COMPLETION_INDEX + 1))', '3')
      .replaceAll('$JOB_COMPLETION_INDEX', '2')
      .trim()
      .split(/\s+/),
  );
}

test('there are job files for both, and each holds one command', () => {
  expect(files.sort()).toEqual([
    'kubernetes-indexed-job.yaml',
    'kubernetes-workers.yaml',
    'slurm-array.sbatch',
    'slurm-merge.sbatch',
  ]);
  for (const name of files) expect(commands(name)).toHaveLength(1);
});

describe('the command line understands', () => {
  test.each(files)('%s', { timeout: 30_000 }, async (name) => {
    const [args] = commands(name) as [string[]];
    const { code, stderr } = await evalgpt(args, { env: { EVALGPT_QUEUE: 'redis://127.0.0.1:1' } });
    // It gets as far as what is not here: models, parts, or the server.
    const missing = {
      run: /--model \/models\/gpt2-medium: no such folder|not scored|data set|data file/,
      merge: /parts\/\*\/run\.json: expected a run folder/,
      worker: /--queue redis:\/\/127\.0\.0\.1:1: cannot be used: .*ECONNREFUSED/,
    }[args[0] as 'run'];
    expect(stderr).toMatch(missing);
    expect(stderr).not.toMatch(/Unknown|lists what there is/);
    expect(code).toBe(2);
  });
});

test('a shard and its merge from the command line', { timeout: 60_000 }, async () => {
  const spec = ['--model', 'demo-tiny', '--tasks', 'demo-nli,demo-lambada', '--shots', '0', '--limit', '10'];
  for (const i of [1, 2]) {
    const { code, stdout, stderr } = await evalgpt([
      'run',
      ...spec,
      '--shard',
      `${i}/2`,
      '--out',
      join(parent, `${i}`),
    ]);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(new RegExp(`Shard ${i}/2: 10 items in .*; \`evalgpt merge\` makes one run`));
  }
  const whole = await evalgpt(['run', ...spec, '--out', join(parent, 'whole')]);
  const merged = await evalgpt([
    'merge',
    join(parent, '1'),
    join(parent, '2'),
    '--out',
    join(parent, 'merged'),
  ]);
  expect([merged.code, merged.stdout]).toEqual([0, whole.stdout]);
  expect(readdirSync(join(parent, 'merged'))).toContain('leaderboard.html');
  const lacking = await evalgpt(['merge', join(parent, '1'), '--out', join(parent, 'lacking')]);
  expect(lacking.code).toBe(2);
  expect(lacking.stderr).toMatch(/shards of the run of .* are missing: 2\/2\n$/);
});

test.each([
  [['run', '--shard', '3/2'], /--shard: expected i\/n with i from 1 to n/],
  [['run', '--queue', 'redis://h', '--shard', '1/2'], /--queue: expected without --shard/],
  [['run', '--queue', 'redis://h', '--reuse'], /--reuse: expected without --queue/],
  [['run', '--cancel'], /--cancel: expected --queue beside it/],
  [
    ['worker', '--queue', 'http://user:s3cret@h'],
    /--queue: expected redis:\/\/ or rediss:\/\/, found http:\/\//,
  ],
  [['worker', '--queue', 'env'], /--queue env: expected the address in EVALGPT_QUEUE/],
])('%j is one sentence', { timeout: 30_000 }, async (args, sentence) => {
  const { code, stderr } = await evalgpt(args, { env: { EVALGPT_QUEUE: '' } });
  expect(code).toBe(2);
  expect(stderr).toMatch(sentence);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).not.toContain('s3cret');
});
