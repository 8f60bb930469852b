import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { complete } from '../../src/cli/complete.ts';
import { evalgpt } from '../helpers/cli.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const hasBash = spawnSync('bash', ['--version']).status === 0;

describe('completion', () => {
  test.each<[string, string[], string[]]>([
    ['commands', ['ch'], ['check']],
    ['the command that prints the script', ['comp'], ['compare', 'completion']],
    ['options', ['run', '--dr'], ['--draw', '--draws', '--dry-run']],
    ['options that are not given yet', ['run', '--draw', 'fixed', '--dr'], ['--draws', '--dry-run']],
    ['choices', ['run', '--device', ''], ['auto', 'cpu', 'cuda', 'webgpu']],
    ['protocols', ['tasks', 'rte', '--protocol', 'gpt'], ['gpt1', 'gpt2', 'gpt3']],
    ['precisions', ['score', '--dtype', 'fp'], ['fp32', 'fp16']],
    ['tasks', ['run', '--tasks', 'anli-'], ['anli-r1', 'anli-r2', 'anli-r3']],
    ['groups', ['run', '--tasks', 'supergl'], ['superglue']],
    [
      'what stands behind a comma',
      ['run', '--tasks', 'rte,anli-'],
      ['rte,anli-r1', 'rte,anli-r2', 'rte,anli-r3'],
    ],
    [
      'what is not in the list yet',
      ['run', '--tasks', 'anli-r2,anli-r'],
      ['anli-r2,anli-r1', 'anli-r2,anli-r3'],
    ],
    ['behind = in one word', ['run', '--tasks=anli-r1'], ['--tasks=anli-r1']],
    ['behind = in three words', ['run', '--tasks', '=', 'anli-r1'], ['anli-r1']],
    ['bundled models', ['run', '--model', 'demo-t'], ['demo-tiny']],
    ['aliases', ['run', '--model', 'demo-tiny,gpt2-x'], ['demo-tiny,gpt2-xl']],
    ['metrics', ['rescore', 'dir', '--metric', 'acc_b'], ['acc_byte']],
    ['actions', ['data', ''], ['list', 'pull', 'verify', 'import']],
    ['names behind an action', ['data', 'pull', 'rte', 'anli-r'], ['anli-r1', 'anli-r2']],
    ['models behind an action', ['models', 'pull', 'distil'], ['distilgpt2']],
    ['a task to show', ['tasks', '--shots', '2', 'rt'], ['rte']],
    ['nothing for a file', ['score', '--input', ''], []],
    ['nothing for a folder', ['report', ''], []],
    ['nothing after what is no command', ['nonsense', ''], []],
  ])('%s', async (_, words, found) => {
    const completed = await complete(words);
    for (const one of found) expect(completed).toContain(one);
    if (found.length === 0) expect(completed).toEqual([]);
    for (const one of completed) expect(one.startsWith(words.at(-1) as string)).toBe(true);
  });

  test('what is given already is not offered again', async () => {
    expect(await complete(['run', '--tasks', 'anli-r2,anli-r'])).toEqual([
      'anli-r2,anli-r1',
      'anli-r2,anli-r3',
    ]);
    expect(await complete(['run', '--dry-run', '--dr'])).toEqual(['--draw', '--draws']);
    expect(await complete(['data', 'p'])).toEqual(['pull']);
  });

  test('the command line answers what the script asks, and loads no runtime for it', () => {
    const asked = [
      '--get-yargs-completions',
      'evalgpt',
      'run',
      '--model',
      'demo-tiny',
      '--tasks',
      'rte,super',
    ];
    const loads = `process.on('exit', () => process.stderr.write(JSON.stringify(process.report.getReport().sharedObjects.filter((name) => name.endsWith('.node')))));`;
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--import', 'tsx', '--import', `data:text/javascript,${encodeURIComponent(loads)}`, main, ...asked],
      { encoding: 'utf8' },
    );
    expect(status).toBe(0);
    expect(stdout).toBe('rte,superglue\n');
    expect(stderr).toBe('[]');
  });

  test.skipIf(!hasBash)('bash completes by the script', () => {
    const ask = (...words: string[]): string[] => {
      const quoted = words.map((word) => `'${word}'`).join(' ');
      const script = `
        evalgpt() { '${process.execPath}' --import tsx '${main}' "$@"; }
        source <(evalgpt completion)
        COMP_WORDS=(evalgpt ${quoted}); COMP_CWORD=${words.length}
        _evalgpt_yargs_completions
        printf '%s\\n' "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', script], {
        encoding: 'utf8',
        env: { ...process.env, SHELL: '/bin/bash' },
      })
        .trim()
        .split('\n');
    };
    expect(ask('resc')).toEqual(['rescore']);
    expect(ask('run', '--tasks', 'rte,anli-r')).toEqual(['rte,anli-r1', 'rte,anli-r2', 'rte,anli-r3']);
    expect(ask('run', '--input-no-such', '')).toEqual(['']);
  });

  test('zsh is given its own script', async () => {
    const { stdout, code } = await evalgpt(['completion'], { env: { SHELL: '/usr/bin/zsh' } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^#compdef evalgpt\n/);
  });
});
