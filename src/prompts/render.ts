import type { PromptProtocol } from '../task.ts';
import type { Example, Pair } from '../types.ts';

/**
 * The text pairs that score an example behind some solved ones: for a span its context and continuation, for a
 * choice one pair a choice, each behind a context of its own in partial evaluation, and one more behind the unconditional
 * context where the protocol has one. A text to be
 * written has its prompt for context and nothing for continuation.
 */
export function renderPairs(
  protocol: PromptProtocol<Example>,
  example: Example,
  shots: readonly Example[],
): Pair[] {
  const context = renderContext(protocol, example, shots);
  if (protocol.kind === 'span') return [{ context, continuation: protocol.continuation(example) }];
  if (protocol.kind === 'generate') return [{ context, continuation: '' }];
  const { choices, contexts, delimiter, unconditional } = protocol;
  const between = typeof delimiter === 'string' ? delimiter : delimiter(example);
  if (contexts) {
    const before = renderShots(protocol, shots);
    const own = contexts(example);
    return choices(example).map((choice, i) => ({
      context: before + own[i],
      continuation: between + choice,
    }));
  }
  const behind = (text: string): Pair[] =>
    choices(example).map((choice) => ({ context: text, continuation: between + choice }));
  return unconditional === undefined ? behind(context) : [...behind(context), ...behind(unconditional)];
}

function renderContext(
  protocol: PromptProtocol<Example>,
  example: Example,
  shots: readonly Example[],
): string {
  return renderShots(protocol, shots) + protocol.context(example, shots.length);
}

function renderShots(protocol: PromptProtocol<Example>, shots: readonly Example[]): string {
  const solved = shots.map((shot) => protocol.shot(shot) + protocol.separator);
  return (protocol.description?.(shots.length) ?? '') + solved.join('');
}

/**
 * What makes two examples duplicates of each other, so that neither serves as a shot for the other: their question
 * as text, whatever its case and white space.
 */
export function questionKey(protocol: PromptProtocol<Example>, example: Example): string {
  // Sentences that are scored whole may begin alike.
  const rest = protocol.kind === 'span' && protocol.accepts ? protocol.continuation(example) : '';
  return (protocol.context(example, 0) + rest).normalize('NFC').toLowerCase().replace(/\s+/g, ' ').trim();
}
