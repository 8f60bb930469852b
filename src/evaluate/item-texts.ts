import type { Protocol } from '../task.ts';
import type { Example, ItemText, TaskText, Tokenizer } from '../types.ts';
import type { LoadedTask } from './load.ts';

/**
 * How a task's items read, for those who look at its samples later: a line of the task, one an item, and one an example
 * that only stood as a shot before others. What a run of the same spec has written is written the same again.
 */
export function promptTexts(
  { protocol, examples }: LoadedTask,
  shots: ReadonlySet<Example> = new Set(),
): string {
  const shown = new Set([...shots].map((shot) => shot.id));
  const items = new Set(examples.map((example) => example.id));
  const shotOf = (example: Example): Partial<ItemText> =>
    protocol.kind !== 'rolling' && shown.has(example.id) ? { shot: protocol.shot(example) } : {};
  const others = [...shots]
    .filter((shot) => !items.has(shot.id))
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const lines: (TaskText | ItemText)[] = [
    taskText(protocol),
    ...examples.map((example) => ({ ...itemText(protocol, example), ...shotOf(example) })),
    ...others.map((example) => ({ id: example.id, ...shotOf(example) })),
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function taskText(protocol: Protocol<Example>): TaskText {
  if (protocol.kind === 'rolling') return { kind: 'rolling', separator: '', descriptions: ['', ''] };
  const { kind, separator, description } = protocol;
  return { kind, separator, descriptions: [description?.(0) ?? '', description?.(1) ?? ''] };
}

function itemText(protocol: Protocol<Example>, example: Example): ItemText {
  const { id } = example;
  // A whole text is in its tokens.
  if (protocol.kind === 'rolling') return { id };
  const context = protocol.context(example, 0);
  const behind = protocol.context(example, 1);
  const text = { id, context, ...(behind === context ? {} : { behind }) };
  if (protocol.kind === 'generate') return text;
  if (protocol.kind === 'span') return { ...text, continuation: protocol.continuation(example) };
  const { choices, delimiter, unconditional } = protocol;
  return {
    ...text,
    delimiter: typeof delimiter === 'string' ? delimiter : delimiter(example),
    choices: choices(example),
    ...(unconditional === undefined ? {} : { unconditional }),
  };
}

/** A vocabulary as a JSON list: each token's text by itself. Bytes that are no character alone read as U+FFFD. */
export function tokenTexts(tokenizer: Tokenizer): string {
  const texts = Array.from({ length: tokenizer.vocabularySize }, (_, id) => tokenizer.decode([id]));
  return `${JSON.stringify(texts)}\n`;
}
