import { didYouMean } from '../closest.ts';
import { cardNames, readCard } from '../data/card.ts';
import { messageOf, UserError } from '../errors.ts';
import {
  type ChoiceProtocol,
  defineTask,
  type GenerateProtocol,
  type MetricName,
  type Protocol,
  type RollingProtocol,
  type SpanProtocol,
  type Task,
  type TaskDefinition,
} from '../task.ts';
import type { Example, ProtocolName } from '../types.ts';

type Fields = Readonly<Record<string, unknown>>;
/** What a field may hold, and that in words. */
type Rule = readonly [is: (value: unknown) => boolean, expected: string];
type Rules<T> = Readonly<Record<keyof T, Rule>>;

const isText = (v: unknown): v is string => typeof v === 'string' && v !== '';
const isFunction = (v: unknown): boolean => typeof v === 'function';
const isTexts = (v: unknown): boolean => Array.isArray(v) && v.every((text) => typeof text === 'string');
const isCount = (v: unknown): boolean => Number.isSafeInteger(v) && (v as number) >= 0;
const isObject = (v: unknown): v is Fields => typeof v === 'object' && v !== null && !Array.isArray(v);
const isBeams = (v: unknown): boolean =>
  isObject(v) && isCount(v.width) && v.width !== 0 && typeof v.alpha === 'number' && v.alpha >= 0;
const isAccepts = (v: unknown): boolean =>
  isObject(v) && typeof v.share === 'number' && v.share >= 0 && v.share <= 1 && isFunction(v.gold);
const isScale = (v: unknown): boolean =>
  isObject(v) && Array.isArray(v.values) && v.values.every(Number.isFinite) && isFunction(v.gold);
const or = ([is, expected]: Rule, value: unknown): Rule => [(v) => v === value || is(v), expected];
const optional = (rule: Rule): Rule => or(rule, undefined);

const TEXT: Rule = [isText, 'a text'];
const FUNCTION: Rule = [isFunction, 'a function'];
const TEXTS: Rule = [isTexts, 'a list of texts'];
const PROTOCOLS: readonly ProtocolName[] = ['own', 'lm-eval', 'gpt1', 'gpt2', 'gpt3'];

type TaskFields = Omit<TaskDefinition<Example>, 'published'> & { data: string; shotData: string };

const TASK: Rules<TaskFields> = {
  name: [(v) => isText(v) && /^[a-z0-9][a-z0-9-]*$/.test(v), 'lower-case words joined by hyphens'],
  version: optional([(v) => isCount(v) && v !== 0, 'a whole number from 1 on']),
  title: optional(TEXT),
  data: optional([isText, 'the path of a file']),
  shotData: optional([isText, 'the path of a file']),
  dataset: optional([isText, 'the name of a data set']),
  split: optional(TEXT),
  examples: optional([isCount, 'a number of examples']),
  shotSplits: optional(TEXTS),
  decode: FUNCTION,
  fields: optional(FUNCTION),
  protocols: [(v) => isObject(v) && Object.keys(v).length > 0, 'an object of protocols'],
  protocol: optional([(v) => PROTOCOLS.includes(v as ProtocolName), `one of ${PROTOCOLS.join(', ')}`]),
  chance: or(optional([(v) => typeof v === 'number' && v >= 0 && v <= 1, 'a number from 0 to 1']), null),
  paperShots: optional([isCount, 'a whole number']),
};

/** Metrics of the whole set, made of what `counts` gives. */
export const OF_COUNTS: readonly MetricName[] = ['bleu', 'bleu_intl', 'chrf'];

const metrics = (...names: readonly string[]): Rule => [
  (v) => Array.isArray(v) && v.length > 0 && v.every((name) => names.includes(name)),
  `a list of some of ${names.join(', ')}`,
];
const COMMON = {
  source: optional(TEXT),
  context: FUNCTION,
  shot: FUNCTION,
  description: optional(FUNCTION),
  separator: optional([(v) => typeof v === 'string', 'a text']),
  draw: optional([
    (v) => v === 'fixed' || v === 'per-example' || v === 'first',
    '"fixed", "per-example" or "first"',
  ]),
  scores: optional(FUNCTION),
  draws: optional(FUNCTION),
} as const;

