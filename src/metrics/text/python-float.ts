import { strip } from '../../space.ts';

const DIGITS = '[0-9]+(?:_[0-9]+)*';
const NUMBER = new RegExp(`^[+-]?(?:${DIGITS}(?:\\.(?:${DIGITS})?)?|\\.${DIGITS})(?:e[+-]?${DIGITS})?$`, 'i');
const NOT_FINITE = /^([+-]?)(?:(inf|infinity)|nan)$/i;

/**
 * The number that Python's float() reads in a text, or undefined where it raises: white space around it, underscores
 * between digits, the decimal digits of all scripts, "inf", "infinity" and "nan" are allowed.
 */
export function pythonFloat(text: string): number | undefined {
  const digits = strip(text).replace(/(?![0-9])\p{Nd}/gu, (digit) => String(digitOf(digit)));
  if (NUMBER.test(digits)) return Number(digits.replaceAll('_', ''));
  const [, sign, infinite] = NOT_FINITE.exec(digits) ?? [];
  if (sign === undefined) return undefined;
  if (infinite === undefined) return Number.NaN;
  return sign === '-' ? -Infinity : Infinity;
}

/** Unicode has its decimal digits in runs from 0 to 9, some of them side by side. */
function digitOf(character: string): number {
  const point = character.codePointAt(0) as number;
  let start = point;
  while (/\p{Nd}/u.test(String.fromCodePoint(start - 1))) start--;
  return (point - start) % 10;
}

/** A number as Python's str() writes a float: 5.0, 1e+16, nan. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < 16) return Number.isInteger(value) ? `${value}.0` : String(value);
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
