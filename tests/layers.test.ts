import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Data flow one way: each part and what it may import. A part is a file or folder of src, or one of the folders
 * beside it. types, record, errors, json and closest may be imported by all.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  closest: [],
  json: [],
  package: [],
  space: [],
  record: ['stats'],
  types: [],
  stats: [],
  datasets: ['stats'],
  data: ['package', 'datasets', 'download', 'store'],
  task: ['data'],
  tasks: ['task', 'data', 'metrics', 'space', 'detokenise'],
  detokenise: [],
  custom: ['data', 'task', 'tasks', 'metrics'],
  prompts: ['task', 'stats', 'space'],
  models: ['package', 'download'],
  scoring: [],
  metrics: ['task', 'stats', 'space'],
  store: [],
  download: ['store'],
  evaluate: [
    'package',
    'data',
    'task',
    'tasks',
    'custom',
    'prompts',
    'models',
    'scoring',
    'metrics',
    'stats',
    'overlap',
    'published',
    'remote',
    'store',
    'download',
  ],
  remote: ['package', 'models', 'scoring'],
  published: ['package', 'task'],
  report: ['metrics', 'stats', 'store'],
  overlap: ['task', 'store', 'data', 'stats'],
  'lm-eval': ['metrics', 'store', 'task'],
  check: ['lm-eval', 'metrics', 'report', 'stats', 'store', 'task'],
  cli: [
    'package',
    'check',
    'datasets',
    'data',
    'lm-eval',
    'task',
    'tasks',
    'custom',
    'prompts',
    'models',
    'evaluate',
    'metrics',
    'overlap',
    'published',
    'queue',
    'remote',
    'report',
    'store',
    'download',
  ],
  queue: ['custom', 'evaluate', 'models', 'package', 'store'],
  index: ['evaluate', 'task', 'custom', 'data', 'metrics'],
};
const BY_ALL = ['types', 'record', 'errors', 'json', 'closest'];

/** Who may import a module that touches the runtime, the network or the disk. */
const EDGES: Readonly<Record<string, readonly string[]>> = {
  'onnxruntime-node': ['src/models/ort.ts', 'src/models/exports/session.ts', 'src/models/probe-child.ts'],
  tar: ['src/data/decode.ts', 'src/data/unpack.ts'],
  yauzl: ['src/data/unpack.ts'],
  'node:worker_threads': [
    'src/models/backend.ts',
    'src/models/worker.ts',
    'src/overlap/scan.ts',
    'src/overlap/worker.ts',
    'src/remote/client/tokenizer-thread.ts',
    'src/remote/client/tokenizer.ts',
  ],
  'node:child_process': ['src/evaluate/environment.ts', 'src/models/probe.ts'],
  yargs: [
    'src/cli/baseline.ts',
    'src/cli/check.ts',
    'src/cli/commands.ts',
    'src/cli/compare.ts',
    'src/cli/data.ts',
    'src/cli/definitions.ts',
    'src/cli/doctor.ts',
    'src/cli/export.ts',
    'src/cli/merge.ts',
    'src/cli/mistakes.ts',
    'src/cli/models.ts',
    'src/cli/options.ts',
    'src/cli/overlap-options.ts',
    'src/cli/overlap.ts',
    'src/cli/main.ts',
    'src/cli/report.ts',
    'src/cli/rescore.ts',
    'src/cli/run-options.ts',
    'src/cli/run.ts',
    'src/cli/score.ts',
    'src/cli/serve.ts',
    'src/cli/tasks.ts',
    'src/cli/verify.ts',
    'src/cli/worker.ts',
  ],
  bullmq: ['src/queue/connect.ts', 'src/queue/coordinate.ts', 'src/queue/work.ts'],
  ioredis: ['src/queue/board.ts', 'src/queue/connect.ts', 'src/queue/coordinate.ts', 'src/queue/work.ts'],
};
const DISK = [
  'src/check/baseline.ts',
  'src/check/rescore.ts',
  'src/cli/baseline.ts',
  'src/cli/check.ts',
  'src/cli/doctor.ts',
  'src/cli/score.ts',
  'src/custom/file.ts',
  'src/data/card.ts',
  'src/data/import.ts',
  'src/data/inventory.ts',
  'src/data/place.ts',
  'src/data/pull.ts',
  'src/data/split.ts',
  'src/data/text.ts',
  'src/data/unpack.ts',
  'src/cli/models.ts',
  'src/download.ts',
  'src/evaluate/merge-shards.ts',
  'src/evaluate/verify.ts',
  'src/lm-eval/output.ts',
  'src/lm-eval/read.ts',
  'src/models/checkpoint.ts',
  'src/models/exports/find.ts',
  'src/models/exports/read.ts',
  'src/models/hub.ts',
  'src/models/open.ts',
  'src/models/ort.ts',
  'src/models/probe.ts',
  'src/models/resolve.ts',
  'src/models/quantise.ts',
  'src/models/safetensors.ts',
  'src/models/tokenizers/open.ts',
  'src/overlap/corpus.ts',
  'src/overlap/index-file.ts',
  'src/overlap/read-corpus.ts',
  'src/package.ts',
  'src/published/read.ts',
  'src/queue/allow.ts',
  'src/remote/client/open.ts',
  'src/report/client-script.ts',
  'src/store/disk.ts',
  'src/store/journal.ts',
  'src/store/lock.ts',
  'src/store/read-run.ts',
  'src/store/run-folder.ts',
  'src/store/score-cache.ts',
  'src/store/spec-file.ts',
  'datasets/demo/checkpoint.ts',
  'datasets/demo/generate.ts',
];
/** The files that may call fetch: files from anywhere, and a served model's own server. */
const FETCH = ['src/download.ts', 'src/remote/client/http.ts'];
/** The one file that listens. */
const LISTENS = 'src/remote/server/serve.ts';
const NETWORK = ['node:http', 'node:https', 'node:net', 'node:dgram', 'node:tls'];

