import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import pLimit from 'p-limit';
import { afterAll, describe, expect, test } from 'vitest';
import { evalgpt } from '../helpers/cli.ts';
import { exportFolder } from '../helpers/exports.ts';
import { type Block, blocksOf, programsOf, root, type Words } from './blocks.ts';

/**
 * Every block of shell in the guides is run as it stands, offline, in a scratch folder a file, one after the other as
 * a reader would; or, where it can't be, its commands and options are held against what there is, and the reason
 * stands here. `run` may say with which exit code it ends. A block that is not listed fails the test.
 */
type How = 'run' | { readonly run: number } | { readonly parsed: string };
const INSTALLS: How = { parsed: 'installs packages; .ci/run and the walk of tests/model do' };
const SERVED: How = { parsed: 'needs a server of that address' };

const BLOCKS: Readonly<Record<string, Readonly<Record<string, How>>>> = {
  'README.md': {
    'npm ci && npm run demo': INSTALLS,
    'npm ci && npm run build && npm link': INSTALLS,
    "evalgpt run --model ./checkpoint --tasks 'lambada,anli-*' --shots 0,1,8 --limit 100": 'run',
  },
  '.github/docs/guides/first-run.md': {
    'npm ci && npm run build && npm link': INSTALLS,
    'evalgpt run': { parsed: 'the demo: .ci/run and the walk of tests/model run it' },
    'evalgpt run --model gpt2 --tasks lambada,anli-r1 --shots 0,1,8 --limit 100 --out reports/runs/gpt2':
      'run',
    'evalgpt models pull gpt2': 'run',
    'evalgpt report reports/runs/* --out leaderboard.html': 'run',
    'evalgpt run --spec reports/runs/gpt2/run.json --out reports/runs/again': 'run',
  },
  '.github/docs/guides/checkpoint.md': {
    'evalgpt models inspect ./checkpoint': 'run',
    'evalgpt run --model out/step1000,out/step2000 --tasks anli-r1,rte --shots 0,8 --out reports/runs/training':
      'run',
    'evalgpt run --model ./checkpoint --text book.txt --stride 160': 'run',
    'evalgpt run --model ./export --tasks lambada --limit 100': 'run',
    'evalgpt models list': 'run',
    'export EVALGPT_API_KEY=…': SERVED,
    'evalgpt serve --model gpt2 --port 8080': { parsed: 'does not end by itself; tests/remote runs it' },
    'lm_eval --model local-completions --tasks lambada_openai \\': {
      parsed: 'is Python; tests/model/serve.test.ts runs it',
    },
    'evalgpt verify reports/runs/training --sample 20': 'run',
  },
  '.github/docs/guides/tasks.md': {
    'evalgpt run --task capitals.csv --shots 0,2': 'run',
    'evalgpt tasks capitals.csv --shots 2 --model ./checkpoint': 'run',
    'evalgpt tasks sums.mjs --shots 1': 'run',
    'evalgpt run --model ./checkpoint --task capitals.csv --shots 0 --out reports/runs/capitals': 'run',
  },
  '.github/docs/guides/ci-gate.md': {
    'evalgpt run --model ./released --tasks lambada,anli-r1 --shots 0,5 --limit 1000 --out reports/runs/released':
      'run',
    'evalgpt check --baseline baseline.json.gz --model ./checkpoint --junit junit.xml --markdown summary.md --html changed.html':
      'run',
    'evalgpt check --baseline baseline.json.gz --model ./checkpoint --max-items 500 --on-inconclusive pass --json check.json':
      'run',
  },
  '.github/docs/guides/overlap.md': {
    "evalgpt overlap --corpus 'corpus/*.jsonl.zst' --tasks lambada,race-h --index flags.jsonl": 'run',
    'zcat dump.gz | evalgpt overlap --corpus - --texts mine.jsonl --json > found.json': 'run',
    'evalgpt overlap --corpus corpus --tasks lambada,race-h --index part1.jsonl --shard 1/2': 'run',
    'evalgpt overlap --model ./checkpoint --tasks demo-lambada,demo-nli --limit 48 --permutations 39': 'run',
  },
  '.github/docs/guides/gpu.md': {
    'evalgpt doctor': { parsed: 'loads a model for each device and precision; tests/cli runs it' },
    'evalgpt run --model ./checkpoint --tasks lambada --limit 100 --device auto': 'run',
    'evalgpt run --model gpt2 --tasks lambada --limit 100 --device cuda --dtype fp16': {
      parsed: 'needs a GPU',
    },
    'ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node': INSTALLS,
  },
  '.github/docs/cluster/README.md': {
    'npm install bullmq@^6.7.0 ioredis@^6.0.0': {
      parsed: 'needs Redis, and a worker does not end; tests/model/queue.test.ts runs it',
    },
  },
  'datasets/demo/README.md': {
    'npx tsx datasets/demo/generate.ts /tmp/demo': { parsed: 'trains for an hour, in Python' },
  },
  'CONTRIBUTING.md': {
    'npm ci': INSTALLS,
    'npm run docs': { parsed: 'writes the pages of this repository; tests/docs/pages.test.ts makes them' },
    'EVALGPT_GOLDEN=1 npx vitest run tests/tasks tests/report': { parsed: 'writes the goldens' },
  },
};

