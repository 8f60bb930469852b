import { words } from './words.ts';

/**
 * mteval-v13a's tokenisation as sacrebleu has it: entities are read, ASCII marks stand alone, full stops and commas
 * stay in numbers. The line is without white space at its right.
 */
export function tokenize13a(line: string): string[] {
  let text = line.replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ');
  text = text
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  return words(
    ` ${text} `
      .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
      .replace(/([^0-9])([.,])/gu, '$1 $2 ')
      .replace(/([.,])([^0-9])/gu, ' $1 $2')
      .replace(/([0-9])(-)/g, '$1 $2 '),
  );
}

/**
 * mteval-v14's international tokenisation as sacrebleu has it: punctuation stands alone unless it is between two
 * numbers, symbols stand alone. A full stop behind a number at the end of a line stays with it, as in the original;
 * so the line must be without white space at its right. The classes of characters are those of the runtime's Unicode.
 */
export function tokenizeIntl(line: string): string[] {
  return words(
    line
      .replace(/(\P{N})(\p{P})/gu, '$1 $2 ')
      .replace(/(\p{P})(\P{N})/gu, ' $1 $2')
      .replace(/(\p{S})/gu, ' $1 '),
  );
}
