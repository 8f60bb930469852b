import { expect, test } from 'vitest';
import { coverageOf, simulations } from '../helpers/coverage.ts';

// Few simulations with bounds that allow for chance: tests/bench/coverage.ts measures, this notices what breaks.
test.each(simulations())('$name holds the truth about as often as it says', (simulated) => {
  const dear = simulated.runs < 1000;
  const held = coverageOf(simulated, dear ? 40 : 400);
  expect(held).toBeGreaterThan(simulated.least ?? (dear ? 0.8 : 0.88));
  // An interval that is far too wide never misses.
  if (!dear) expect(held).toBeLessThan(0.995);
});
