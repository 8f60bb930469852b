import { expect, test } from 'vitest';
import { formatState, parseState, START, type State } from '../../src/report/client/state.ts';

test('what a reader has chosen is an address, and an address gives it back', () => {
  const state: State = {
    ...{ view: 'metric acc_norm', search: 'a & b=#', filter: 'seen', noShots: ['0', 'max'] },
    ...{ noModels: ['x/y z', '漢'], sort: 'gpt2 k=8', descending: true, task: 'rte', example: 'r "1"' },
  };
  expect(parseState(formatState(state))).toEqual(state);
  expect(parseState(formatState({ ...state, descending: false }))).toEqual({ ...state, descending: false });
  expect(formatState(START)).toBe('');
  expect(parseState('')).toEqual(START);
  expect(parseState('nonsense=1&view=')).toEqual(START);
});
