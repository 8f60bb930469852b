/** White space of Python's regular expressions, at which lm-eval counts words. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python counts four control characters as white space
const SPACE = /[\t-\r\x1c-\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

/** What a perplexity may be per: words as lm-eval counts them (empty edges included), code points, UTF-8 bytes. */
export function unitsOf(text: string): { words: number; characters: number; bytes: number } {
  let characters = 0;
  for (const _ of text) characters++;
  return { words: text.split(SPACE).length, characters, bytes: Buffer.byteLength(text) };
}
