import type { PromptProtocol } from '../task.ts';
import type { Example, Pair } from '../types.ts';

/**
 * The text pairs that score an example behind some solved ones: for a span its context and continuation, for a
 * choice one pair a choice.
 */
export function renderPairs(
  protocol: PromptProtocol<Example>,
  example: Example,
  shots: readonly Example[],
): Pair[] {
  const context = renderContext(protocol, example, shots);
  if (protocol.kind === 'span') return [{ context, continuation: protocol.continuation(example) }];
  return protocol.choices(example).map((choice) => ({ context, continuation: protocol.delimiter + choice }));
}

function renderContext(
  protocol: PromptProtocol<Example>,
  example: Example,
  shots: readonly Example[],
): string {
  const solved = shots.map((shot) => protocol.shot(shot) + protocol.separator);
  return (
    (protocol.description?.(shots.length) ?? '') + solved.join('') + protocol.context(example, shots.length)
  );
}

/**
 * What makes two examples duplicates of each other, so that neither serves as a shot for the other: their question
 * as text, whatever its case and white space.
 */
export function questionKey(protocol: PromptProtocol<Example>, example: Example): string {
  return protocol.context(example, 0).normalize('NFC').toLowerCase().replace(/\s+/g, ' ').trim();
}
