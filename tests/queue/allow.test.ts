import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkAllowed } from '../../src/queue/allow.ts';

const parent = mkdtempSync(join(tmpdir(), 'evalgpt-allow-'));
afterAll(() => rmSync(parent, { recursive: true, force: true }));
const [models, other] = [join(parent, 'models'), join(parent, 'models-of-others')];
mkdirSync(join(models, 'gpt2'), { recursive: true });
mkdirSync(other);
writeFileSync(join(models, 'text.txt'), 'text');
writeFileSync(join(models, 'task.mjs'), '');
writeFileSync(join(other, 'secret.txt'), 'text');
symlinkSync(other, join(models, 'link'));

const nothing = { models: [], texts: [], taskFiles: [], overlap: [] };
const allowed = { folders: [models], modules: [] };
const check = (more: Partial<typeof nothing> | Record<string, string[]>, by = allowed): Promise<void> =>
  checkAllowed({ ...nothing, ...more }, by);

describe('a worker may read', () => {
  test.each([
    { models: ['gpt2', 'openai-community/gpt2', 'demo-tiny', join(models, 'gpt2'), models] },
    { texts: [join(models, 'text.txt')] },
    { overlap: ['datasets/demo/overlap.jsonl'] },
  ])('%j', async (spec) => {
    await expect(check(spec)).resolves.toBe(undefined);
  });
  test('a module that it was started with', async () => {
    const task = join(models, 'task.mjs');
    await expect(check({ taskFiles: [task] })).rejects.toThrow(/is a program, which is not run here/);
    await expect(check({ taskFiles: [task] }, { ...allowed, modules: [task] } as never)).resolves.toBe(
      undefined,
    );
  });
});

describe('it may not read', () => {
  test.each<Record<string, string[]>>([
    { models: ['/etc'] },
    { models: [other] },
    { models: [`${models}/../models-of-others`] },
    { models: [join(models, 'link')] },
    { models: ['src'] },
    { models: ['http://127.0.0.1/v1#m'] },
    { models: ['/nonexistent/model'] },
    { texts: [join(models, 'link', 'secret.txt')] },
    { overlap: ['/etc/passwd'] },
    { taskFiles: ['/etc/passwd.csv'] },
  ])('%j', async (spec) => {
    await expect(check(spec)).rejects.toThrow(/may not be read here: start the worker with --allow FOLDER/);
  });
});