/** The fields of each kind of protocol. A field that a type gains is missed here by the compiler. */
const KINDS: {
  readonly span: Rules<SpanProtocol<Example>>;
  readonly choice: Rules<ChoiceProtocol<Example>>;
  readonly generate: Rules<GenerateProtocol<Example>>;
  readonly rolling: Rules<RollingProtocol<Example>>;
} = {
  span: {
    ...COMMON,
    kind: TEXT,
    continuation: FUNCTION,
    neverAnswers: optional(TEXTS),
    accepts: optional([isAccepts, 'an object of a "share" from 0 to 1 and a function "gold"']),
    metrics: metrics('acc', 'acc_last', 'acc_filtered', 'mcc_ranked', 'logprob_gold', 'ppl_word'),
  },
  choice: {
    ...COMMON,
    kind: TEXT,
    choices: FUNCTION,
    gold: FUNCTION,
    delimiter: optional([(v) => typeof v === 'string' || isFunction(v), 'a text or a function']),
    unconditional: optional([(v) => typeof v === 'string', 'a text']),
    contexts: optional(FUNCTION),
    scale: optional([isScale, 'an object of a list of numbers "values" and a function "gold"']),
    by: optional([
      (v) => v === 'sum' || v === 'token' || v === 'character' || v === 'byte',
      '"sum", "token", "character" or "byte"',
    ]),
    judge: optional(FUNCTION),
    metrics: metrics(
      ...[
        'acc',
        'acc_norm',
        'acc_token',
        'acc_byte',
        'acc_uncond',
        'f1_macro',
        'f1_binary',
        'em_group',
        'em',
        'f1',
        'mcc',
        'pearson',
        'spearman',
        'logprob_gold',
      ],
    ),
  },
  generate: {
    ...COMMON,
    kind: TEXT,
    stop: [(v) => isTexts(v) && !(v as string[]).includes(''), 'a list of texts'],
    maxTokens: [(v) => isCount(v) && v !== 0, 'a whole number from 1 on'],
    gold: FUNCTION,
    judge: FUNCTION,
    counts: optional(FUNCTION),
    beams: optional([isBeams, 'an object of a "width" from 1 on and an "alpha" from 0 on']),
    metrics: metrics(
      ...[
        'acc',
        'acc_stop',
        'em',
        'em_flexible',
        'f1',
        'f1_macro',
        'rouge1',
        'rouge2',
        'rougeL',
        'rouge_avg',
      ],
      ...OF_COUNTS,
    ),
  },
  rolling: {
    kind: TEXT,
    source: optional(TEXT),
    text: FUNCTION,
    units: optional(FUNCTION),
    metrics: metrics('ppl_word', 'ppl_token', 'ppl_byte', 'bpb', 'bpc'),
  },
};

/** A task as a module exports it, checked, and what it leaves out filled in. */
export interface CheckedTask {
  readonly task: Task;
  /** Paths of the files of its items and of its shots, from the module's folder. */
  readonly data: string | undefined;
  readonly shotData: string | undefined;
}

/** @param place its place in the module's list, from 0 @throws UserError naming the file, the task and the field */
export function checkTask(path: string, value: unknown, place?: number): CheckedTask {
  const named = isObject(value) && isText(value.name) ? ` "${value.name}"` : '';
  const where = `${path}: task${named || (place === undefined ? '' : ` ${place + 1} of the list`)}`;
  if (!isObject(value)) throw new UserError(`${where}: expected an object, found ${describe(value)}`);
  checkFields(where, value, TASK, 'a task');
  checkSource(where, value);
  const { data, shotData, ...fields } = defined<Partial<TaskFields>>(value, TASK);
  const wordings = value.protocols as Fields;
  const protocol = fields.protocol ?? (Object.keys(wordings)[0] as ProtocolName);
  if (!Object.hasOwn(wordings, protocol))
    throw new UserError(`${where}: "protocol" is "${protocol}", which "protocols" does not define`);
  const protocols = Object.entries(wordings).map(([name, wording]) => [
    name,
    checkProtocol(path, where, name, wording),
  ]);
  const task = defineTask<Example>({
    ...{ version: 1, title: value.name as string, chance: null, shotSplits: [] },
    ...(data === undefined ? {} : { dataset: data, split: 'all' }),
    ...(fields as Omit<TaskFields, 'data' | 'shotData'>),
    protocols: Object.fromEntries(protocols),
    protocol,
  });
  return { task, data, shotData };
}

