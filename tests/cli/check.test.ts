import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, type TestSuites } from 'junit2json';
import { DOMParser, parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunRecord } from '../../src/record.ts';
import type { Sample } from '../../src/types.ts';
import { evalgpt, type Outcome } from '../helpers/cli.ts';
import { changeSamples } from '../helpers/degrade.ts';
import { writeTiny } from '../helpers/tiny-checkpoints.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evalgpt-check-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const run = (...args: readonly string[]): Promise<Outcome> => evalgpt(args);
const model = writeTiny('plain', folder);

/** As a reader of JUnit files reads it, which is strict about XML. */
const junit = async (path: string): Promise<TestSuites> =>
  (await parse(readFileSync(path, 'utf8'))) as TestSuites;

/** An answer that would break a page, a table or an XML file that believed it. */
const NASTY = '<b>&|`]]>\u0007 --> @all';
writeFileSync(
  at('words.jsonl'),
  Array.from({ length: 60 }, (_, i) => {
    const context = i === 0 ? `Say ${NASTY}:` : `Word ${i}:`;
    return `${JSON.stringify({ id: `w${i}`, context, choices: ['yes', 'no'], answer: i % 2 ? 'yes' : 'no' })}\n`;
  }).join(''),
);

/** A model that answers everything rightly and surely, or wrongly. */
const as =
  (right: boolean) =>
  (sample: Sample): Sample => ({
    ...sample,
    prediction: right ? (sample.gold as number) : 1 - (sample.gold as number),
    values: {
      ...sample.values,
      acc: right ? 1 : 0,
      logprob_gold: (sample.values?.logprob_gold ?? 0) + (right ? 3 : 0),
    },
    spans: (sample.spans ?? []).map((span) => ({
      ...span,
      logprobs: span.logprobs.map((l) => (right ? l + 1 : l)),
    })),
  });

beforeAll(async () => {
  const { code, stderr } = await run(
    'run',
    '--model',
    model,
    '--task',
    at('words.jsonl'),
    '--shots',
    '0',
    '--out',
    at('run'),
  );
  expect(stderr).not.toContain('Error');
  expect(code).toBe(0);
  for (const [name, right] of [
    ['good', true],
    ['bad', false],
  ] as const) {
    cpSync(at('run'), at(name), { recursive: true });
    changeSamples(at(name), as(right));
  }
}, 60_000);

