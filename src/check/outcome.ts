import { formatValue } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import type { StoredRun } from './items.ts';
import { modelOf } from './pair.ts';
import type { CellTest } from './tests.ts';
import type { CheckResult, JudgedTest } from './verdict.ts';

/** What was compared with what, and what came of it: all that the reports of a check are made from. */
export interface Outcome {
  readonly baseline: StoredRun;
  readonly candidate: StoredRun;
  readonly result: CheckResult;
}

/** A run's model in words. */
export function describeRun(run: StoredRun): string {
  const { sha256 = '' } = modelOf(run) ?? {};
  return `${run.model}${sha256 ? ` (${sha256.slice(0, 8)})` : ''} in ${run.path}`;
}

/** The verdict on the whole in one sentence. */
export function headline({ result }: Outcome): string {
  const all = result.cells.flatMap((cell) => cell.tests);
  const count = (verdict: string): number => all.filter((test) => test.verdict === verdict).length;
  const of = (verdict: string): string => `${count(verdict)} of ${all.length} tests ${verdict}`;
  switch (result.verdict) {
    case 'regressed':
      return `Regressed: ${of('regressed')}.`;
    case 'inconclusive':
      return all.length === 0
        ? 'Inconclusive: nothing was tested.'
        : `Inconclusive: no test regressed, ${of('inconclusive')}.`;
    case 'improved':
      return `Improved: no test regressed, ${of('improved')}.`;
    case 'pass':
      return `Pass: no loss beyond the margin in ${all.length} tests.`;
  }
}

/** What the verdicts mean, with the thresholds that they were made with. */
export function rules({ result }: Outcome): string {
  const { alpha, minEffect, margin } = result.thresholds;
  return `Regressed: p <= ${alpha} after Holm's adjustment over ${result.tests} tests, and a loss of at least ${minEffect.points} points or ${minEffect.nats} nats a token. Pass: a loss of more than ${margin.points} points or ${margin.nats} nats is ruled out at 95 %.`;
}

/** A test's row: what every table of a check shows. */
export function testRow(test: JudgedTest): string[] {
  const { metric, n, clusters, baseline, candidate } = test;
  return [
    test.task,
    String(test.shots),
    metric,
    clusters < n ? `${n} in ${clusters}` : String(n),
    formatValue(metric, baseline),
    formatValue(metric, candidate),
    formatChange(test),
    formatBounds(test),
    formatP(test.adjusted),
    verdictText(test),
  ];
}

export const HEADER: readonly string[] = [
  'task',
  'k',
  'metric',
  'n',
  'baseline',
  'candidate',
  'change',
  '95 % interval',
  'p (Holm)',
  'verdict',
];

/** Points with two decimals, nats with four, and the sign. */
export function formatChange({ change, unit }: Pick<CellTest, 'change' | 'unit'>): string {
  const text = Math.abs(change).toFixed(unit === 'points' ? 2 : 4);
  return change < 0 && Number(text) !== 0 ? `-${text}` : `+${text}`;
}

function formatBounds({ ci95, unit }: CellTest): string {
  return ci95 === null ? '' : ci95.map((change) => formatChange({ change, unit })).join(' to ');
}

export function formatP(p: number): string {
  if (p >= 0.995) return '1';
  return p >= 0.001 ? p.toFixed(3) : p.toExponential(1);
}

export function verdictText({ verdict, needed, equal }: JudgedTest): string {
  if (verdict === 'inconclusive')
    return needed === null
      ? verdict
      : `${verdict}: about ${needed.toLocaleString('en-US')} items would settle it`;
  return equal && verdict === 'pass' ? 'pass: equal' : verdict;
}

/** A check as plain text. */
export function outcomeTable(outcome: Outcome): string {
  const { baseline, candidate, result } = outcome;
  const rows = result.cells.flatMap((cell) => cell.tests.map(testRow));
  return [
    `baseline   ${describeRun(baseline)}`,
    `candidate  ${describeRun(candidate)}`,
    '',
    formatTable(HEADER, rows),
    '',
    rules(outcome),
    ...result.notes.map((note) => `note: ${note}`),
    headline(outcome),
  ].join('\n');
}

/** A check as JSON: every test with plain numbers. */
export function outcomeJson(outcome: Outcome, exit: number): string {
  const { baseline, candidate, result } = outcome;
  const run = (of: StoredRun): object => ({ path: of.path, model: modelOf(of) ?? of.model });
  const value = { format: 1, exit, ...result, baseline: run(baseline), candidate: run(candidate) };
  return `${JSON.stringify(value, null, 2)}\n`;
}
