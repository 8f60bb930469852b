import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { RunRecord } from '../../src/record.ts';
import type { Sample } from '../../src/types.ts';
import { evalgpt } from '../helpers/cli.ts';
import { writeTiny } from '../helpers/tiny-checkpoints.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const samples = fileURLToPath(new URL('../../datasets/samples', import.meta.url));
const model = writeTiny('plain', folder);

function brokenModel(name: string, change: (path: string) => void): string {
  const parent = join(folder, name);
  const path = writeTiny('plain', parent);
  change(path);
  return path;
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const cut = brokenModel('cut', (path) => truncateSync(join(path, 'model.safetensors'), 30_000));
const otherVocabulary = brokenModel('vocabulary', (path) => {
  const at = join(path, 'tokenizer.json');
  const tokenizer = JSON.parse(readFileSync(at, 'utf8'));
  tokenizer.added_tokens.push({ ...tokenizer.added_tokens[0], id: 257, content: '<|one too many|>' });
  writeFileSync(at, JSON.stringify(tokenizer));
});
const otherArchitecture = brokenModel('architecture', (path) => {
  const at = join(path, 'config.json');
  writeFileSync(at, readFileSync(at, 'utf8').replace('"gpt2"', '"mamba"'));
});
const otherSwitch = brokenModel('switch', (path) => {
  const at = join(path, 'config.json');
  writeFileSync(at, readFileSync(at, 'utf8').replace('"gelu_new"', '"swiglu"'));
});
const badData = join(folder, 'data');
mkdirSync(join(badData, 'anli', 'R1'), { recursive: true });
const good = readFileSync(join(samples, 'anli', 'R1', 'test.jsonl'), 'utf8');
writeFileSync(join(badData, 'anli', 'R1', 'test.jsonl'), `${good}{"uid": "x", "context": \n`);

describe('bad input is one sentence on stderr and exit 2', () => {
  const run = (...more: string[]): string[] => ['run', '--out', join(folder, 'never'), ...more];
  test.each<[string, string[], RegExp, NodeJS.ProcessEnv?]>([
    ['no command', [], /expected a command, such as run, check, compare or tasks/],
    ['an unknown command', ['rnu'], /no command "rnu" \(did you mean run\?\)/],
    ['an unknown option', run('--modle', 'x'), /run: no option --modle \(did you mean --model\?\)/],
    [
      'a wrong path',
      run('--model', '/nowhere/at/all', '--tasks', 'demo-lambada'),
      /--model \/nowhere\/at\/all: no such folder/,
    ],
    ['a cut checkpoint', run('--model', cut, '--tasks', 'demo-lambada'), /model\.safetensors: .* truncated/],
    [
      'a wrong vocabulary',
      run('--model', otherVocabulary, '--tasks', 'demo-lambada'),
      /the tokenizer has 258 tokens, but the model's vocab_size is 257/,
    ],
    [
      'an unknown architecture',
      run('--model', otherArchitecture, '--tasks', 'demo-lambada'),
      /model_type "mamba" is not supported/,
    ],
    [
      'an unknown switch',
      run('--model', otherSwitch, '--tasks', 'demo-lambada'),
      /"activation_function" expected one of .*, found "swiglu"/,
    ],
    [
      "what can't be a model, before the data that are not here",
      run('--model', './nowhere', '--tasks', 'lambada'),
      /--model \.\/nowhere: no such folder, nor a name that evalgpt knows/,
    ],
    ['an unknown task', run('--tasks', 'lambda'), /no task "lambda".*did you mean lambada/],
    ['negative shots', run('--shots', '-1'), /--shots: expected a whole number of at least 0, found "-1"/],
    [
      'shots that are no number',
      run('--shots', '0,one'),
      /--shots: expected a whole number of at least 0, found "one"/,
    ],
    [
      'a limit that is no number',
      run('--limit', 'ten'),
      /--limit: expected a whole number of at least 1, found "ten"/,
    ],
    ['an option without its value', run('--model'), /Not enough arguments following: model/],
    [
      'an unknown choice',
      run('--overflow', 'never'),
      /--overflow: expected one of drop-shots, truncate, skip, error, found "never"/,
    ],
    [
      'missing data',
      run('--tasks', 'anli-r1'),
      /expected its test split as anli\/R1\/test\.jsonl.*set EVALGPT_DATA/,
    ],
    [
      'malformed data',
      run('--tasks', 'anli-r1', '--model', model),
      /test\.jsonl:13: not JSON/,
      { EVALGPT_DATA: badData },
    ],
    [
      'no input file',
      ['score', '--model', model, '--input', '/no/file', '--output', join(folder, 'o')],
      /--input \/no\/file: cannot be read/,
    ],
    ['a task that is not there', ['tasks', 'nothing'], /no task "nothing"/],
  ])('%s', async (_, args, message, env) => {
    const { code, stderr, stdout } = await evalgpt(args, env ? { env } : {});
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(readdirSync(folder)).not.toContain('never');
  });
});

describe('evalgpt score', () => {
  test('scores the good lines, explains the bad ones in place, and exits 2', async () => {
    const pair = (context: string, continuation: string): string => JSON.stringify({ context, continuation });
    const input = file(
      'requests.jsonl',
      [
        pair('The cat sat on the', ' mat'),
        '{"context": 1}',
        'nonsense',
        pair('', 'Once'),
        pair('x', ''),
        pair('y', 'z'.repeat(65)),
      ].join('\n'),
    );
    const output = join(folder, 'scores.jsonl');
    const { code, stderr } = await evalgpt(['score', '--model', model, '--input', input, '--output', output]);
    const lines = readFileSync(output, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => Object.keys(line).join())).toEqual([
      'logprob,greedy,tokens,logprobs,hits',
      'error',
      'error',
      'logprob,greedy,tokens,logprobs,hits',
      'error',
      'error',
    ]);
    expect(lines[0]!.tokens).toEqual([...Buffer.from(' mat')]);
    expect(lines[1]!.error).toBe('"context" expected a string, found 1');
    expect(lines[2]!.error).toMatch(/^not JSON/);
    expect(lines[4]!.error).toMatch(/"continuation" expected a text/);
    expect(lines[5]!.error).toMatch(/65 tokens, but the model's window holds 64/);
    expect(stderr).toMatch(/4 of 6 lines could not be scored; line 2: /);
    expect(code).toBe(2);
  });
});

describe('evalgpt run', () => {
  const tasks = 'lambada,anli-r1,arithmetic-2d-add';
  const env = { EVALGPT_DATA: samples };

  test('writes a run folder that holds what the table shows', async () => {
    const out = join(folder, 'run');
    const { code, stdout, stderr } = await evalgpt(
      ['run', '--model', model, '--tasks', tasks, '--shots', '0,1,32', '--limit', '10', '--out', out],
      { env },
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/not the published file/);
    const record = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')) as RunRecord;
    expect(record.status).toBe('complete');
    expect(record.results.map((r) => `${r.task} ${r.shots}`)).toEqual(
      tasks.split(',').flatMap((task) => [0, 1, 32].map((k) => `${task} ${k}`)),
    );
    for (const result of record.results) {
      expect(result.n).toBe(10);
      const path = join(
        out,
        'samples',
        encodeURIComponent(model).replaceAll('.', '%2E'),
        `${result.task}.k${result.shots}.d0.jsonl`,
      );
      const lines = readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Sample);
      expect(lines).toHaveLength(10);
      const mean = lines.reduce((sum, s) => sum + s.values!.acc!, 0) / 10;
      expect(result.metrics.acc!.value).toBeCloseTo(mean, 12);
      for (const sample of lines) {
        expect(sample.shots).toHaveLength(sample.shots_used);
        expect(sample.shots).not.toContain(sample.id);
        if (result.task === 'anli-r1') expect(sample.shots.every((id) => id.includes('-dev-'))).toBe(true);
      }
    }
    expect(stdout.split('\n')[0]).toMatch(/^model +task +shots +n +metric +value/);
    const page = readFileSync(join(out, 'leaderboard.html'), 'utf8');
    for (const task of tasks.split(',')) expect(page).toContain(task);
    expect(page).toContain(`default-src 'none'`.replaceAll("'", '&#39;'));
    expect(page).not.toMatch(/https?:\/\/[^"<]*\.(js|css)/);
  });

  test('gives byte-equal results when run again, and the same scores on one thread', async () => {
    const run = async (name: string, ...more: string[]): Promise<RunRecord> => {
      const args = [
        'run',
        '--model',
        model,
        '--tasks',
        tasks,
        '--shots',
        '0,2',
        '--limit',
        '8',
        '--json',
        ...more,
      ];
      const { stdout } = await evalgpt([...args, '--out', join(folder, name)], { env });
      return JSON.parse(stdout) as RunRecord;
    };
    const [first, again, single] = [await run('a'), await run('b'), await run('c', '--threads', '1')];
    expect(JSON.stringify(again.results)).toBe(JSON.stringify(first.results));
    for (const [i, result] of single.results.entries()) {
      expect(result.metrics.logprob_gold!.value).toBeCloseTo(
        first.results[i]!.metrics.logprob_gold!.value,
        4,
      );
    }
  });

  test('a run.json reproduces its run, and says where the data are not what they were', async () => {
    const args = [
      'run',
      '--model',
      model,
      '--tasks',
      'anli-r1',
      '--shots',
      '1',
      '--limit',
      '6',
      '--seed',
      '7',
    ];
    const [first, second] = [join(folder, 'spec-1'), join(folder, 'spec-2')];
    await evalgpt([...args, '--out', first], { env });
    const path = join(first, 'run.json');
    const { code } = await evalgpt(['run', '--spec', path, '--out', second], { env });
    expect(code).toBe(0);
    const read = (out: string): RunRecord =>
      JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')) as RunRecord;
    expect(read(second).spec).toEqual(read(first).spec);
    expect(read(second).results).toEqual(read(first).results);

    const changed = {
      ...read(first).spec,
      models: [{ ...read(first).spec.models[0], sha256: 'another' }],
      limit: 5,
    };
    const spec = file('spec.json', JSON.stringify(changed));
    const other = await evalgpt(['run', '--spec', spec, '--limit', '4', '--out', join(folder, 'spec-3')], {
      env,
    });
    expect(other.stderr).toMatch(
      /is not what the spec was made with: sha256 [0-9a-f]{12}… instead of another/,
    );
    expect(read(join(folder, 'spec-3')).spec.limit).toBe(4);

    const wrong = await evalgpt(['run', '--spec', file('wrong.json', '{"shots": ["many"]}')], { env });
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/"shots" cannot be \["many"\]/) });
    const odd = await evalgpt(['run', '--spec', file('odd.json', '{"modles": []}')], { env });
    expect(odd).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/"modles" is not a field of a spec \(did you mean models\?\)/),
    });
  });

  test('a data set that is missing leaves its cells unscored and does not fail the others', async () => {
    const { code, stdout, stderr } = await evalgpt([
      'run',
      '--model',
      model,
      '--tasks',
      'anli-r1,demo-lambada',
      '--shots',
      '0',
      '--limit',
      '5',
      '--out',
      join(folder, 'partly'),
    ]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/anli-r1 is not scored: data set "anli-r1": expected its test split/);
    expect(stdout).toMatch(/anli-r1 .*unscored/);
    expect(stdout).toMatch(/demo-lambada +0 +5 +acc/);
  });

  test('stops on SIGINT with 130 and leaves no half-written run.json', async () => {
    const out = join(folder, 'stopped');
    let asked = false;
    const { code, stderr } = await evalgpt(
      ['run', '--model', model, '--tasks', 'arithmetic-gen-*', '--shots', '0,1,2', '--out', out],
      {
        onStderr(text, kill) {
          if (!asked && text.includes('loaded in')) kill('SIGINT');
          if (text.includes('loaded in')) asked = true;
        },
      },
    );
    expect(code).toBe(130);
    expect(stderr).toMatch(/stopped by SIGINT/);
    expect(readdirSync(out).filter((name) => name.includes('.tmp'))).toEqual([]);
    expect(readdirSync(out)).not.toContain('lock');
    const record = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')) as RunRecord;
    expect(record.status).toBe('partial');
  });
});

describe('evalgpt tasks', () => {
  test('lists every task and whether its data is there', async () => {
    const { stdout, code } = await evalgpt(['tasks', '--json'], { env: { EVALGPT_DATA: samples } });
    expect(code).toBe(0);
    const list = JSON.parse(stdout) as { name: string; data: string }[];
    expect(list.length).toBeGreaterThanOrEqual(26);
    expect(list.every((task) => task.data === 'present')).toBe(true);
  });

  test('shows what is published of a task', async () => {
    const { stdout } = await evalgpt(['tasks', 'anli-r1'], { env: { EVALGPT_DATA: samples } });
    expect(stdout).toContain('\npublished GPT-3 paper: acc 30.6 to 36.8 (24 figures)\n');
  });

  test('shows an assembled prompt with its tokens', async () => {
    const { stdout } = await evalgpt(['tasks', 'arithmetic-gen-2d-add', '--shots', '1', '--model', model]);
    expect(stdout).toMatch(
      /Question: What is \d+ plus \d+\?\nAnswer: \d+\n\nQuestion: What is 13 plus 84\?\nAnswer:\n⟦ 97⟧ {3}\d+ \+ 3 tokens/,
    );
  });
});
