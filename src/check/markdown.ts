import { html } from '../report/html.ts';
import type { CellFlips } from './flips.ts';
import { describeRun, HEADER, headline, type Outcome, rules, testRow } from './outcome.ts';

/** Flipped items that a summary names in each cell. */
const SHOWN = 10;

/** A check for a pull request or a job's summary, in GitHub's Markdown. */
export function outcomeMarkdown(outcome: Outcome, flips: readonly CellFlips[]): string {
  const { baseline, candidate, result } = outcome;
  const line = (cells: readonly string[]): string => `| ${cells.map(markdown).join(' | ')} |\n`;
  const tests = result.cells.flatMap((cell) => cell.tests);
  const rows = (own: typeof tests): string =>
    [
      line(HEADER),
      `| --- | --: | --- | --: | --: | --: | --: | --- | --: | --- |\n`,
      ...own.map((test) => {
        const row = testRow(test);
        const verdict = markdown(row.pop() ?? '');
        const strong = test.verdict === 'regressed' ? `**${verdict}**` : verdict;
        return `${line(row).trimEnd()} ${strong} |\n`;
      }),
    ].join('');
  const told = tests.filter(({ verdict }) => verdict !== 'pass');
  const passed = tests.filter(({ verdict }) => verdict === 'pass');
  return [
    `### evalgpt check: ${headline(outcome)}\n\n`,
    `Baseline: ${markdown(describeRun(baseline))}<br>\nCandidate: ${markdown(describeRun(candidate))}\n\n`,
    ...(told.length > 0 ? [rows(told), '\n'] : []),
    ...(passed.length > 0 ? [details(`${passed.length} tests passed`, rows(passed))] : []),
    ...flips.map((cell) => details(flipTitle(cell), flipTable(cell))),
    ...result.notes.map((note) => `- ${markdown(note)}\n`),
    `\n<sub>${markdown(rules(outcome))}</sub>\n`,
  ].join('');
}

function flipTitle({ task, shots, lost, won }: CellFlips): string {
  return `${task} at k = ${shots}: ${lost} items lost, ${won} won`;
}

function flipTable({ flips }: CellFlips): string {
  const rows = flips.slice(0, SHOWN).map(({ id, before, after, answers, text }) => {
    const answer = answers[0] === answers[1] ? answers[0] : `${answers[0]} → ${answers[1]}`;
    const cells = [id, `${round(before)} → ${round(after)}`, answer, text === null ? '' : tail(text)];
    return `| ${cells.map(markdown).join(' | ')} |\n`;
  });
  return `| item | score | answer | end of its text |\n| --- | --- | --- | --- |\n${rows.join('')}`;
}

function tail(text: string): string {
  return text.length > 120 ? `…${text.slice(-120)}` : text;
}

function round(value: number): string {
  return String(Number(value.toFixed(3)));
}

function details(summary: string, body: string): string {
  // Within a line of HTML no Markdown is read.
  return `<details><summary>${html`${summary}`}</summary>\n\n${body}\n</details>\n\n`;
}

/** Text as Markdown that reads as itself: no element, link, emphasis, mention or new column. */
function markdown(text: string): string {
  return text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .replace(/[\\`*_[\]<>|&#!~]/g, (c) => `\\${c}`)
    .replaceAll('@', '@\u200b');
}
