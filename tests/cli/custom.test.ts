import { appendFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { RunRecord } from '../../src/record.ts';
import type { Sample } from '../../src/types.ts';
import { evalgpt, type Outcome } from '../helpers/cli.ts';
import { writeTiny } from '../helpers/tiny-checkpoints.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evalgpt-custom-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
/** Its window holds 64 bytes. */
const model = writeTiny('plain', folder);

/** A command in a user's folder, given as a user would type it. */
const type = (command: string): Promise<Outcome> => evalgpt(command.split(' '), { cwd: folder });
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const read = (out: string): RunRecord =>
  JSON.parse(readFileSync(join(folder, out, 'run.json'), 'utf8')) as RunRecord;

write(
  'animals.csv',
  'context,choices,answer\nA cow says,moo|quack,moo\nA duck says,moo|quack,1\nA cat says,meow|woof,meow\n',
);
write(
  'words.jsonl',
  ['tea', 'milk', 'rum'].map((target) => `${JSON.stringify({ context: 'I drink', target })}\n`).join(''),
);
write('asked.tsv', 'context\treferences\nQ: Who?\\nA:\tAnn|Bob\nQ: Where?\\nA:\tRome\n');
const moduleText = `
export default {
  name: 'own-words',
  data: './words.jsonl',
  decode: (record) => ({ id: String(record.line), word: record.string('target') }),
  protocols: {
    own: {
      kind: 'span',
      context: () => 'You drink',
      continuation: (e) => ' ' + e.word,
      shot: (e) => 'You drink ' + e.word,
      metrics: ['acc', 'logprob_gold'],
    },
  },
};
`;
write('own.mjs', moduleText);

describe("the guide's tasks", () => {
  const section = readFileSync(join(root, '.github/docs/guides/tasks.md'), 'utf8');
  const fences = [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, kind, text]) => ({
    kind,
    text: text!,
  }));
  const fence = (kind: string): string => fences.find((f) => f.kind === kind)?.text ?? '';

  test('the table, in under ten lines, gives what the guide shows', async () => {
    expect(fence('csv').trim().split('\n').length).toBeLessThan(10);
    write('capitals.csv', fence('csv'));
    const command = /^evalgpt (.*)$/m.exec(fence('sh'))?.[1] ?? '';
    expect(command).toContain('--task capitals.csv');
    const { code, stdout } = await type(command);
    expect(code).toBe(0);
    expect(stdout).toBe(fence(''));
  });

  test('the module', async () => {
    write('sums.mjs', fence('js'));
    const line = /`(\{"a": \d.*?\})`/.exec(section)?.[1];
    write('sums.jsonl', `${line}\n{"a": 4, "b": 5}\n`);
    const { code, stdout } = await type('tasks sums.mjs --shots 1');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Q: What is 4 plus 5\?\nA: 9\n\nQ: What is 2 plus 3\?\nA:\n⟦ 5⟧/);
    const run = await type(`run --task sums.mjs --shots 0,1 --model ${model} --out sums`);
    expect(run.code).toBe(0);
    expect(read('sums').results.map((r) => [r.task, r.shots, r.n])).toEqual([
      ['sums', 0, 2],
      ['sums', 1, 2],
    ]);
  });
});

