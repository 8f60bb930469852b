import { styleText } from 'node:util';

type Stream = Pick<NodeJS.WriteStream, 'isTTY'>;

/**
 * Whether a stream takes colours: a terminal does, unless NO_COLOR is set to anything (no-color.org) or TERM is dumb;
 * FORCE_COLOR, but for 0, has them elsewhere too. Node's own rule lets FORCE_COLOR win over NO_COLOR.
 */
export function hasColours(stream: Stream, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** Colours what a message begins with: errors red, warnings yellow; the text is the same without. */
export function highlight(message: string, stream: Stream, env: NodeJS.ProcessEnv = process.env): string {
  if (!hasColours(stream, env)) return message;
  const paint = (colour: 'red' | 'yellow') => (start: string) =>
    styleText(colour, start, { validateStream: false });
  return message
    .replace(/^(?:evalgpt|error):/, paint('red'))
    .replace(/^(?:warning|skipped):/, paint('yellow'));
}
