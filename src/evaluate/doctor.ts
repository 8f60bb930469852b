import { messageOf } from '../errors.ts';
import type { Model } from '../models/open.ts';
import { type DeviceProbe, probeDevice } from '../models/probe.ts';
import { compareScores } from '../scoring/compare.ts';
import { scoreAll } from '../scoring/score.ts';
import { random } from '../stats/random.ts';
import type { Backend, Device, Dtype, Request, Scored } from '../types.ts';
import { CHECK_BOUND } from './ready.ts';

/** What a model's scores are like on one device in one precision. Log-probabilities in nats. */
export interface Examination {
  readonly device: Device;
  readonly dtype: Dtype;
  /** Why nothing could be measured; the rest is then left out. */
  readonly problem?: string;
  /** Seconds to load the model. */
  readonly load?: number;
  /** Mean and largest difference of a token's log-probability from the CPU in float32, and the largest allowed. */
  readonly parity?: { readonly mean: number; readonly max: number; readonly bound: number };
  /** Largest difference of a request's log-probability when it is scored by itself. */
  readonly company?: number;
  readonly tokensPerSecond?: number;
  /** GFLOP/s at two operations a parameter and token, and those of a plain float32 matrix product there. */
  readonly rate?: number;
  readonly peak?: number;
}

export interface DoctorOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onStart?: (device: Device, dtype: Dtype) => void;
}

/** Precisions of each device, the reference first. */
const PRECISIONS: readonly (readonly [Device, Dtype])[] = [
  ['cpu', 'fp32'],
  ['cpu', 'int8'],
  ['cuda', 'fp32'],
  ['cuda', 'fp16'],
  ['webgpu', 'fp32'],
  ['webgpu', 'fp16'],
];

/** Examines a model on every device that there is: right numbers, the same in any company, and how fast. */
export async function* examine(
  model: Model,
  { signal, onStart }: DoctorOptions = {},
): AsyncGenerator<Examination, void, undefined> {
  const { checked, timed } = samples(model);
  const probes = new Map<Device, DeviceProbe>();
  let reference: readonly Scored[] | undefined;
  for (const [device, dtype] of PRECISIONS) {
    signal?.throwIfAborted();
    onStart?.(device, dtype);
    const probe = probes.get(device) ?? (await probeDevice(device));
    probes.set(device, probe);
    const identity = { device, dtype };
    if (probe.problem !== null) {
      yield { ...identity, problem: probe.problem };
      continue;
    }
    let backend: Backend | undefined;
    try {
      const began = performance.now();
      backend = await model.open({ device, dtype, tokensToCompute: Number.MAX_SAFE_INTEGER });
      const load = (performance.now() - began) / 1000;
      const found = await scoreAll(model.architecture, checked, backend, signal);
      reference ??= found;
      const { mean, max } = compareScores(reference, found);
      const alone: Scored[] = [];
      for (const request of checked)
        alone.push(...(await scoreAll(model.architecture, [request], backend, signal)));
      const sum = (scored: Scored): number => scored.logprobs.reduce((total, l) => total + l, 0);
      const company = Math.max(...found.map((scored, i) => Math.abs(sum(scored) - sum(alone[i] as Scored))));
      const tokensPerSecond = await speed(model, timed, backend, signal);
      yield {
        ...identity,
        load,
        parity: { mean, max, bound: CHECK_BOUND[dtype] },
        company,
        tokensPerSecond,
        rate: (2 * model.identity.parameters * tokensPerSecond) / 1e9,
        peak: probe.rate,
      };
    } catch (error) {
      signal?.throwIfAborted();
      yield { ...identity, problem: messageOf(error) };
    } finally {
      await backend?.close();
    }
  }
}

/** Requests with shared beginnings to compare, and long ones to time. Token ids are drawn, so any model will do. */
function samples(model: Model): { checked: Request[]; timed: Request[] } {
  const draw = random('doctor', 1);
  const vocabulary = Math.min(model.architecture.vocabularySize, model.tokenizer.vocabularySize);
  const ids = (n: number): number[] => Array.from({ length: n }, () => draw.below(vocabulary));
  const request = (tokens: readonly number[], start: number): Request => ({
    tokens: Int32Array.from(tokens),
    start,
    truncated: 0,
    merged: false,
  });
  const room = Math.min(model.contextLength, 256);
  const trunk = ids(Math.min(128, room - 16));
  const checked = Array.from({ length: 8 }, (_, i) => {
    const own = [...(i % 2 === 0 ? trunk : []), ...ids(4 + i)];
    return request(own, own.length - 3);
  });
  const timed = Array.from({ length: 4 }, () => request(ids(room), 1));
  return { checked, timed };
}

/** Tokens a second, the best of three rounds of at most some seconds each. */
async function speed(
  model: Model,
  requests: readonly Request[],
  backend: Backend,
  signal: AbortSignal | undefined,
): Promise<number> {
  const start = performance.now();
  let best = 0;
  for (let round = 0; round < 4 && (round < 2 || performance.now() - start < ENOUGH_MS); round++) {
    const began = performance.now();
    await scoreAll(model.architecture, requests, backend, signal);
    const tokens = requests.reduce((total, { tokens: { length } }) => total + length - 1, 0);
    // The first round also warms up.
    if (round > 0) best = Math.max(best, (tokens * 1000) / (performance.now() - began));
  }
  return best;
}

/** No further round is begun after this long. */
const ENOUGH_MS = 5000;