/** Programs that guides may name without their being ours. */
const OTHERS = ['zcat', 'git', 'cd', 'redis-server', 'lm_eval', 'python'];
const DEMO = join(root, 'datasets/demo');

/** A zstd frame of one block that is stored as it is (RFC 8878, section 3.1.1). */
function zstd(bytes: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(0xfd2fb528, 0);
  // One segment, its size in four bytes; then the last block, raw.
  head.writeUInt8(0xa0, 4);
  head.writeUInt32LE(bytes.length, 5);
  head.writeUIntLE((bytes.length << 3) | 1, 9, 3);
  return Buffer.concat([head, bytes]);
}

/** Two at a time: other tests have the same processors. */
const turn = pLimit(2);

const shell = (folder: string, script: string, env: NodeJS.ProcessEnv): Promise<[number, string]> =>
  turn(
    () =>
      new Promise((resolve) => {
        execFile('bash', ['-eo', 'pipefail', '-c', script], { cwd: folder, env }, (error, stdout, stderr) =>
          resolve([error === null ? 0 : Number(error.code), `${stdout}${stderr}`.slice(-2000)]),
        );
      }),
  );

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A folder with `evalgpt` on the path and a bundled model or own text wherever a guide names something of the reader's. */
function scratch(blocks: readonly Block[]): { folder: string; env: NodeJS.ProcessEnv } {
  const folder = mkdtempSync(join(tmpdir(), 'evalgpt-docs-'));
  made.push(folder);
  const work = join(folder, 'work');
  for (const name of ['bin', 'hub', 'work/out', 'work/corpus'])
    mkdirSync(join(folder, name), { recursive: true });

  const command = join(folder, 'bin/evalgpt');
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  writeFileSync(
    command,
    `#!/bin/sh\nexec "${process.execPath}" --import "${tsx}" "${root}/src/cli/main.ts" "$@"\n`,
  );
  chmodSync(command, 0o755);

  // From its sources evalgpt starts its threads with tsx, which is looked for where it runs.
  symlinkSync(join(root, 'node_modules'), join(work, 'node_modules'));
  const stand = { checkpoint: 'small', released: 'small', 'out/step1000': 'tiny', 'out/step2000': 'small' };
  for (const [name, model] of Object.entries(stand)) symlinkSync(join(DEMO, model), join(work, name));
  symlinkSync(exportFolder(folder, { 'onnx/model.onnx': 'past.onnx' }), join(work, 'export'));
  // The hub's cache as its own client leaves it.
  for (const name of ['gpt2', 'gpt2-medium']) {
    const commit = '0123456789abcdef0123456789abcdef01234567';
    const cache = join(folder, 'hub', `models--openai-community--${name}`);
    for (const part of ['refs', 'snapshots']) mkdirSync(join(cache, part), { recursive: true });
    writeFileSync(join(cache, 'refs/main'), commit);
    symlinkSync(join(DEMO, 'tiny'), join(cache, 'snapshots', commit));
  }

  const stories = readFileSync(join(DEMO, 'data/stories.jsonl'), 'utf8').split('\n').slice(0, 40);
  const texts = stories.map((line) => (JSON.parse(line) as { text: string }).text);
  writeFileSync(join(work, 'book.txt'), texts.join('\n'));
  const records = `${texts.map((text) => JSON.stringify({ text })).join('\n')}\n`;
  writeFileSync(join(work, 'corpus/a.jsonl.zst'), zstd(Buffer.from(records)));
  writeFileSync(join(work, 'corpus/b.txt'), 'Nothing of the kind stands here.\n');
  writeFileSync(join(work, 'dump.gz'), gzipSync(texts.join('\n')));
  writeFileSync(join(work, 'mine.jsonl'), `${JSON.stringify({ id: 'one', text: texts[3] })}\n`);
  // What a guide tells to save.
  const csv = blocks.find(({ language }) => language === 'csv');
  if (csv) writeFileSync(join(work, 'capitals.csv'), csv.text);
  const module = blocks.find(({ language }) => language === 'js');
  if (module) writeFileSync(join(work, 'sums.mjs'), module.text);
  const sums = Array.from({ length: 12 }, (_, i) => JSON.stringify({ a: i, b: (7 * i) % 10 }));
  writeFileSync(join(work, 'sums.jsonl'), sums.join('\n'));

  const env = {
    ...process.env,
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    EVALGPT_OFFLINE: '1',
    EVALGPT_DATA: join(root, 'datasets/samples'),
    EVALGPT_CACHE: join(folder, 'cache'),
    HF_HUB_CACHE: join(folder, 'hub'),
  };
  return { folder: work, env };
}