/** The fields of an object that rules know and that are there, its class's methods among them. */
function defined<T>(fields: Fields, rules: Readonly<Record<string, Rule>>): T {
  const keys = Object.keys(rules).filter((key) => fields[key] !== undefined);
  return Object.fromEntries(keys.map((key) => [key, fields[key]])) as T;
}

/** Items come from a file or from a card's split, never from both. */
function checkSource(where: string, fields: Fields): void {
  const { data, shotData, dataset, split, shotSplits } = fields;
  if (data !== undefined) {
    const other = ['dataset', 'split', 'shotSplits'].find((key) => fields[key] !== undefined);
    if (other !== undefined) throw new UserError(`${where}: expected "data" or "${other}", found both`);
    return;
  }
  if (dataset === undefined)
    throw new UserError(
      `${where}: expected "data", the path of a file, or "dataset" and "split", found none`,
    );
  if (shotData !== undefined) throw new UserError(`${where}: "shotData" goes with "data", found "dataset"`);
  if (!cardNames().includes(dataset as string))
    throw new UserError(
      `${where}: no data set "${dataset}"; \`evalgpt data list\` lists them${didYouMean(String(dataset), cardNames())}`,
    );
  const splits = Object.keys(readCard(dataset as string).splits);
  const wrong = [split, ...((shotSplits ?? []) as unknown[])].find(
    (name) => !splits.includes(name as string),
  );
  if (!splits.includes(split as string) || wrong !== undefined) {
    throw new UserError(
      `${where}: the splits of "${dataset}" are ${splits.join(', ')}, found ${describe(wrong)}`,
    );
  }
}

function checkProtocol(path: string, where: string, name: string, value: unknown): Protocol<Example> {
  if (!PROTOCOLS.includes(name as ProtocolName))
    throw new UserError(
      `${where}: "protocols" expected names among ${PROTOCOLS.join(', ')}, found "${name}"${didYouMean(name, PROTOCOLS)}`,
    );
  const place = `${where}, protocol "${name}"`;
  if (!isObject(value)) throw new UserError(`${place}: expected an object, found ${describe(value)}`);
  const kind = value.kind as keyof typeof KINDS;
  if (!Object.hasOwn(KINDS, kind)) {
    const kinds = Object.keys(KINDS).join(', ');
    throw new UserError(`${place}: "kind" expected one of ${kinds}, found ${describe(kind)}`);
  }
  checkFields(place, value, KINDS[kind], `a ${kind} protocol`);
  for (const [metric, needs] of [
    ['acc_filtered', 'neverAnswers'],
    ['acc_uncond', 'unconditional'],
    ['mcc_ranked', 'accepts'],
    ['pearson', 'scale'],
    ['spearman', 'scale'],
    ...(kind === 'choice'
      ? ([
          ['em', 'judge'],
          ['f1', 'judge'],
        ] as const)
      : []),
    ...OF_COUNTS.map((metric) => [metric, 'counts'] as const),
  ] as const) {
    if ((value.metrics as string[]).includes(metric) && value[needs] === undefined)
      throw new UserError(`${place}: the metric ${metric} needs "${needs}"`);
  }
  if (value.contexts !== undefined && value.unconditional !== undefined)
    throw new UserError(`${place}: expected "contexts" or "unconditional", found both`);
  const defaults = kind === 'rolling' ? {} : { separator: '\n\n', draw: 'fixed' };
  const delimiter = kind === 'choice' ? { delimiter: ' ' } : {};
  const given = defined<object>(value, KINDS[kind]);
  return { source: path, ...defaults, ...delimiter, ...given } as unknown as Protocol<Example>;
}

function checkFields(
  where: string,
  fields: Fields,
  rules: Readonly<Record<string, Rule>>,
  what: string,
): void {
  for (const [key, [is, expected]] of Object.entries(rules)) {
    if (!is(fields[key]))
      throw new UserError(`${where}: "${key}" expected ${expected}, found ${describe(fields[key])}`);
  }
  const unknown = Object.keys(fields).find((key) => !Object.hasOwn(rules, key));
  if (unknown !== undefined)
    throw new UserError(
      `${where}: "${unknown}" is not a field of ${what}${didYouMean(unknown, Object.keys(rules))}`,
    );
}

/** A value in few words. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  if (value instanceof Promise) return 'a promise';
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch (error) {
    text = messageOf(error);
  }
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
