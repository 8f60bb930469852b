import { expect, test } from 'vitest';
import { detokenise } from '../src/detokenise.ts';

test.each([
  ["`` Come in , '' said the cook .", '"Come in," said the cook.'],
  ["` We wo n't go , ' they said ; ` it 's late ! '", "'We won't go,' they said; 'it's late!'"],
  ['You can not have it ( not now ) .', 'You cannot have it (not now).'],
  [
    "She 's gon na call the boys ' uncle -LRB- the tall one -RRB- .",
    "She's gonna call the boys' uncle (the tall one).",
  ],
  ['He paid $ 5 -- or 5 % of it -- to me : why ?', 'He paid $5 -- or 5% of it -- to me: why?'],
  ["They 'd seen him ; I 'll ask , if we 've time ...", "They'd seen him; I'll ask, if we've time..."],
  ['They sang " Old Songs . " and " New Ones " .', 'They sang "Old Songs." and "New Ones".'],
  ['', ''],
])('%s', (tokens, text) => {
  expect(detokenise(tokens)).toBe(text);
});
