import { UserError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';

/** Reads the switches of a config.json with their types checked; errors name the file, the key and what was found. */
export interface ConfigReader {
  count(key: string, fallback?: number): number;
  number(key: string, fallback: number): number;
  flag(key: string, fallback: boolean): boolean;
  choice<T extends string>(key: string, allowed: readonly T[], fallback: T): T;
  /** Refuses a checkpoint in which the key holds anything but one of the given values or nothing at all. */
  only(key: string, ...values: readonly (string | number | boolean | null)[]): void;
}

export function readConfig(checkpoint: Checkpoint): ConfigReader {
  const { config, folder } = checkpoint;
  const fail = (key: string, expected: string): never => {
    throw new UserError(
      `${folder}/config.json: "${key}" expected ${expected}, found ${JSON.stringify(config[key])}`,
    );
  };
  const read = <T>(
    key: string,
    fallback: T | undefined,
    test: (v: unknown) => v is T,
    expected: string,
  ): T => {
    const value = config[key];
    if ((value === undefined || value === null) && fallback !== undefined) return fallback;
    return test(value) ? value : fail(key, expected);
  };
  return {
    count: (key, fallback) =>
      read(
        key,
        fallback,
        (v): v is number => Number.isSafeInteger(v) && (v as number) > 0,
        'a whole number above 0',
      ),
    number: (key, fallback) => read(key, fallback, (v): v is number => Number.isFinite(v), 'a number'),
    flag: (key, fallback) =>
      read(key, fallback, (v): v is boolean => typeof v === 'boolean', 'true or false'),
    choice: <T extends string>(key: string, allowed: readonly T[], fallback: T): T =>
      read(key, fallback, (v): v is T => allowed.includes(v as T), `one of ${allowed.join(', ')}`),
    only: (key, ...values) => {
      const value = config[key] ?? null;
      if (value !== null && !values.includes(value as never))
        fail(key, values.map((v) => JSON.stringify(v)).join(' or '));
    },
  };
}
