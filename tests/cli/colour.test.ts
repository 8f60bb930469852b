import { afterEach, describe, expect, test, vi } from 'vitest';
import { hasColours, highlight } from '../../src/cli/colour.ts';
import { progressOn } from '../../src/cli/progress.ts';
import { evalgpt } from '../helpers/cli.ts';

const terminal = { isTTY: true } as const;
const pipe = { isTTY: false } as const as unknown as { isTTY: boolean };
const ESCAPE = '\u001b';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

describe('colours', () => {
  test.each<[string, { isTTY: boolean }, NodeJS.ProcessEnv, boolean]>([
    ['a terminal', terminal, {}, true],
    ['a pipe', pipe, {}, false],
    ['a terminal with NO_COLOR', terminal, { NO_COLOR: '1' }, false],
    ['a terminal with NO_COLOR=0, which is set, too', terminal, { NO_COLOR: '0' }, false],
    ['a terminal with an empty NO_COLOR', terminal, { NO_COLOR: '' }, true],
    ['a dumb terminal', terminal, { TERM: 'dumb' }, false],
    ['a pipe with FORCE_COLOR', pipe, { FORCE_COLOR: '1' }, true],
    ['a terminal with FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, false],
    ['FORCE_COLOR against NO_COLOR', terminal, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  ])('%s', (_, stream, env, expected) => {
    expect(hasColours(stream as NodeJS.WriteStream, env)).toBe(expected);
    expect(highlight('warning: x', stream as NodeJS.WriteStream, env).includes(ESCAPE)).toBe(expected);
  });

  test('red for an error, yellow for a warning, and the text is the same without', () => {
    const shown = (text: string): string => highlight(text, terminal as NodeJS.WriteStream, {});
    expect(shown('evalgpt: no')).toBe(`${ESCAPE}[31mevalgpt:${ESCAPE}[39m no`);
    expect(shown('warning: hm')).toBe(`${ESCAPE}[33mwarning:${ESCAPE}[39m hm`);
    expect(shown('a warning: within')).toBe('a warning: within');
  });

  test('an error of the command line, off a terminal and forced', async () => {
    expect((await evalgpt(['rnu'], { env: { FORCE_COLOR: undefined, NO_COLOR: undefined } })).stderr).toMatch(
      /^evalgpt: no command/,
    );
    expect((await evalgpt(['rnu'], { env: { FORCE_COLOR: '1', NO_COLOR: undefined } })).stderr).toContain(
      `${ESCAPE}[31mevalgpt:`,
    );
  });
});

describe('progress', () => {
  function on(isTTY: boolean): { written: string[]; progress: ReturnType<typeof progressOn> } {
    const written: string[] = [];
    const stream = { isTTY, columns: 20, write: (text: string) => written.push(text) };
    return { written, progress: progressOn(stream as unknown as NodeJS.WriteStream) };
  }
  const later = (ms: number): void => {
    vi.advanceTimersByTime(ms);
  };

  test('rewrites its line on a terminal, cut to the width, and clears it', () => {
    vi.useFakeTimers();
    vi.stubEnv('TERM', 'xterm');
    const { written, progress } = on(true);
    progress.update('a state of more than twenty columns');
    progress.end();
    expect(written).toEqual([`\r${ESCAPE}[Ka state of more tha`, `\r${ESCAPE}[K`]);
  });

  test.each<[string, boolean, string]>([
    ['off a terminal', false, 'xterm'],
    ['on a dumb one', true, 'dumb'],
  ])('plain lines now and then %s', (_, isTTY, term) => {
    vi.useFakeTimers();
    vi.stubEnv('TERM', term);
    const { written, progress } = on(isTTY);
    for (let i = 0; i < 300; i++) {
      progress.update(`state ${i}`);
      later(100);
    }
    progress.note('done');
    progress.end();
    expect(written).toEqual(['state 100\n', 'state 200\n', 'done\n']);
  });
});
