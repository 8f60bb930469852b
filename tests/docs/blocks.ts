import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block of a Markdown file. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Its first line, by which a table of blocks names it. */
  readonly first: string;
}

/** The fenced blocks of a file of the repository, in order. */
export function blocksOf(file: string): Block[] {
  const text = readFileSync(`${root}/${file}`, 'utf8');
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', body = '']) => ({
    language,
    text: body,
    first: (body.split('\n')[0] ?? '').replace(/\s+#.*$/, '').trim(),
  }));
}

/** A program with its arguments, as a shell would split them. */
export type Words = readonly string[];

/** The programs that a block of shell calls, one after the other: comments, redirections and variables left out. */
export function programsOf(block: string): Words[] {
  const lines = block.replaceAll('\\\n', ' ').split('\n');
  return lines
    .map((line) => line.replace(/(^|\s)#.*$/, ''))
    .flatMap((line) => line.split(/&&|\||;/))
    .map((part) => part.replace(/[()]/g, ' ').replace(/\s[12]?>\s*\S+/g, ' '))
    .map((part) => [...part.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3] ?? ''))
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
    .filter((words) => words.length > 0 && words[0] !== 'export');
}
