import type { DataRecord } from '../data/records.ts';
import { messageOf, UserError } from '../errors.ts';
import type { GenerateProtocol, Protocol, Task } from '../task.ts';
import type { Example } from '../types.ts';
import { describe, OF_COUNTS } from './check.ts';

/**
 * A module's task whose functions are held to what they should return: what they throw, or return instead, is told
 * with the file and the item.
 */
export function guardTask(path: string, task: Task): Task {
  const where = `${path}: task "${task.name}"`;
  const protocols = Object.entries(task.protocols).map(([name, protocol]) => [
    name,
    guardProtocol(`${where}, protocol "${name}"`, protocol),
  ]);
  return {
    ...task,
    decode: (record) => decoded(where, task, record),
    protocols: Object.fromEntries(protocols),
  };
}

function decoded(where: string, task: Task, record: DataRecord): readonly Example[] {
  let found: unknown;
  try {
    found = task.decode(record);
  } catch (error) {
    // What a record refuses names its file and line already.
    if (error instanceof UserError) throw new UserError(`${where}: ${error.message}`);
    return record.fail(`${where}: "decode" throws: ${messageOf(error)}`);
  }
  const examples: unknown[] = Array.isArray(found) ? found : [found];
  for (const example of examples) {
    const { id, ...ties } = (example ?? {}) as Readonly<Record<'id' | 'cluster' | 'group', unknown>>;
    if (typeof id !== 'string' || id === '')
      record.fail(`${where}: "decode" expected an object with an "id", a text, found ${describe(example)}`);
    for (const key of ['cluster', 'group'] as const) {
      if (ties[key] !== undefined && typeof ties[key] !== 'string')
        record.fail(`${where}: "decode": "${key}" expected a text, found ${describe(ties[key])}`);
    }
  }
  return examples as Example[];
}

type Check = (value: unknown, example: Example) => string | undefined;

const aText: Check = (value) => (typeof value === 'string' ? undefined : 'a text');

const aFlag: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false');

function guardProtocol(where: string, protocol: Protocol<Example>): Protocol<Example> {
  /** A function of an example whose value `expected` finds nothing amiss with. */
  const guard = <A extends readonly unknown[], R>(
    key: string,
    call: (example: Example, ...more: A) => R,
    expected: Check,
  ): ((example: Example, ...more: A) => R) => {
    return (example, ...more) => {
      const place = `${where}: "${key}" of item ${example.id}`;
      let value: R;
      try {
        value = call.call(protocol, example, ...more);
      } catch (error) {
        throw new UserError(`${place}: ${messageOf(error)}`);
      }
      const wanted = expected(value, example);
      if (wanted !== undefined) throw new UserError(`${place}: expected ${wanted}, found ${describe(value)}`);
      return value;
    };
  };
  if (protocol.kind === 'rolling') return { ...protocol, text: guard('text', protocol.text, aText) };

  const { description } = protocol;
  const { scores, draws } = protocol;
  const shared = {
    ...(scores && { scores: guard('scores', scores, aFlag) }),
    ...(draws && { draws: guard('draws', draws, aFlag) }),
    ...(description && { description: guardDescription(where, description.bind(protocol)) }),
    context: guard('context', protocol.context, aText),
    shot: guard('shot', protocol.shot, aText),
  };
  switch (protocol.kind) {
    case 'span':
      return {
        ...protocol,
        ...shared,
        continuation: guard('continuation', protocol.continuation, aText),
      };
    case 'choice': {
      const { delimiter } = protocol;
      const choices = guard('choices', protocol.choices, (value) =>
        Array.isArray(value) && value.length > 1 && value.every((choice) => typeof choice === 'string')
          ? undefined
          : 'a list of two texts or more',
      );
      const gold = guard('gold', protocol.gold, (value, example) => {
        const last = choices(example).length - 1;
        const fits = Number.isInteger(value) && (value as number) >= 0 && (value as number) <= last;
        return fits ? undefined : `the index of a choice, from 0 to ${last}`;
      });
      return {
        ...protocol,
        ...shared,
        choices,
        gold,
        delimiter: typeof delimiter === 'string' ? delimiter : guard('delimiter', delimiter, aText),
      };
    }
    case 'generate':
      return {
        ...protocol,
        ...shared,
        gold: guard('gold', protocol.gold, aText),
        judge: guard('judge', protocol.judge, (value) => judgement(protocol, value)),
        ...(protocol.counts && {
          counts: guard('counts', protocol.counts, (value) => counting(protocol, value)),
        }),
      };
  }
}

function guardDescription(where: string, call: (shots: number) => unknown): (shots: number) => string {
  return (shots) => {
    const place = `${where}: "description" at ${shots} shots`;
    let value: unknown;
    try {
      value = call(shots);
    } catch (error) {
      throw new UserError(`${place}: ${messageOf(error)}`);
    }
    if (typeof value === 'string') return value;
    throw new UserError(`${place}: expected a text, found ${describe(value)}`);
  };
}

/** F1 over classes comes from the texts themselves; every other metric is a number that `judge` gives. */
function judgement({ metrics }: GenerateProtocol<Example>, value: unknown): string | undefined {
  const wanted = metrics.filter((metric) => metric !== 'f1_macro' && !OF_COUNTS.includes(metric));
  const values = (value ?? {}) as Readonly<Record<string, unknown>>;
  const finite = wanted.every((metric) => Number.isFinite(values[metric]));
  if (!finite) return `an object with the numbers ${wanted.join(', ')}`;
  // Intervals and tests of shares rest on their bounds.
  const beyond = wanted.find((metric) => {
    const number = values[metric] as number;
    return /^(?:acc|em|f1|rouge)/.test(metric) && (number < 0 || number > 1);
  });
  return beyond === undefined ? undefined : `"${beyond}" from 0 to 1`;
}

function counting({ metrics }: GenerateProtocol<Example>, value: unknown): string | undefined {
  const wanted = metrics.filter((metric) => OF_COUNTS.includes(metric));
  const lists = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isList = (list: unknown): boolean => Array.isArray(list) && list.every(Number.isFinite);
  return wanted.every((metric) => isList(lists[metric]))
    ? undefined
    : `an object with the lists of numbers ${wanted.join(', ')}`;
}
