import { expect, test } from 'vitest';
import { pairRuns } from '../../src/check/pair.ts';
import { checkRuns, THRESHOLDS } from '../../src/check/verdict.ts';
import { random } from '../../src/stats/random.ts';
import { items, storedCell, storedRun } from '../helpers/stored-run.ts';

test('false alarms on correlated answers, few and many clusters, stay below alpha', () => {
  let alarms = 0;
  const runs = 200;
  for (let rep = 0; rep < runs; rep++) {
    const source = random('alarms', rep);
    const cells = Array.from({ length: 6 }, (_, c) => {
      const size = c % 2 === 0 ? 1 : 5;
      const shared: number[] = [];
      const draw = (i: number): number => {
        const at = Math.floor(i / size);
        shared[at] ??= source.next();
        return shared[at] as number;
      };
      // Answers of a cluster stand or fall together, and each side has its own.
      const side = () =>
        items(120, (i) => {
          const hard = draw(i);
          const right = source.next() < (hard < 0.3 ? 0.2 : 0.9);
          return { cluster: `c${Math.floor(i / size)}`, value: right ? 1 : 0, logprob: -2 - source.next() };
        });
      return [side(), side()] as const;
    });
    const run = (of: 0 | 1) =>
      storedRun(cells.map((sides, c) => storedCell(sides[of], { shots: c, primary: 'acc' })));
    if (checkRuns(pairRuns(run(0), run(1)), THRESHOLDS).verdict === 'regressed') alarms++;
  }
  expect(alarms / runs).toBeLessThan(0.05);
});