describe('a check ends with the code of its verdict', () => {
  test('0: the same checkpoint, from a baseline file of a few kilobytes', async () => {
    const saved = await run('baseline', 'save', at('run'), at('base.json.gz'));
    expect(saved.code).toBe(0);
    expect(saved.stdout).toMatch(/1 cells, 60 items/);
    expect(statSync(at('base.json.gz')).size).toBeLessThan(8_000);
    const { code, stdout } = await run(
      'check',
      '--baseline',
      at('base.json.gz'),
      '--model',
      model,
      '--out',
      at('again'),
    );
    expect(stdout).toContain('pass: equal');
    expect(stdout).toContain('Pass: no loss beyond the margin in 2 tests.');
    expect(code).toBe(0);
  });

  test('1: a loss, in every report', async () => {
    const files = { junit: at('j.xml'), markdown: at('m.md'), json: at('c.json'), html: at('c.html') };
    const { code, stdout } = await run(
      ...['check', '--baseline', at('good'), '--candidate', at('bad')],
      ...Object.entries(files).flatMap(([name, path]) => [`--${name}`, path]),
    );
    expect(code).toBe(1);
    expect(stdout).toContain('Regressed: 2 of 2 tests regressed.');
    const json = JSON.parse(readFileSync(files.json, 'utf8'));
    expect(json).toMatchObject({ format: 1, exit: 1, verdict: 'regressed', tests: 2 });
    expect(json.cells[0].tests[0]).toMatchObject({
      metric: 'acc',
      change: -100,
      lost: 60,
      won: 0,
      method: 'mcnemar',
    });

    const suites = await junit(files.junit);
    expect(suites).toMatchObject({ tests: 2, failures: 2, errors: 0 });
    expect(suites.testsuite?.[0]?.testcase?.map((c) => [c.name, c.failure?.length])).toEqual([
      ['acc', 1],
      ['logprob_gold', 1],
    ]);
    const xml = new DOMParser().parseFromString(readFileSync(files.junit, 'utf8'), 'text/xml');
    expect([...xml.querySelectorAll('testcase')].map((c) => c.getAttribute('name'))).toEqual([
      'acc',
      'logprob_gold',
    ]);
    expect(xml.querySelectorAll('testcase > failure').length).toBe(2);
    expect(xml.querySelector('testsuites')?.getAttribute('failures')).toBe('2');

    const page = readFileSync(files.html, 'utf8');
    const { document } = parseHTML(page);
    expect(document.querySelectorAll('b').length).toBe(0);
    expect(document.querySelectorAll('tr.regressed').length).toBe(2);
    expect(document.querySelectorAll('td.lost').length).toBe(60);
    expect([...document.querySelectorAll('pre')].some((pre) => pre.textContent?.includes(NASTY))).toBe(true);
    expect(page).not.toMatch(/<script|src=|href=/);

    const markdown = readFileSync(files.markdown, 'utf8');
    expect(markdown).toContain('**regressed**');
    expect(markdown).toContain('60 items lost, 0 won');
    expect(markdown).not.toContain('<b>');
    expect(markdown).not.toContain('@all');
    for (const line of markdown.split('\n').filter((l) => /^\| w\d/.test(l)))
      expect(line.replaceAll('\\|', '').split('|').length).toBe(6);
  });

  test('3: too few items to tell; 0 where that is to pass', async () => {
    cpSync(at('run'), at('few'), { recursive: true });
    changeSamples(at('few'), (sample, i) => (i % 7 === 0 ? as(i % 2 === 0)(sample) : sample));
    const command = ['check', '--baseline', at('run'), '--candidate', at('few')];
    const failed = await run(...command, '--junit', at('few.xml'));
    expect(failed.stdout).toMatch(/inconclusive: about [\d,]+ items would settle it/);
    expect(failed.code).toBe(3);
    const passed = await run(...command, '--on-inconclusive', 'pass', '--junit', at('few-pass.xml'));
    expect(passed.code).toBe(0);
    const of = (name: string, what: string): number =>
      new DOMParser().parseFromString(readFileSync(at(name), 'utf8'), 'text/xml').querySelectorAll(what)
        .length;
    expect(of('few.xml', 'failure')).toBeGreaterThan(0);
    expect(of('few-pass.xml', 'failure')).toBe(0);
    expect(of('few-pass.xml', 'skipped')).toBe(of('few.xml', 'failure'));
  });

  test('2: not comparable, and why; wrong options', async () => {
    const shots = await run(
      'run',
      '--model',
      model,
      '--task',
      at('words.jsonl'),
      '--shots',
      '1',
      '--out',
      at('one'),
    );
    expect(shots.code).toBe(0);
    const refused = await run('check', '--baseline', at('run'), '--candidate', at('one'));
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('not comparable: words at k = 0 is in the baseline');
    for (const [args, sentence] of [
      [['--baseline', at('run')], 'expected --model REF or --candidate DIR'],
      [
        ['--baseline', at('nothing'), '--candidate', at('run')],
        'expected a run folder or a baseline file, found nothing',
      ],
      [
        ['--baseline', at('words.jsonl'), '--candidate', at('run')],
        'expected a file of `evalgpt baseline save`',
      ],
      [['--baseline', at('run'), '--candidate', at('run'), '--max-items', '5'], '--max-items: needs --model'],
      [['--baseline', at('run'), '--candidate', at('run'), '--margin', 'two'], '--margin: expected points'],
      [
        ['--baseline', at('run'), '--candidate', at('run'), '--alpha', '5'],
        '--alpha: expected a number between 0 and 1',
      ],
      [['--baseline', `${at('run')}#other`, '--candidate', at('run')], 'holds no model "other"'],
    ] as const) {
      const { code, stderr } = await run('check', ...args);
      expect(stderr).toContain(sentence);
      expect(stderr.trim().split('\n').length).toBe(1);
      expect(code).toBe(2);
    }
  }, 60_000);
});

test('--max-items stops as soon as all is clear', async () => {
  const sequential = (baseline: string): Promise<Outcome> =>
    run('check', '--baseline', at(baseline), '--model', model, '--max-items', '60');
  const worse = await sequential('good');
  expect(worse.stderr).toContain('50 items a task: regressed');
  expect(worse.stderr).not.toContain('60 items');
  expect(worse.stdout).toContain('Looked at while it ran');
  expect(worse.code).toBe(1);
  // Fifty equal answers do not say that no other is worse; all of them do.
  const same = await sequential('run');
  expect(same.stderr).toContain('50 items a task: inconclusive');
  expect(same.stderr).toContain('60 items a task: pass');
  expect(same.code).toBe(0);
});

test('compare tells without a verdict of the exit code', async () => {
  const { code, stdout } = await run('compare', at('good'), at('bad'));
  expect(stdout).toContain('Regressed: 2 of 2 tests regressed.');
  expect(code).toBe(0);
});

describe('rescore', () => {
  const record = (name: string): RunRecord => JSON.parse(readFileSync(join(at(name), 'run.json'), 'utf8'));

  test('as it was gives what the run gave', async () => {
    const { stdout, code } = await run('rescore', at('run'), '--json');
    expect(code).toBe(0);
    const [now, then] = [(JSON.parse(stdout) as RunRecord).results[0], record('run').results[0]];
    expect(now?.metrics).toEqual(then?.metrics);
    expect(now?.centred).toBe(then?.centred);
  });

  test('another normalisation is a run of its own, and is not compared with the first', async () => {
    const { code } = await run('rescore', at('run'), '--metric', 'acc_norm', '--out', at('norm'));
    expect(code).toBe(0);
    const [now, then] = [record('norm').results[0], record('run').results[0]];
    expect(now?.primary).toBe('acc_norm');
    expect(now?.metrics.acc_norm).toEqual(then?.metrics.acc_norm);
    expect((await run('check', '--baseline', at('norm'), '--candidate', at('norm'))).code).toBe(0);
    const refused = await run('check', '--baseline', at('run'), '--candidate', at('norm'));
    expect(refused.stderr).toContain('not comparable: words at k = 0: rescored is none');
  });

  test('a metric that nothing is stored for is refused', async () => {
    const { code, stderr } = await run('rescore', at('run'), '--metric', 'bleu');
    expect(code).toBe(2);
    expect(stderr).toContain('--metric bleu: no task of');
  });
});

