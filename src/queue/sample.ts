import { UserError } from '../errors.ts';
import type { Flag, Sample } from '../types.ts';

const FLAGS: readonly Flag[] = ['truncated', 'boundary', 'tie', 'overlap'];

type Check = (value: unknown) => boolean;

const isText: Check = (v) => typeof v === 'string' && v.length < 1 << 20;
const isCount: Check = (v) => Number.isSafeInteger(v) && (v as number) >= 0;
const isReal: Check = (v) => typeof v === 'number' && Number.isFinite(v);
const listOf =
  (check: Check): Check =>
  (v) =>
    Array.isArray(v) && v.every(check);
const recordOf =
  (check: Check): Check =>
  (v) =>
    typeof v === 'object' && v !== null && !Array.isArray(v) && Object.values(v).every(check);
const isSpan: Check = (v) => {
  const { tokens, logprobs, hits, ...rest } = (v ?? {}) as Record<string, unknown>;
  return (
    Array.isArray(tokens) &&
    Array.isArray(logprobs) &&
    Array.isArray(hits) &&
    tokens.every(isCount) &&
    logprobs.every(isReal) &&
    hits.every((hit) => typeof hit === 'boolean') &&
    logprobs.length === tokens.length &&
    hits.length === tokens.length &&
    Object.keys(rest).length === 0
  );
};

const FIELDS: Readonly<Record<keyof Sample, Check>> = {
  id: isText,
  cluster: isText,
  group: isText,
  status: (v) => v === 'scored' || v === 'unscored',
  reason: isText,
  prompt: isText,
  spans: listOf(isSpan),
  prediction: (v) => isReal(v) || isText(v) || typeof v === 'boolean',
  gold: (v) => isReal(v) || isText(v),
  values: recordOf(isReal),
  counts: recordOf(listOf(isReal)),
  shots: listOf(isText),
  shots_requested: (v) => v === 'max' || isCount(v),
  shots_used: isCount,
  tokens_dropped: isCount,
  flags: listOf((v) => FLAGS.includes(v as Flag)),
  overlap: (v) => {
    const { fields, where } = (v ?? {}) as Record<string, unknown>;
    return recordOf(recordOf(isCount))(fields) && Array.isArray(where);
  },
};
const NEEDED: readonly (keyof Sample)[] = [
  'id',
  'status',
  'shots',
  'shots_requested',
  'shots_used',
  'tokens_dropped',
  'flags',
];

/** @throws UserError where a value that came from elsewhere is not the sample that was asked for */
export function checkSample(
  value: unknown,
  asked: { readonly id: string; readonly shots: number | 'max' },
  where: string,
): Sample {
  const sample = (value ?? {}) as Record<string, unknown>;
  const wrong =
    Object.keys(sample).find(
      (key) => !Object.hasOwn(FIELDS, key) || !FIELDS[key as keyof Sample](sample[key]),
    ) ?? NEEDED.find((key) => sample[key] === undefined);
  if (wrong !== undefined)
    throw new UserError(
      `${where}: the sample of item "${asked.id}" has no right "${wrong}", found ${(JSON.stringify(sample[wrong]) ?? 'nothing').slice(0, 80)}`,
    );
  if (sample.id !== asked.id || sample.shots_requested !== asked.shots)
    throw new UserError(`${where}: expected item "${asked.id}" at k = ${asked.shots}, found another`);
  return value as Sample;
}