describe('evalgpt run --task', () => {
  test('runs files alone, every item of them, or beside benchmarks', async () => {
    const alone = await type(
      `run --model demo-tiny --task animals.csv,words.jsonl --task asked.tsv --shots 0,1 --out alone`,
    );
    expect(alone.code).toBe(0);
    const { results, spec } = read('alone');
    expect(results.map((r) => `${r.task} ${r.shots} ${r.n} ${r.primary}`)).toEqual([
      ...[
        'animals 0 3 acc',
        'animals 1 3 acc',
        'words 0 3 acc',
        'words 1 3 acc',
        'asked 0 2 em',
        'asked 1 2 em',
      ],
    ]);
    expect(results[0]!.chance).toBe(0.5);
    expect(Object.keys(results[2]!.metrics)).toEqual(['acc', 'logprob_gold', 'ppl_word']);
    expect(results[2]!.metrics.ppl_word!.value).toBeCloseTo(
      Math.exp(-results[2]!.metrics.logprob_gold!.value),
      9,
    );
    expect(spec.limit).toBeNull();
    expect(spec.taskFiles).toEqual(['animals.csv', 'words.jsonl', 'asked.tsv']);
    expect(spec.tasks[0]).toMatchObject({ file: 'animals.csv', dataset: 'animals.csv', protocol: 'own' });
    const beside = await type(
      `run --model ${model} --task own.mjs --tasks demo-lambada --limit 2 --shots 0 --out beside`,
    );
    expect(beside.code).toBe(0);
    expect(read('beside').results.map((r) => r.task)).toEqual(['demo-lambada', 'own-words']);
  });

  test('scores what evalgpt score scores', async () => {
    await type(`run --model ${model} --task animals.csv --shots 1 --out scored`);
    const path = join(
      folder,
      'scored',
      'samples',
      encodeURIComponent(model).replaceAll('.', '%2E'),
      'animals.k1.d0.jsonl',
    );
    const samples = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Sample);
    const rows = [
      ['A cow says', 'moo', 'quack', ' moo'],
      ['A duck says', 'moo', 'quack', ' quack'],
      ['A cat says', 'meow', 'woof', ' meow'],
    ] as const;
    const requests = samples.flatMap(({ id, shots }) => {
      const [context, ...choices] = rows[Number(id) - 2]!;
      const [shot] = shots.map((s) => rows[Number(s) - 2]!);
      return choices
        .slice(0, 2)
        .map((choice) => ({ context: `${shot![0]}${shot![3]}\n\n${context}`, continuation: ` ${choice}` }));
    });
    write('requests.jsonl', requests.map((r) => `${JSON.stringify(r)}\n`).join(''));
    await type(`score --model ${model} --input requests.jsonl --output scores.jsonl`);
    const scores = readFileSync(join(folder, 'scores.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((l) => (JSON.parse(l) as { logprob: number }).logprob);
    const found = samples.flatMap((s) => s.spans!.map((span) => span.logprobs.reduce((a, b) => a + b, 0)));
    expect(found).toHaveLength(6);
    for (const [i, logprob] of found.entries()) expect(logprob).toBeCloseTo(scores[i]!, 4);
    expect(samples.map((s) => s.gold)).toEqual([0, 1, 0]);
  });

  test('resumes to equal results, and not where the file was changed', async () => {
    const command = `run --model ${model} --task again.csv --shots 0,2 --out again`;
    const lines = Array.from({ length: 12 }, (_, i) => `Number ${i} is,${i}|${i + 20}|none,${i}\n`);
    write(
      'again.csv',
      `context,choices,answer\n${lines.join('').replaceAll(/\|(\d+)\|none,\d+/g, '|$1|none,none')}`,
    );
    expect(await type(command)).toMatchObject({ code: 0 });
    const before = read('again');
    const path = join(
      folder,
      'again',
      'samples',
      encodeURIComponent(model).replaceAll('.', '%2E'),
      'again.k2.d0.jsonl',
    );
    const samples = readFileSync(path, 'utf8');
    writeFileSync(path, samples.slice(0, samples.length / 2));
    const resumed = await type(command);
    expect(resumed).toMatchObject({ code: 0, stderr: expect.stringContaining('resuming again') });
    expect(JSON.stringify(read('again').results)).toBe(JSON.stringify(before.results));
    expect(readFileSync(path, 'utf8')).toBe(samples);
    appendFileSync(join(folder, 'again.csv'), 'One more is,a|b,b\n');
    expect(await type(command)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/holds another run \(spec\.tasks\.0\.file_sha256 is /),
    });
  });

  test('run.json reproduces a run; a program that it names runs only where the user names it', async () => {
    write('copied.csv', readFileSync(join(folder, 'animals.csv'), 'utf8'));
    write('copied.mjs', moduleText);
    await type(`run --model ${model} --task copied.csv --shots 1 --out table`);
    expect(await type('run --spec table/run.json --out table-2')).toMatchObject({ code: 0 });
    expect(read('table-2').spec).toEqual(read('table').spec);
    expect(read('table-2').results).toEqual(read('table').results);

    await type(`run --model ${model} --task copied.csv,copied.mjs --shots 1 --out both`);
    const refused = await type('run --spec both/run.json --out both-2');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toBe(
      'evalgpt: --spec both/run.json: its task file copied.mjs is a program, which a spec alone does not run: add --task copied.csv,copied.mjs\n',
    );
    expect(await type('run --spec both/run.json --task copied.csv,copied.mjs --out both-2')).toMatchObject({
      code: 0,
    });
    expect(read('both-2').spec).toEqual(read('both').spec);
    expect(read('both-2').results).toEqual(read('both').results);

    appendFileSync(join(folder, 'copied.csv'), 'A dog says,meow|woof,woof\n');
    appendFileSync(join(folder, 'copied.mjs'), '// Changed.\n');
    const changed = await type('run --spec both/run.json --task copied.csv,copied.mjs --out both-3');
    const warnings = changed.stderr
      .split('\n')
      .filter((line) => line.includes('is not what the spec was made with'));
    expect(warnings.map((line) => line.split(' ')[1])).toEqual(['copied', 'copied.mjs']);
  });

  test.each([
    ['run --task none.csv', /^evalgpt: none\.csv: cannot be read: ENOENT/],
    ['run --tasks animals.csv', /no task "animals\.csv"; .*; files of tasks go to --task$/],
    ['run --task notes.txt', /^evalgpt: notes\.txt: expected a file of tasks that ends in \.csv/],
    ['run --task animals.csv,,own.mjs', /^evalgpt: --task: expected names separated by commas/],
    ['run --task bad.csv', /^evalgpt: bad\.csv:3: "answer" expected one of the choices/],
    ['run --task bad.mjs', /^evalgpt: bad\.mjs: task "bad": "decode" expected a function, found nothing/],
    [
      'run --task late.mjs --out late',
      /^evalgpt: late\.mjs: task "late", protocol "own": "judge" of item 1: no idea$/,
    ],
    ['tasks bad.csv', /^evalgpt: bad\.csv:3: "answer" expected one of the choices/],
    ['tasks ./none.mjs', /^evalgpt: \.\/none\.mjs: cannot be read: ENOENT/],
  ])('evalgpt %s: one sentence and exit 2', async (command, message) => {
    write('bad.csv', 'context,choices,answer\na,b|c,b\na,b|c,d\n');
    write('bad.mjs', 'export default { name: "bad", data: "words.jsonl" };');
    write(
      'late.mjs',
      `export default { name: 'late', data: 'words.jsonl', decode: (r) => ({ id: String(r.line) }), protocols: { own: {
        kind: 'generate', context: () => 'x', shot: () => 'x', stop: ['.'], maxTokens: 2, gold: () => 'y',
        judge() { throw new Error('no idea'); }, metrics: ['em'] } } };`,
    );
    const { code, stdout, stderr } = await type(command);
    const said = stderr
      .trim()
      .split('\n')
      .filter((line) => !line.includes('loaded in'));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

describe('evalgpt tasks FILE', () => {
  test('shows a prompt with its tokens, and what does not fit', async () => {
    const { code, stdout } = await type(`tasks animals.csv --shots 1 --model ${model}`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^animals \(version 1\): Items of animals\.csv\ndata +animals\.csv, 3 items\n/);
    expect(stdout).toMatch(
      /A (duck|cat) says (quack|meow)\n\nA cow says\n⟦ moo⟧ {3}\d+ \+ 4 tokens\n⟦ quack⟧ {3}\d+ \+ 6 tokens\n$/,
    );
    write('long.csv', `context,target\n${'long '.repeat(12)},end\n${'other '.repeat(12)},word\n`);
    const long = await type(`tasks long.csv --shots 1 --model ${model}`);
    expect(long.stdout).toContain('Only 0 of 1 shots fit the window.');
    expect((await type(`tasks long.csv --shots 1 --model ${model} --json`)).stdout).toMatch(/"truncated": 0/);
  });

  test('shows every task of a module', async () => {
    write(
      'two.mjs',
      `${moduleText.replace('export default', 'const task =')}export default [task, { ...task, name: 'second' }];`,
    );
    const { stdout } = await type('tasks two.mjs');
    expect(stdout.match(/^(own-words|second) \(version 1\)/gm)).toHaveLength(2);
    const json = await type('tasks two.mjs --json');
    expect((JSON.parse(json.stdout) as { name: string }[]).map((t) => t.name)).toEqual([
      'own-words',
      'second',
    ]);
  });
});