describe('verify', () => {
  test('scores items again and names the files by their hashes', async () => {
    const { code, stdout } = await run('verify', at('run'), '--sample', '20');
    expect(stdout).toContain('20 items (');
    expect(stdout).toContain('Verified:');
    expect(code).toBe(0);
    const found = JSON.parse(readFileSync(join(at('run'), 'verified.json'), 'utf8'));
    expect(found).toMatchObject({ verified: true, items: 20, answers: [], problems: [] });
    expect(Object.keys(found.files).length).toBe(2);
    expect(found.max).toBeLessThan(1e-4);
  });

  test('finds scores that the model does not give, and results that the samples do not give', async () => {
    const { code, stdout } = await run('verify', at('good'), '--sample', '5', '--json');
    expect(code).toBe(1);
    const found = JSON.parse(stdout);
    expect(found.verified).toBe(false);
    expect(found.max).toBeGreaterThan(0.9);
    expect(found.problems[0]).toContain('the results in run.json are not those of the samples');
  });
});

test('verify finds metric values, golds and spans that were changed where results were made of them', async () => {
  const again = ['run', '--model', model, '--task', at('words.jsonl'), '--shots', '0'];
  const forged: Record<string, (sample: Sample) => Sample> = {
    acc: (sample) => ({ ...sample, values: { ...sample.values, acc: 1 } }),
    gold: (sample) => ({
      ...sample,
      gold: sample.prediction as number,
      values: { ...sample.values, acc: 1 },
    }),
    spans: (sample) => ({ ...sample, spans: [] }),
  };
  for (const [name, change] of Object.entries(forged)) {
    cpSync(at('run'), at(`forged-${name}`), { recursive: true });
    changeSamples(at(`forged-${name}`), change);
    // The run itself makes its results of what the samples say.
    expect((await run(...again, '--out', at(`forged-${name}`))).code).toBe(0);
    const { code, stdout } = await run('verify', at(`forged-${name}`), '--sample', '60', '--json');
    expect(JSON.parse(stdout).problems.join('\n')).toMatch(new RegExp(`has other .*${name}`));
    expect(code).toBe(1);
  }
});

describe('the composite action', () => {
  const script = join(root, '.github/actions/check/check.sh');
  const act = (
    baseline: string,
    candidate: string,
    args = '',
  ): { code: number | null; summary: string; output: string } => {
    const [summary, output] = [at(`summary-${baseline}`), at(`output-${baseline}`)];
    const { status } = spawnSync(script, {
      env: {
        ...process.env,
        BASELINE: at(baseline),
        MODEL: '',
        CANDIDATE: at(candidate),
        ARGS: args,
        COMMAND: `${process.execPath} --import tsx ${join(root, 'src/cli/main.ts')}`,
        REPORTS: at(`reports ${baseline}`),
        GITHUB_STEP_SUMMARY: summary,
        GITHUB_OUTPUT: output,
      },
      cwd: root,
    });
    const text = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
    return { code: status, summary: text(summary), output: text(output) };
  };

  test('ends with the code of the check and leaves summary, verdict and reports', () => {
    const { code, summary, output } = act('good', 'bad', '--min-effect\n1\n');
    expect(code).toBe(1);
    expect(summary).toContain('### evalgpt check: Regressed');
    expect(summary).toContain('at least 1 points');
    expect(output).toBe('verdict=regressed\n');
    for (const name of ['junit.xml', 'summary.md', 'check.json', 'check.html'])
      expect(existsSync(join(at('reports good'), name))).toBe(true);
  });

  test('says why nothing could be compared', () => {
    const { code, summary, output } = act('run', 'nowhere');
    expect(code).toBe(2);
    expect(summary).toContain('could not compare');
    expect(summary).toContain('found nothing');
    expect(output).toBe('verdict=\n');
  });

  test('its inputs are those that the script reads', () => {
    const action = readFileSync(join(root, '.github/actions/check/action.yml'), 'utf8');
    const text = readFileSync(script, 'utf8');
    for (const [, name] of action.matchAll(/^ {8}([A-Z]+): \$\{\{ inputs\.\w+ \}\}$/gm))
      expect(text).toContain(`$${name}`.replace('$', ''));
    expect(action).not.toMatch(/run: .*\$\{\{/);
  });
});
