import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_SPEC } from '../../src/evaluate/evaluate.ts';
import { promptTexts, tokenTexts } from '../../src/evaluate/item-texts.ts';
import { loadTask, selectTasks } from '../../src/evaluate/load.ts';
import type { Tokenizer } from '../../src/types.ts';

const before = process.env.EVALGPT_DATA;
beforeAll(() => {
  process.env.EVALGPT_DATA = fileURLToPath(new URL('../../datasets/samples', import.meta.url));
});
afterAll(() => {
  process.env.EVALGPT_DATA = before;
});

const texts = async (name: string, protocol: 'gpt3' | null = null) => {
  const [task] = selectTasks([name]);
  const loaded = await loadTask(task!, { ...DEFAULT_SPEC, models: [], limit: 3, protocol }, () => {});
  const shots = new Set(loaded.examples.flatMap((example) => loaded.shots[0]!(example, 2)));
  const lines = promptTexts(loaded, shots)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { loaded, shots, lines };
};

test('a line of the task, one an item in the order of the data, and the shots that are no items', async () => {
  const { loaded, shots, lines } = await texts('anli-r1');
  expect(lines[0]).toEqual({ kind: 'choice', separator: expect.any(String), descriptions: ['', ''] });
  expect(lines.slice(1, 4).map((line) => line.id)).toEqual(loaded.examples.map((e) => e.id));
  expect(lines[1].choices).toHaveLength(3);
  expect(lines[1].context).not.toBe('');
  expect(lines[1]).not.toHaveProperty('behind');
  const solved = lines.filter((line) => line.shot !== undefined).map((line) => line.id);
  expect(new Set(solved)).toEqual(new Set([...shots].map((shot) => shot.id)));
});

test('wording that shots change is kept in both forms', async () => {
  const { lines } = await texts('lambada', 'gpt3');
  expect(lines[0].descriptions).toEqual(['', 'Fill in blank:\n\n']);
  expect(lines[1].behind).not.toBe(lines[1].context);
  expect(lines[1].continuation).not.toBe('');
});

test('a vocabulary is a list by token id', () => {
  const tokenizer = {
    vocabularySize: 3,
    decode: (ids) => ids.map((id) => 'ab\u2028'[id]).join(''),
  } as Tokenizer;
  expect(JSON.parse(tokenTexts(tokenizer))).toEqual(['a', 'b', '\u2028']);
});
