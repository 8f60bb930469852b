import { tasks } from '../../tasks/index.ts';
import { isTaskFile, openTaskFiles } from '../custom/open.ts';
import { readCard } from '../data/card.ts';
import { findSplit } from '../data/split.ts';
import { UserError } from '../errors.ts';
import { DEFAULT_SPEC } from '../evaluate/evaluate.ts';
import { loadTask, selectTasks } from '../evaluate/load.ts';
import { inspectModel } from '../models/open.ts';
import { promptBuilder } from '../prompts/fit.ts';
import { renderPairs } from '../prompts/render.ts';
import { type FigureRange, figureRanges } from '../published/join.ts';
import { readFigures } from '../published/read.ts';
import { formatValue } from '../report/format.ts';
import type { Task } from '../task.ts';
import type { ProtocolName, Tokenizer } from '../types.ts';

/** One line a task: name, whether its data is here, and what it is. */
export function listTasks(json: boolean): string {
  const rows = tasks.map((task) => {
    const card = readCard(task.dataset);
    return {
      name: task.name,
      version: task.version,
      title: task.title,
      dataset: task.dataset,
      split: task.split,
      examples: task.examples ?? null,
      protocols: Object.keys(task.protocols),
      protocol: task.protocol,
      chance: task.chance,
      paperShots: task.paperShots ?? null,
      data: findSplit(card, task.split) === undefined ? 'missing' : 'present',
    };
  });
  if (json) return JSON.stringify(rows, null, 2);
  const width = Math.max(...rows.map((row) => row.name.length));
  return rows
    .map(
      (row) =>
        `${row.name.padEnd(width)}  data ${row.data.padEnd(7)}  ${String(row.examples ?? '').padStart(6)}  ${row.title}`,
    )
    .join('\n');
}

export interface ShowOptions {
  readonly shots: number;
  readonly model: string | undefined;
  readonly protocol: ProtocolName | undefined;
  readonly json: boolean;
}

/**
 * A task's definition and the prompt of its first item, with token counts where a model is named; those of all tasks
 * where a file of the user's is named.
 */
export async function showTask(name: string, options: ShowOptions): Promise<string> {
  const shown: string[] = [];
  const tasks = isTaskFile(name) ? await openTaskFiles([name]) : selectTasks([name]).slice(0, 1);
  for (const task of tasks) shown.push(await show(task, options));
  if (shown.length === 1 || !options.json) return shown.join('\n\n');
  return `[${shown.join(',\n')}]`;
}

async function show(task: Task, options: ShowOptions): Promise<string> {
  const warnings: string[] = [];
  const loaded = await loadTask(
    task,
    { ...DEFAULT_SPEC, models: [], shots: [options.shots], protocol: options.protocol ?? null },
    (message) => warnings.push(message),
  );
  if (loaded.missing !== undefined) throw new UserError(loaded.missing);
  const example = loaded.examples[0];
  if (!example) throw new UserError(`task "${task.name}": its data set is empty`);
  const shots = loaded.shots[0]?.(example, options.shots) ?? [];
  const { protocol } = loaded;
  const pairs =
    protocol.kind === 'rolling'
      ? [{ context: '', continuation: protocol.text(example) }]
      : renderPairs(protocol, example, shots);
  const counted = options.model === undefined ? undefined : await countTokens(options.model);
  const prompt =
    counted &&
    promptBuilder(loaded.protocol, counted.tokenizer, {
      contextLength: counted.contextLength,
      overflow: 'drop-shots',
    })(example, shots);
  const card = task.file?.data ? undefined : readCard(task.dataset);
  const published = task.published === undefined ? [] : figureRanges(readFigures(), task.published);
  if (options.json) {
    const tokens = prompt?.requests.map((r) => ({
      tokens: [...r.tokens],
      start: r.start,
      merged: r.merged,
      truncated: r.truncated,
    }));
    return JSON.stringify(
      {
        ...loaded.identity,
        title: task.title,
        items: loaded.examples.length,
        source: loaded.protocol.source,
        shots: shots.map((s) => s.id),
        pairs,
        tokens,
        published,
        warnings,
      },
      null,
      2,
    );
  }
  const lines = [
    `${task.name} (version ${task.version}): ${task.title}`,
    card
      ? `data      ${card.title}; ${task.split} split, ${loaded.examples.length} items; ${card.licence}`
      : `data      ${task.dataset}, ${loaded.examples.length} items`,
    `shots     from ${loaded.identity.shot_pool}, ${loaded.identity.draw} draw${task.paperShots === undefined ? '' : `; GPT-3 paper: ${task.paperShots}`}`,
    `protocol  ${loaded.identity.protocol}: ${loaded.protocol.source}`,
    `metrics   ${loaded.protocol.metrics.join(', ')}${task.chance ? `; chance ${(100 * task.chance).toFixed(1)} %` : ''}`,
    ...[...new Set(published.map((range) => range.source))].map(
      (source) =>
        `published ${source}: ${published
          .filter((range) => range.source === source)
          .map(describeRange)
          .join(', ')}`,
    ),
    ...(card?.notes ?? []).map((note) => `note      ${note}`),
    ...warnings.map((warning) => `warning   ${warning}`),
    '',
    `Item ${example.id} behind ${shots.length} shots${shots.length > 0 ? ` (${shots.map((s) => s.id).join(', ')})` : ''}; the scored part stands between ⟦ and ⟧.`,
    '',
    pairs[0]?.context ?? '',
    ...pairs.map((pair, i) => {
      const request = prompt?.requests[i];
      const count = request
        ? `   ${request.start} + ${request.tokens.length - request.start} tokens${request.merged ? ', a token spans the boundary' : ''}`
        : '';
      return `⟦${pair.continuation}⟧${count}`;
    }),
  ];
  if (prompt && prompt.shotIds.length < shots.length)
    lines.push('', `Only ${prompt.shotIds.length} of ${shots.length} shots fit the window.`);
  if (prompt && prompt.truncated > 0)
    lines.push('', `${prompt.truncated} tokens are cut from the left to fit the window.`);
  if (prompt?.unscored !== undefined) lines.push('', `Cannot be scored: ${prompt.unscored}`);
  return lines.join('\n');
}

function describeRange({ metric, count, least, most }: FigureRange): string {
  const ends = [...new Set([least, most].map((value) => formatValue(metric, value)))].join(' to ');
  return count === 1 ? `${metric} ${ends}` : `${metric} ${ends} (${count} figures)`;
}

async function countTokens(model: string): Promise<{ tokenizer: Tokenizer; contextLength: number }> {
  const { architecture, tokenizer } = await inspectModel(model);
  return { tokenizer, contextLength: architecture.contextLength };
}
