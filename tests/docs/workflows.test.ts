import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './blocks.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const listed = (folder: string): string[] =>
  readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
const workflows = listed('.github/workflows');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

/** The scripts below `run:` of a workflow, whose steps stand in blocks or on one line. */
function runsOf(yaml: string): string[] {
  const lines = yaml.split('\n');
  return lines.flatMap((line, i) => {
    const [, indent = '', text = ''] = /^(\s*)(?:- )?run: (.*)$/.exec(line) ?? [];
    if (text === '') return [];
    if (text !== '|') return [text];
    const body = lines.slice(i + 1);
    const end = body.findIndex((l) => l.trim() !== '' && l.search(/\S/) <= indent.length);
    return [body.slice(0, end < 0 ? undefined : end).join('\n')];
  });
}

describe('workflows and templates', () => {
  test.each([...workflows, ...listed('.github/ISSUE_TEMPLATE')])('%s is YAML of plain structure', (path) => {
    let inBlock = -1;
    for (const line of read(path)
      .split('\n')
      .filter((l) => l.trim() !== '' && !/^\s*#/.test(l))) {
      const indent = line.search(/\S/);
      if (inBlock >= 0 && indent > inBlock) continue;
      inBlock = /: \|$/.test(line) ? indent : -1;
      expect(indent % 2, line).toBe(0);
      expect(line).not.toContain('\t');
      expect(line, line).toMatch(/^\s*(- )?([\w-]+:( .+)?|\S.*)$/);
      // A plain value may hold no ": " and no " #".
      const value = /^\s*(?:- )?[\w-]+: ([^'"[{|>].*)$/.exec(line)?.[1] ?? '';
      expect(value, line).not.toMatch(/: |\s#/);
    }
  });

  test.each(workflows)(
    '%s: its npm commands are there, its actions pinned, and no secret is named',
    (path) => {
      const text = read(path);
      const commands = runsOf(text).flatMap((script) => [...script.matchAll(/npm (\S+)(?: (\S+))?/g)]);
      expect(commands.length).toBeGreaterThan(0);
      for (const [said, verb, name] of commands) {
        if (verb === 'run') expect(Object.keys(scripts), said).toContain(name);
        else expect(['ci', 'test', 'pkg', 'publish'], said).toContain(verb);
      }
      const used = [...text.matchAll(/uses: (\S+)/g)].map(([, action]) => action ?? '');
      for (const action of used) expect(action).toMatch(/^actions\/[\w-]+@v\d+$/);
      expect(text).not.toContain('secrets.');
      expect(text).toMatch(/^permissions:\n {2}contents: read$/m);
    },
  );

  test('ci runs on the oldest Node that package.json allows', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    expect(read('.github/workflows/ci.yml')).toContain(`'${engines.node.replace('>=', '')}'`);
    expect(existsSync(join(root, '.ci/run'))).toBe(true);
  });

  test('a release is refused where the tag, the version and the changelog do not agree', () => {
    const text = read('.github/workflows/release.yml');
    expect(text).toContain('id-token: write');
    expect(text).toContain('npm publish --provenance --access public');
    const script = runsOf(text).find((run) => run.includes('TAG')) ?? '';
    const folder = mkdtempSync(join(tmpdir(), 'evalgpt-release-'));
    const code = (tag: string, changelog: string): number => {
      writeFileSync(join(folder, 'package.json'), '{"version": "1.2.3"}');
      writeFileSync(join(folder, 'CHANGELOG.md'), changelog);
      try {
        const env = { ...process.env, TAG: tag };
        execFileSync('bash', ['-eo', 'pipefail', '-c', script], { cwd: folder, env, stdio: 'pipe' });
        return 0;
      } catch (error) {
        return (error as { status: number }).status;
      }
    };
    expect(code('v1.2.3', '# Changelog\n\n## 1.2.3 (2026-11-23)\n')).toBe(0);
    expect(code('v1.2.4', '# Changelog\n\n## 1.2.3\n')).toBe(1);
    expect(code('v1.2.3', '# Changelog\n\n## Unreleased\n\n1.2.3\n')).toBe(1);
    rmSync(folder, { recursive: true });
  });
});
