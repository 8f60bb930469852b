import { PYTHON_SPACE } from '../space.ts';
import type { Units } from '../task.ts';

/** At which lm-eval counts words: Python's \s+. */
const SPACE = new RegExp(`[${PYTHON_SPACE}]+`, 'u');

/** What a perplexity may be per: words as lm-eval counts them (empty edges included), code points, UTF-8 bytes. */
export function unitsOf(text: string): Units {
  let characters = 0;
  for (const _ of text) characters++;
  return { words: text.split(SPACE).length, characters, bytes: Buffer.byteLength(text) };
}
