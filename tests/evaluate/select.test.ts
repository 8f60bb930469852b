import { expect, test } from 'vitest';
import { selectTasks } from '../../src/evaluate/load.ts';

test('tasks by name, group and glob, each once, in the order asked', () => {
  const names = (...asked: string[]): string[] => selectTasks(asked).map(({ name }) => name);
  expect(names('anli', 'rte', 'anli-r1')).toEqual(['anli-r1', 'anli-r2', 'anli-r3', 'rte']);
  expect(names('race-*')).toEqual(['race-m', 'race-h']);
  expect(names('mmlu')).toHaveLength(57);
  expect(() => selectTasks(['superglu'])).toThrow(/no task "superglu".*did you mean superglue/);
});