const help = new Map<string, Promise<string>>();
function helpOf(command: string): Promise<string> {
  const known = help.get(command) ?? evalgpt([command, '--help']).then(({ stdout }) => stdout);
  help.set(command, known);
  return known;
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  devDependencies: Record<string, string>;
};

/** Holds a program and its options against what there is. */
async function checkProgram([program = '', ...words]: Words): Promise<void> {
  const said = [program, ...words].join(' ');
  const [first = ''] = words;
  if (program === 'evalgpt') {
    const text = await helpOf(first);
    expect(text, said).toContain(`evalgpt ${first}`);
    for (const word of words.slice(1).filter((w) => w.startsWith('--')))
      expect(text, said).toMatch(new RegExp(`${word}\\s`));
  } else if (program === 'npm') {
    if (first === 'run') expect(Object.keys(manifest.scripts), said).toContain(words[1]);
    else expect(['ci', 'test', 'link', 'install', 'rebuild'], said).toContain(first);
  } else if (program === 'npx') {
    expect(Object.keys(manifest.devDependencies), said).toContain(first);
    if (first === 'tsx') expect(existsSync(join(root, words[1] ?? '')), said).toBe(true);
  } else {
    expect(OTHERS, said).toContain(program);
  }
}

test('every block of shell is listed once, and nothing else is', () => {
  const guides = readdirSync(join(root, '.github/docs/guides')).map((name) => `.github/docs/guides/${name}`);
  const more = [
    'SECURITY.md',
    'datasets/README.md',
    '.github/docs/architecture.md',
    '.github/docs/definitions.md',
  ];
  const files = [...new Set([...Object.keys(BLOCKS), ...guides, ...more])].sort();
  const there = files.map((file) => [
    file,
    blocksOf(file)
      .filter(({ language }) => /^(sh|bash|shell)$/.test(language))
      .map(({ first }) => first),
  ]);
  const listed = files.map((file) => [file, Object.keys(BLOCKS[file] ?? {})]);
  expect(there).toEqual(listed);
});

describe.concurrent('commands of the guides', () => {
  test.each(Object.keys(BLOCKS))(
    '%s',
    async (file) => {
      const blocks = blocksOf(file);
      const { folder, env } = scratch(blocks);
      for (const { first, text } of blocks.filter(({ language }) => language === 'sh')) {
        const how = BLOCKS[file]?.[first] ?? 'run';
        for (const program of programsOf(text)) await checkProgram(program);
        if (typeof how === 'object' && 'parsed' in how) continue;
        const [code, output] = await shell(folder, text, env);
        expect({ first, code, output }).toEqual({ first, code: how === 'run' ? 0 : how.run, output });
      }
    },
    300_000,
  );
});

test("the README's library code imports what there is", () => {
  const code = blocksOf('README.md').find(({ language }) => language === 'ts')?.text ?? '';
  const names = /import \{ (.*) \} from 'evalgpt'/.exec(code)?.[1]?.split(', ') ?? [];
  expect(names.length).toBeGreaterThan(0);
  const index = readFileSync(join(root, 'src/index.ts'), 'utf8');
  for (const name of names) expect(index).toMatch(new RegExp(`\\b${name}\\b`));
});
