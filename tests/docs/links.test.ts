import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './blocks.ts';

const LEFT_OUT = /^(node_modules|dist|coverage|\.git)$/;

function pages(folder = root): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (LEFT_OUT.test(name) || relative(root, path) === 'reports/runs') return [];
    if (statSync(path).isDirectory()) return pages(path);
    return name.endsWith('.md') ? [relative(root, path)] : [];
  });
}

/** A page without its blocks of code, whose brackets are no links. */
const prose = (file: string): string => readFileSync(join(root, file), 'utf8').replace(/^```.*?^```$/gms, '');

/** What GitHub makes of a page's headings: lower case, no punctuation, hyphens for spaces, a number behind a repeated one. */
function anchors(file: string): Set<string> {
  const seen = new Map<string, number>();
  const found = new Set<string>();
  for (const [, heading = ''] of prose(file).matchAll(/^#{1,6} (.+)$/gm)) {
    const text = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase();
    const slug = text.replace(/[^\p{L}\p{N}\p{M} _-]/gu, '').replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    found.add(before === 0 ? slug : `${slug}-${before}`);
  }
  for (const [, id = ''] of prose(file).matchAll(/<a id="([^"]+)"/g)) found.add(id);
  return found;
}

describe('links of the pages', () => {
  test.each(pages())('%s: every file and anchor is there', (file) => {
    const links = [
      ...prose(file)
        .replace(/`[^`\n]*`/g, '')
        .matchAll(/\]\(([^)\s]+)\)/g),
    ].map(([, to]) => to ?? '');
    for (const link of links.filter((to) => !/^[a-z]+:/.test(to))) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : relative(root, resolve(root, dirname(file), path));
      expect(existsSync(join(root, target)), `${file}: ${link}`).toBe(true);
      if (anchor !== undefined) expect([...anchors(target)], `${file}: ${link}`).toContain(anchor);
    }
  });

  test('a link in a page is to a file that git has, or to the web', () => {
    const all = pages().flatMap((file) =>
      [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to]) => to ?? ''),
    );
    expect(all.length).toBeGreaterThan(50);
    expect(all.filter((to) => /^(\/|file:|http:)/.test(to))).toEqual([]);
  });
});

test('the tree in the README names every folder of the sources', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const tree = readme.slice(readme.indexOf('## What is where'));
  for (const name of readdirSync(join(root, 'src'), { withFileTypes: true }))
    if (name.isDirectory()) expect(tree).toMatch(new RegExp(`(^  |, )${name.name}(\\s|,|$)`, 'm'));
  for (const name of ['src/', 'tasks/', 'datasets/', '.github/', 'reports/', 'tests/'])
    expect(tree).toContain(`\n${name}`);
});

test('the README is short', () => {
  expect(readFileSync(join(root, 'README.md'), 'utf8').split('\n').length).toBeLessThanOrEqual(200);
});
