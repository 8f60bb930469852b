import { UserError } from '../errors.ts';

/** Checks that a JSON value is of a kind. @returns what is wrong, beginning with the place, or undefined */
export type Shape = (value: unknown, place: string) => string | undefined;

/** @throws UserError where a value that was read from a file is not of the shape */
export function checkShape(value: unknown, shape: Shape, where: string): void {
  const problem = shape(value, '');
  if (problem !== undefined) throw new UserError(`${where}: ${problem}`);
}

/** What a predicate holds for. */
export function kind(expected: string, is: (value: unknown) => boolean): Shape {
  return (value, place) => {
    if (is(value)) return undefined;
    const found = value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60);
    return `${place === '' ? '' : `"${place}" `}expected ${expected}, found ${found}`;
  };
}

export const any: Shape = () => undefined;
export const text: Shape = kind('a text', (v) => typeof v === 'string');
export const flag: Shape = kind('true or false', (v) => typeof v === 'boolean');
export const number: Shape = kind('a number', (v) => Number.isFinite(v));
export const count: Shape = kind('a whole number', (v) => Number.isSafeInteger(v) && (v as number) >= 0);

export function oneOf(...values: readonly unknown[]): Shape {
  return kind(`one of ${values.map((v) => JSON.stringify(v)).join(', ')}`, (v) => values.includes(v));
}

/** The first shape that fits; the problem is told of the last. */
export function either(...shapes: readonly [Shape, ...Shape[]]): Shape {
  return (value, place) => {
    let problem: string | undefined;
    for (const shape of shapes) {
      problem = shape(value, place);
      if (problem === undefined) return undefined;
    }
    return problem;
  };
}

export function nullable(shape: Shape): Shape {
  return (value, place) => (value === null ? undefined : shape(value, place));
}

export function optional(shape: Shape): Shape {
  return (value, place) => (value === undefined ? undefined : shape(value, place));
}

export function listOf(shape: Shape): Shape {
  return (value, place) => {
    if (!Array.isArray(value)) return kind('a list', () => false)(value, place);
    for (let i = 0; i < value.length; i++) {
      const problem = shape(value[i], `${place}[${i}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

/** A list of just these. */
export function tuple(...shapes: readonly Shape[]): Shape {
  return (value, place) => {
    if (!Array.isArray(value) || value.length !== shapes.length)
      return kind(`a list of ${shapes.length}`, () => false)(value, place);
    for (const [i, shape] of shapes.entries()) {
      const problem = shape(value[i], `${place}[${i}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

const isObject = kind('an object', (v) => typeof v === 'object' && v !== null && !Array.isArray(v));

/** An object with values of one shape under any names. */
export function mapOf(shape: Shape): Shape {
  return (value, place) => {
    const problem = isObject(value, place);
    if (problem !== undefined) return problem;
    for (const [key, own] of Object.entries(value as object)) {
      const inner = shape(own, join(place, key));
      if (inner !== undefined) return inner;
    }
    return undefined;
  };
}

/** An object with at least these fields; what else it holds is not looked at. */
export function object(fields: Readonly<Record<string, Shape>>): Shape {
  const list = Object.entries(fields);
  return (value, place) => {
    const problem = isObject(value, place);
    if (problem !== undefined) return problem;
    for (const [key, shape] of list) {
      const own = Object.hasOwn(value as object, key) ? (value as Record<string, unknown>)[key] : undefined;
      const inner = shape(own, join(place, key));
      if (inner !== undefined) return inner;
    }
    return undefined;
  };
}

function join(place: string, key: string): string {
  return place === '' ? key : `${place}.${key}`;
}
