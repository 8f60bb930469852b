import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect } from 'vitest';
import { UserError } from '../../src/errors.ts';

/** Cases a property is tried with; EVALGPT_FUZZ=10000 tries more. The seed is fixed: a failure comes again. */
export const CASES: number = Number(process.env.EVALGPT_FUZZ ?? 40);
const SEED = 20_260;

/** One case may take this long: what takes longer counts as a hang. */
const SLOWEST_MS = 5000;

/** What a class of bad input has come to. */
export interface Tally {
  cases: number;
  refused: number;
  read: number;
}

/**
 * Tries a reader on made inputs: it must read each or refuse it with one sentence, soon.
 * @param attempt reads one input, and may expect something of what it has read
 */
export async function fuzz<T>(
  name: string,
  made: fc.Arbitrary<T>,
  attempt: (input: T) => unknown,
  cases: number = CASES,
): Promise<Tally> {
  const tally: Tally = { cases: 0, refused: 0, read: 0 };
  const details = await fc.check(
    fc.asyncProperty(made, async (input) => {
      tally.cases++;
      const began = performance.now();
      if (await refuses(() => attempt(input))) tally.refused++;
      else tally.read++;
      expect(performance.now() - began, 'milliseconds').toBeLessThan(SLOWEST_MS);
    }),
    { seed: SEED, numRuns: cases, endOnFailure: true },
  );
  if (details.failed) {
    const [found] = details.counterexample ?? [];
    const shown = Buffer.isBuffer(found) ? found.toString('latin1') : inspect(found, { depth: 6 });
    throw new Error(`${name}, case ${tally.cases}: ${shown.slice(0, 1500)}`, {
      cause: details.errorInstance,
    });
  }
  if (process.env.EVALGPT_FUZZ !== undefined)
    process.stdout.write(`${name}: ${tally.cases} cases, ${tally.refused} refused, ${tally.read} read\n`);
  return tally;
}

/** True where it was refused as bad input is; any other error is a bug and comes through. */
export async function refuses(attempt: () => unknown): Promise<boolean> {
  try {
    await attempt();
    return false;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.message).not.toContain('\n');
    expect(error.message.length).toBeLessThan(2000);
    return true;
  }
}

/** Stands for lists within each other, deeper than a recursive writer's stack. */
const DEEP = '\u0001deep';

/** Numbers that lengths, counts and offsets are replaced with. */
const NUMBERS = [0, -1, 1, 1.5, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 50, 2 ** 53, 1e300, -0, 1e-300] as const;
/** What any JSON value is replaced with. */
const VALUES: readonly unknown[] = [
  ...NUMBERS,
  ...[
    null,
    true,
    false,
    '',
    'x',
    '__proto__',
    '\u0000',
    '\ud800',
    '../../x',
    'x'.repeat(5000),
    '9'.repeat(400),
  ],
  ...[
    [],
    {},
    [null],
    [[]],
    [1, 'a'],
    { a: null },
    [{}],
    { length: 2 ** 31 },
    { __proto__: null, content: 7 },
  ],
  DEEP,
];

/** One change to a JSON value: at the place that `where` comes to. */
interface Change {
  readonly where: readonly number[];
  readonly kind: 'replace' | 'delete' | 'double' | 'rename' | 'swap';
  readonly value: unknown;
}

const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.record({
    where: fc.array(fc.noBias(fc.nat(1000)), { minLength: 1, maxLength: 6 }),
    kind: fc.constantFrom('replace', 'replace', 'replace', 'delete', 'double', 'rename', 'swap'),
    value: fc.constantFrom(...VALUES),
  }),
  { minLength: 1, maxLength: 3 },
);

/** A JSON value with one to three changes somewhere in it. */
export function mutatedJson(original: unknown): fc.Arbitrary<unknown> {
  return changes.map((all) => {
    let value = structuredClone(original);
    for (const change of all) value = changed(value, structuredClone(change), change.where);
    return value;
  });
}

function changed(value: unknown, change: Change, where: readonly number[]): unknown {
  const [at, ...deeper] = where;
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (at === undefined || keys.length === 0) return change.value;
  const key = keys[at % keys.length] as string;
  const other = keys[(at + 1) % keys.length] as string;
  const own = value as Record<string, unknown>;
  const inner = own[key];
  const isLast = deeper.length === 0 || typeof inner !== 'object' || inner === null;
  if (!isLast) own[key] = changed(inner, change, deeper);
  else if (change.kind === 'replace') own[key] = change.value;
  else if (change.kind === 'swap') [own[key], own[other]] = [own[other], own[key]];
  else if (Array.isArray(value))
    value.splice(Number(key), change.kind === 'delete' ? 1 : 0, ...(change.kind === 'delete' ? [] : [inner]));
  else if (change.kind === 'double') own[`${key}2`] = inner;
  else {
    delete own[key];
    // A key of JSON may be called like what every object inherits.
    const name = [`${key}x`, '__proto__', 'constructor'][at % 3] as string;
    if (change.kind === 'rename')
      Object.defineProperty(own, name, {
        value: inner,
        enumerable: true,
        writable: true,
        configurable: true,
      });
  }
  return value;
}

/** Lists in lists as JSON. */
export function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

export function jsonText(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').replaceAll(JSON.stringify(DEEP), nested(20_000));
}

/** Bytes with a few changes: flipped, cut, doubled, removed, or overwritten with the ends of ranges. */
export function mutatedBytes(original: Uint8Array): fc.Arbitrary<Buffer> {
  const one = fc.record({
    // Evenly over the bytes: doubles would crowd at both ends.
    at: fc.noBias(fc.nat(2 ** 30 - 1)).map((n) => n / 2 ** 30),
    kind: fc.constantFrom('flip', 'flip', 'set', 'set', 'cut', 'remove', 'double', 'number'),
    bit: fc.nat(7),
    byte: fc.constantFrom(0, 1, 9, 10, 13, 0x22, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xc0, 0xfe, 0xff),
    length: fc.nat(40),
    number: fc.constantFrom(
      0n,
      1n,
      2n ** 31n - 1n,
      2n ** 31n,
      2n ** 32n - 1n,
      2n ** 50n,
      2n ** 63n,
      2n ** 64n - 1n,
    ),
  });
  return fc.array(one, { minLength: 1, maxLength: 4 }).map((all) => {
    let bytes = Buffer.from(original);
    for (const { at, kind, bit, byte, length, number } of all) {
      const i = Math.floor(at * bytes.length);
      if (bytes.length === 0) break;
      if (kind === 'flip') bytes[i] = (bytes[i] as number) ^ (1 << bit);
      else if (kind === 'set') bytes[i] = byte;
      else if (kind === 'cut') bytes = bytes.subarray(0, i);
      else if (kind === 'remove') bytes = Buffer.concat([bytes.subarray(0, i), bytes.subarray(i + length)]);
      else if (kind === 'double') bytes = Buffer.concat([bytes.subarray(0, i + length), bytes.subarray(i)]);
      else if (i + 8 <= bytes.length) bytes.writeBigUInt64LE(number, i);
    }
    return bytes;
  });
}

/** Peak resident memory of this process so far, in MiB. */
export function peakMiB(): number {
  return process.resourceUsage().maxRSS / 1024;
}
