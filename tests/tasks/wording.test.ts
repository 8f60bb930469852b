import { expect, test } from 'vitest';
import { renderPairs } from '../../src/prompts/render.ts';
import type { PromptProtocol } from '../../src/task.ts';
import type { Example, ProtocolName } from '../../src/types.ts';
import { tasks } from '../../tasks/index.ts';

const taskOf = (name: string) => {
  const task = tasks.find((t) => t.name === name);
  if (!task) throw new Error(`no task ${name}`);
  return task;
};
const continuations = (name: string, protocol: ProtocolName, example: unknown): string[] => {
  const own = taskOf(name).protocols[protocol] as unknown as PromptProtocol<Example>;
  return renderPairs(own, example as Example, []).map(({ continuation }) => continuation);
};

test("Winograd's rest stands as it is written: a full stop close to the candidate, words behind a space", () => {
  const schema = (rest: string) => ({
    ...{ id: '1', sentence: `The cat is behind the _${rest}`, answer: 1, rest },
    begun: ['The cat is behind the pillar', 'The cat is behind the door'],
  });
  for (const protocol of ['gpt1', 'gpt2', 'gpt3'] as const) {
    expect(continuations('winograd', protocol, schema('.'))).toEqual(['.', '.']);
    expect(continuations('winograd', protocol, schema('is old.'))).toEqual([' is old.', ' is old.']);
  }
  // lm-eval puts its delimiter before what follows the pronoun, space included.
  expect(continuations('winograd', 'lm-eval', schema('.'))).toEqual([' .', ' .']);
  expect(continuations('winograd', 'lm-eval', schema('is old.'))).toEqual(['  is old.', '  is old.']);
  // What a corpus would hold of it is the sentence without a blank.
  expect(taskOf('winograd').fields?.(schema('.') as never)).toEqual({
    context: 'The cat is behind the door.',
  });
});

test("TriviaQA's shots: the answer under gpt3, the first alias under lm-eval", () => {
  const fact = { id: '1', question: 'Who painted it', answers: ['Old Vecellio', 'Titian'], value: 'Titian' };
  const { protocols, fields } = taskOf('triviaqa');
  const shot = (protocol: ProtocolName): string =>
    (protocols[protocol] as unknown as PromptProtocol<Example>).shot(fact as never);
  expect(shot('gpt3')).toBe('Q: Who painted it?\n\nA: Titian');
  expect(shot('lm-eval')).toBe('Question: Who painted it?\nAnswer: Old Vecellio');
  expect(fields?.(fact as never)).toEqual({ question: 'Who painted it', answer: 'Titian' });
});

test("WNLI's shots are of its training set, and of no sentence of the scored item's", () => {
  const { shotSplits, split } = taskOf('wnli');
  expect([shotSplits, split]).toEqual([['train'], 'validation']);
});
