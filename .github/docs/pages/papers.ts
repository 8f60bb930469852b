import { table } from './markdown.ts';
import { PAPERS, type Row } from './paper-tables.ts';

/** Each table of the three papers, row by row, and the command that runs it. */
export function papersPage(): string {
  const all = PAPERS.flatMap((paper) => paper.tables.flatMap((t) => t.rows));
  const gaps = all.filter((row) => row.command === undefined).length;
  return `# The papers' tables

Every table of the GPT-1, GPT-2 and GPT-3 papers, row by row, and the command that measures it on a model of yours
(\`gpt2\` stands for it). ${all.length - gaps} rows can be run; ${gaps} cannot, and say why. Published figures stand beside the results in
the report where they are of the same or a comparable model.

The papers' sets of shots are drawn at random for each item: \`--draw per-example\` does that, and is the default of the
protocol \`gpt3\`. What the papers leave open (which detokeniser, which shots, how the stop list was made) is told by
each protocol's source in [the list of tasks](tasks.md#protocols).

${PAPERS.map(({ name, note, tables }) => `## ${name}\n\n${note}\n\n${tables.map(section).join('\n\n')}`).join('\n\n')}
`;
}

function section({ where, title, rows }: (typeof PAPERS)[number]['tables'][number]): string {
  return `### ${where}: ${title}\n\n${table(
    ['row', 'command, or why not', 'metric'],
    rows.map((row) => [row.row, commandText(row), row.metric ?? '']),
  )}`;
}

function commandText({ command, note }: Row): string {
  const shown = command === undefined ? undefined : `\`evalgpt ${command}\``;
  return [shown, note].filter((text) => text !== undefined).join(' ');
}
