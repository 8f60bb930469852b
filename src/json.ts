/** Deeper than any file that is meant. JSON.parse reads deeper ones, but what walks or writes them runs out of stack. */
const DEEPEST = 200;

/** JSON.parse for files that others made. @throws SyntaxError also where it is nested too deeply */
export function parseJson(text: string): unknown {
  if (text.length > DEEPEST && isTooDeep(text))
    throw new SyntaxError(`expected at most ${DEEPEST} lists and objects within each other, found more`);
  return JSON.parse(text);
}

const [QUOTE, BACKSLASH, LIST, LIST_END, OBJECT, OBJECT_END] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) isString = !isString;
    else if (isString) i += code === BACKSLASH ? 1 : 0;
    else if (code === LIST || code === OBJECT) {
      if (++depth > DEEPEST) return true;
    } else if (code === LIST_END || code === OBJECT_END) depth--;
  }
  return false;
}
