/** The inside of a character class: white space as Python's str and regular expressions have it; JavaScript's \s differs. */
export const PYTHON_SPACE =
  '\\t-\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const EDGES = new RegExp(`^[${PYTHON_SPACE}]+|[${PYTHON_SPACE}]+$`, 'g');

/** A text without the white space around it, as Python's str.strip has it. */
export function strip(text: string): string {
  return text.replace(EDGES, '');
}
