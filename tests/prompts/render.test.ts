import { describe, expect, test } from 'vitest';
import { questionKey, renderPairs } from '../../src/prompts/render.ts';
import type { ChoiceProtocol, PromptProtocol, SpanProtocol } from '../../src/task.ts';
import type { Example } from '../../src/types.ts';

interface Sum extends Example {
  readonly question: string;
  readonly answer: string;
}

const item = (question: string, answer: string): Sum => ({ id: question, question, answer });
const span: SpanProtocol<Sum> = {
  kind: 'span',
  source: 'test',
  context: (e, shots) => `${shots}: ${e.question}=`,
  continuation: (e) => e.answer,
  shot: (e) => `${e.question}=${e.answer}`,
  separator: '\n',
  draw: 'fixed',
  metrics: ['acc'],
};
const choice: ChoiceProtocol<Sum> = {
  ...span,
  kind: 'choice',
  choices: () => ['2', '3'],
  gold: () => 0,
  delimiter: ' ',
};
const wide = (protocol: PromptProtocol<Sum>): PromptProtocol<Example> =>
  protocol as unknown as PromptProtocol<Example>;
const shots = [item('2+2', '4'), item('3+3', '6')];

describe('renderPairs', () => {
  test('span: description, shots with the separator behind each, the context; by number of shots', () => {
    const described: PromptProtocol<Sum> = { ...span, description: (k) => (k === 0 ? '' : `${k} sums:\n\n`) };
    expect(renderPairs(wide(described), item('1+1', '2'), [])).toEqual([
      { context: '0: 1+1=', continuation: '2' },
    ]);
    expect(renderPairs(wide(described), item('1+1', '2'), shots)).toEqual([
      { context: '2 sums:\n\n2+2=4\n3+3=6\n2: 1+1=', continuation: '2' },
    ]);
  });

  test('choice: one pair a choice in order, the delimiter before each, one context for all', () => {
    expect(renderPairs(wide(choice), item('1+1', ''), shots.slice(0, 1))).toEqual([
      { context: '2+2=4\n1: 1+1=', continuation: ' 2' },
      { context: '2+2=4\n1: 1+1=', continuation: ' 3' },
    ]);
  });

  test('partial evaluation: the shots, then a context a choice; what follows is the same', () => {
    const partial: ChoiceProtocol<Sum> = {
      ...choice,
      contexts: (e) => ['2', '3'].map((n) => `${e.question}=${n}`),
      choices: () => ['is right', 'is right'],
    };
    expect(renderPairs(wide(partial), item('1+1', ''), shots.slice(0, 1))).toEqual([
      { context: '2+2=4\n1+1=2', continuation: ' is right' },
      { context: '2+2=4\n1+1=3', continuation: ' is right' },
    ]);
  });

  test('text is taken as it is: no patterns of replacement, no trimming', () => {
    const odd = item('$& $1 {{x}} %s', ' $$ ');
    expect(renderPairs(wide(span), odd, [odd])).toEqual([
      { context: '$& $1 {{x}} %s= $$ \n1: $& $1 {{x}} %s=', continuation: ' $$ ' },
    ]);
  });
});

describe('questionKey', () => {
  test('sentences that are scored whole are told apart by all of their words', () => {
    const whole = { ...span, context: () => 'The', accepts: { share: 0.5, gold: () => true } };
    const [one, other] = [item('a', ' cat'), item('b', ' dog')].map((e) => questionKey(wide(whole), e));
    expect(one).not.toBe(other);
    expect(questionKey(wide({ ...whole, accepts: undefined } as never), item('a', ' cat'))).toBe('the');
  });

  const key = (question: string, answer = 'x'): string =>
    questionKey(wide({ ...span, context: (e) => e.question }), item(question, answer));

  test('is the question, whatever its case, white space and normal form', () => {
    expect(key('  What  IS\n\t1+1 ')).toBe(key('what is 1+1'));
    expect(key('cafe\u0301')).toBe(key('CAFÉ'));
    expect(key('a\u00a0b')).toBe(key('a b'));
    expect(key('1+1', '2')).toBe(key('1+1', '3'));
  });

  test('differs with any word or sign', () => {
    expect(new Set(['1+1', '1+2', '1-1', 'a 1+1', '1 + 1', ''].map((q) => key(q))).size).toBe(6);
  });
});
