import { coverageOf, simulations } from '../helpers/coverage.ts';

/** How often the intervals that a report prints hold the truth: nominal 95 %. Seeded: the same numbers every time. */
console.log('| interval | simulations | held the truth, % |\n|---|---|---|');
for (const simulated of simulations()) {
  const held = coverageOf(simulated, simulated.runs);
  console.log(`| ${simulated.name} | ${simulated.runs} | ${(100 * held).toFixed(1)} |`);
}
