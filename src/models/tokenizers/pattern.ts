import { UserError } from '../../errors.ts';
import { category, SPACE } from './unicode.ts';

/** What letters match besides their other case where case is ignored: long s, the Kelvin sign. */
const FOLDS: Readonly<Record<string, string>> = { s: '\\u017f', k: '\\u212a' };
/** Letters that one character stands for where case is ignored (ß for ss): more than a class can say. */
const MANY_TO_ONE = /ss|ff|fi|fl|st/i;
const ESCAPES: Readonly<Record<string, string>> = { r: '\\r', n: '\\n', t: '\\t', f: '\\f', v: '\\v' };

/**
 * A split pattern of a tokenizer.json (Oniguruma's syntax) as a JavaScript one that matches the same. White space and
 * categories are spelled out as the reference has them, and ASCII letters under `(?i:…)` as classes.
 * @throws UserError for syntax that means another thing in the two, or that is not known here
 */
export function referencePattern(source: string, path: string): RegExp {
  const refuse = (what: string): never => {
    throw new UserError(`${path}: split pattern ${JSON.stringify(source)} is not supported: ${what}`);
  };
  const characters = [...source];
  const rest = (i: number): string => characters.slice(i).join('');
  let i = 0;
  let out = '';
  /** One for each open group: whether case is ignored within. */
  const open: boolean[] = [false];

  /** An escape at i, as a class or character that may stand in a class too. */
  const escaped = (): string => {
    const next = characters[i + 1] ?? refuse('it ends in a backslash');
    i += 2;
    if (next === 's') return `[${SPACE}]`;
    if (next === 'S') return `[^${SPACE}]`;
    if (next === 'd') return category('Nd')!;
    if (next in ESCAPES) return ESCAPES[next]!;
    if (next === 'p' || next === 'P') {
      const name = /^\{([A-Za-z]+)\}/.exec(rest(i))?.[1];
      const found = name === undefined ? undefined : category(name);
      if (name === undefined || found === undefined) return refuse(`\\${next}${rest(i).slice(0, 8)}`);
      i += name.length + 2;
      return next === 'p' ? found : `[^${found}]`;
    }
    if (/[A-Za-z0-9]/.test(next)) refuse(`\\${next}`);
    return literal(next);
  };

  const characterClass = (): string => {
    i++;
    const negated = characters[i] === '^';
    if (negated) i++;
    let inside = '';
    for (let first = true; characters[i] !== ']' || first; first = false) {
      const character = characters[i];
      if (character === undefined) refuse('a class that is not closed');
      if (character === ']' || character === '[') refuse(`"${character}" within a class`);
      if (character === '&' && characters[i + 1] === '&') refuse('"&&" within a class');
      if (character === '\\') {
        inside += escaped();
      } else {
        inside += literal(character!);
        i++;
      }
      if (characters[i] === '-' && characters[i + 1] !== ']') {
        const end = characters[i + 1];
        if (end === undefined || '\\[&-'.includes(end) || inside.endsWith(']')) refuse('a range in a class');
        inside += `-${literal(end!)}`;
        i += 2;
      }
    }
    i++;
    return `[${negated ? '^' : ''}${inside}]`;
  };

  while (i < characters.length) {
    const character = characters[i]!;
    const ignoreCase = open.at(-1)!;
    if (character === '\\') {
      if (ignoreCase) refuse('an escape where case is ignored');
      out += escaped();
    } else if (character === '[') {
      if (ignoreCase) refuse('a class where case is ignored');
      out += characterClass();
    } else if (character === '(') {
      const opening = /^\((?:\?(?:i:|:|=|!|<=|<!))?/.exec(rest(i))![0];
      if (opening === '(' && characters[i + 1] === '?') refuse(rest(i).slice(0, 4));
      out += opening === '(' || opening === '(?i:' ? '(?:' : opening;
      open.push(opening === '(?i:' || ignoreCase);
      i += opening.length;
    } else if (character === ')') {
      if (open.length === 1) refuse('a group that is not opened');
      open.pop();
      out += ')';
      i++;
    } else if ('?*+{'.includes(character)) {
      const quantifier = /^(?:[?*+]|\{\d+(?:,\d*)?\})/.exec(rest(i))?.[0] ?? refuse('"{"');
      i += quantifier.length;
      // A second "+" makes a repeat possessive, or repeats it again, by kind; "?" after {…} is no lazy one in Ruby's syntax.
      if (characters[i] === '+' || (characters[i] === '?' && quantifier.startsWith('{')))
        refuse(`${quantifier}${characters[i]}`);
      out += quantifier;
      if (characters[i] === '?') {
        out += '?';
        i++;
      }
    } else if (character === '|') {
      out += '|';
      i++;
    } else if ('.^$'.includes(character)) {
      refuse(`"${character}"`);
    } else if (ignoreCase && /[^\0-\x7f]/.test(character)) {
      refuse(`${JSON.stringify(character)} where case is ignored`);
    } else if (ignoreCase && /[a-z]/i.test(character)) {
      if (MANY_TO_ONE.test(rest(i).slice(0, 2))) refuse(`"${rest(i).slice(0, 2)}" where case is ignored`);
      const low = character.toLowerCase();
      out += `[${low}${low.toUpperCase()}${FOLDS[low] ?? ''}]`;
      i++;
    } else {
      out += literal(character);
      i++;
    }
  }
  if (open.length > 1) refuse('a group that is not closed');
  const pattern = new RegExp(out, 'gv');
  if (new RegExp(`^(?:${out})$`, 'v').test('')) refuse('it matches the empty text');
  return pattern;
}

/** The pattern that matches the text itself. */
export function literalPattern(text: string): RegExp {
  return new RegExp([...text].map(literal).join(''), 'gv');
}

function literal(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
