import { describeRun, formatChange, formatP, headline, type Outcome, verdictText } from './outcome.ts';
import type { JudgedTest } from './verdict.ts';

/**
 * A check as JUnit XML, as CI systems read it: a suite a cell, a case a test. A regression fails; an inconclusive test
 * fails too, or is skipped where that passes.
 */
export function outcomeJunit(outcome: Outcome, onInconclusive: 'pass' | 'fail'): string {
  const { cells } = outcome.result;
  const suites = cells.map(({ task, shots, tests }) => {
    const name = `${task} k=${shots}`;
    const cases = tests.map((test) => testCase(test, name, onInconclusive));
    return `  <testsuite ${attributes({ name, ...counts(tests, onInconclusive) })}>\n${cases.join('')}  </testsuite>\n`;
  });
  const all = cells.flatMap((cell) => cell.tests);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${attributes({ name: 'evalgpt check', ...counts(all, onInconclusive) })}>\n${suites.join('')}</testsuites>\n`.replace(
    '<testsuites',
    () => `<!-- ${comment(outcome)} -->\n<testsuites`,
  );
}

function comment(outcome: Outcome): string {
  const { baseline, candidate } = outcome;
  const text = `${headline(outcome)} Baseline: ${describeRun(baseline)}. Candidate: ${describeRun(candidate)}.`;
  // Two hyphens end a comment.
  return escapeXml(text).replaceAll('--', '- -');
}

function counts(
  tests: readonly JudgedTest[],
  onInconclusive: 'pass' | 'fail',
): Record<'tests' | 'failures' | 'errors' | 'skipped' | 'time', number> {
  const count = (verdict: string): number => tests.filter((test) => test.verdict === verdict).length;
  const open = count('inconclusive');
  return {
    tests: tests.length,
    failures: count('regressed') + (onInconclusive === 'fail' ? open : 0),
    errors: 0,
    skipped: onInconclusive === 'pass' ? open : 0,
    time: 0,
  };
}

function testCase(test: JudgedTest, suite: string, onInconclusive: 'pass' | 'fail'): string {
  const { metric, verdict, baseline, candidate, unit, n } = test;
  const message = `${verdictText(test)}: ${metric} ${formatChange(test)} ${unit} (${baseline.toPrecision(4)} to ${candidate.toPrecision(4)}, n = ${n}, p after Holm ${formatP(test.adjusted)})`;
  const head = `    <testcase ${attributes({ name: metric, classname: suite, time: 0 })}`;
  const wrap = (inner: string): string => `${head}>\n      ${inner}\n    </testcase>\n`;
  if (verdict === 'inconclusive' && onInconclusive === 'pass')
    return wrap(`<skipped ${attributes({ message })}/>`);
  if (verdict === 'regressed' || verdict === 'inconclusive')
    return wrap(`<failure ${attributes({ message, type: verdict })}>${escapeXml(message)}</failure>`);
  return wrap(`<system-out>${escapeXml(message)}</system-out>`);
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escapeXml(String(value))}"`)
    .join(' ');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Escaped, without the characters that XML 1.0 cannot hold. */
function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: those that XML forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
      .replace(/[&<>"]/g, (c) => ENTITIES[c] ?? c)
  );
}
