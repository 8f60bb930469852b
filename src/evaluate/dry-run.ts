import { UserError } from '../errors.ts';
import type { RunSpec } from '../record.ts';
import { isServed } from '../remote/client/address.ts';
import { countingModel, type RequestCount } from '../remote/client/dry-run.ts';
import { disk } from '../store/disk.ts';
import { evaluateWith } from './evaluate.ts';
import type { EvaluateOptions } from './events.ts';
import { openAnyModel } from './open-model.ts';

/**
 * What a run would ask of the servers of its models: its prompts are made, and none is sent but the probe's and those
 * that a server tokenises.
 * @throws UserError where a model is not served
 */
export async function countRequests(
  spec: Pick<RunSpec, 'models'> & Partial<RunSpec>,
  options: Pick<EvaluateOptions, 'offline' | 'signal' | 'onEvent' | 'served'> = {},
): Promise<Map<string, RequestCount>> {
  const own = spec.models.find((ref) => !isServed(ref));
  if (own !== undefined)
    throw new UserError(`--dry-run: counts requests to served models, and ${own} is none`);
  const counts = new Map<string, RequestCount>();
  await evaluateWith(
    {
      disk,
      flushMs: 1000,
      async openModel(ref, source) {
        const count = { requests: 0, promptTokens: 0, generatedTokens: 0 };
        counts.set(ref, count);
        return countingModel(await openAnyModel(ref, source), count);
      },
    },
    spec,
    options,
  );
  return counts;
}