const files = ['src', 'tasks', 'datasets'].flatMap(walk);

function walk(folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(join(root, path)).isDirectory()) return walk(path);
    return name.endsWith('.ts') ? [path] : [];
  });
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:\bfrom\s+|\bimport\(\s*|\bimport\s+)'([^']+)'/g)].map((m) => m[1]!);
}

function partOf(file: string): string {
  const [top, next] = file.split('/') as [string, string];
  return top === 'src' ? next.replace(/\.ts$/, '') : top;
}

function arrows(file: string): string[] {
  return importsOf(file)
    .filter((target) => target.startsWith('.'))
    .map((target) => relative(root, resolve(root, dirname(file), target)));
}

test('every part of the source tree stands in the data flow', () => {
  expect([...new Set(files.map(partOf))].filter((part) => !(part in MAY_IMPORT))).toEqual([]);
});

describe('no import runs against the data flow', () => {
  test.each(files)('%s', (file) => {
    const own = partOf(file);
    const allowed = [own, ...BY_ALL, ...(MAY_IMPORT[own] ?? [])];
    expect(arrows(file).filter((target) => !allowed.includes(partOf(target)))).toEqual([]);
  });
});

test('the rules allow no cycle', () => {
  const reach = (part: string, path: readonly string[]): void => {
    expect(path, `${[...path, part].join(' -> ')}`).not.toContain(part);
    for (const next of MAY_IMPORT[part] ?? []) reach(next, [...path, part]);
  };
  for (const part of Object.keys(MAY_IMPORT)) reach(part, []);
});

test('no files import each other in a circle, types included', () => {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (file: string, path: readonly string[]): void => {
    const circle = [...path.slice(path.indexOf(file)), file].join(' -> ');
    expect(state.get(file), `a circle: ${circle}`).not.toBe('open');
    if (state.has(file)) return;
    state.set(file, 'open');
    for (const target of arrows(file)) visit(target, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of files) visit(file, []);
});

test('only named files touch the runtime, the disk or the network', () => {
  for (const [module, allowed] of Object.entries(EDGES)) {
    const users = files.filter((file) =>
      importsOf(file).some((i) => i === module || i.startsWith(`${module}/`)),
    );
    expect(
      users.filter((file) => !allowed.includes(file)),
      module,
    ).toEqual([]);
    expect(users.length, `${module} is used`).toBeGreaterThan(0);
  }
  const disk = files.filter((file) =>
    importsOf(file).some((i) => i === 'node:fs' || i === 'node:fs/promises'),
  );
  expect(disk.filter((file) => !DISK.includes(file))).toEqual([]);
  expect(DISK.filter((file) => !disk.includes(file))).toEqual([]);
  expect(files.filter((file) => importsOf(file).some((i) => NETWORK.includes(i)))).toEqual([LISTENS]);
  const calls = files.filter((file) => /(?<![\w.])fetch\(/.test(readFileSync(join(root, file), 'utf8')));
  expect(calls).toEqual(FETCH);
});

test('tasks know wording, never tokens or models; scoring and models meet at the port in types only', () => {
  for (const file of files.filter((f) => f.startsWith('tasks/'))) {
    expect(importsOf(file).filter((i) => /models|scoring|prompts/.test(i))).toEqual([]);
  }
  expect(MAY_IMPORT.scoring).not.toContain('models');
  expect(MAY_IMPORT.models).not.toContain('scoring');
});
