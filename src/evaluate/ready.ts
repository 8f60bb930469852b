import { messageOf, UserError } from '../errors.ts';
import type { Model } from '../models/open.ts';
import { type DeviceProbe, findAccelerators, probeDevice } from '../models/probe.ts';
import type { BackendRecord } from '../record.ts';
import { compareScores } from '../scoring/compare.ts';
import { scoreAll } from '../scoring/score.ts';
import type { Backend, Device, Dtype, Request, Scored } from '../types.ts';

/** Requests of the run itself, on which a device and a precision are held against float32 on the CPU. */
export interface CheckSample {
  readonly requests: readonly Request[];
  /** What each item of the sample is answered with, from the scores of its requests. */
  answers(scores: readonly Scored[]): readonly (string | number | boolean | undefined)[];
}

export interface ReadyOptions {
  /** What was asked for, and the devices that it comes to: see chooseDevices. */
  readonly device: Device | 'auto';
  readonly devices: readonly Device[];
  readonly dtype: Dtype;
  /** A guess at the tokens to be computed: the model is loaded to suit it. */
  readonly tokensToCompute: number;
  readonly sample: () => CheckSample;
  readonly warn: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Probes {
  findAccelerators(): Promise<readonly DeviceProbe[]>;
  probeDevice(device: Device): Promise<DeviceProbe>;
}

export interface ReadyBackend {
  readonly backend: Backend;
  readonly record: BackendRecord;
}

/**
 * Largest difference of one token's log-probability from float32 on the CPU, in nats, with which a device is
 * believed. Rounding alone stays well below (README, "Precision"); a wrong kernel goes far beyond.
 */
export const CHECK_BOUND: Readonly<Record<Dtype, number>> = { fp32: 1e-3, fp16: 0.25, int8: 1 };

/** Tokens that a check may take: some ten seconds of two cores' time for the reference. */
export function checkTokens(parameters: number): number {
  return Math.min(Math.max(Math.round(1e12 / Math.max(parameters, 1)), 512), 8192);
}

/** True where nothing needs checking: the reference itself. */
function isReference(device: Device, dtype: Dtype): boolean {
  return device === 'cpu' && dtype === 'fp32';
}

/** True where the first device needs no check, so that the model may be loaded when there is something to compute. */
export function needsNoCheck(devices: readonly Device[], dtype: Dtype): boolean {
  return devices[0] !== undefined && isReference(devices[0], dtype);
}

/** A server whose log-probabilities of the probe moved by more than this, in nats, has another model by now. */
export const PROBE_BOUND = 0.1;

/**
 * Loads a model on the first of the devices that gives, on the run's first items, the CPU's numbers in float32. A
 * served model is taken as it is.
 * @throws UserError where none does
 */
export async function readyBackend(model: Model, options: ReadyOptions): Promise<ReadyBackend> {
  const { device: wanted, devices, dtype, tokensToCompute, warn, signal } = options;
  if (model.served) {
    const backend = await model.open({ device: 'cpu', dtype, tokensToCompute });
    const identity = { model: model.identity.ref, device: 'served' as const, dtype };
    return { backend, record: { ...identity, check: null, probe: model.served.probe } };
  }
  const sample = devices.some((device) => !isReference(device, dtype)) ? options.sample() : undefined;
  let reference: Scored[] | undefined;

  for (const [i, device] of devices.entries()) {
    const last = i === devices.length - 1;
    const identity = { model: model.identity.ref, device, dtype };
    if (isReference(device, dtype)) {
      return {
        backend: await model.open({ device, dtype, tokensToCompute }),
        record: { ...identity, check: null },
      };
    }
    if (!sample) throw new Error('a device is to be checked on nothing');
    // The reference is closed again before the candidate is opened: memory holds one model at a time.
    reference ??= await onReference(model, sample.requests, signal);
    const backend = await model.open({ device, dtype, tokensToCompute }).catch((error: unknown) => {
      if (last || signal?.aborted) throw error;
      warn(`${device} is not used: ${messageOf(error)}`);
    });
    if (!backend) continue;
    try {
      const found = await scoreAll(model.architecture, sample.requests, backend, signal);
      const difference = compareScores(reference, found);
      const [before, after] = [sample.answers(reference), sample.answers(found)];
      const check = {
        ...difference,
        items: before.length,
        flipped: before.filter((answer, item) => answer !== after[item]).length,
        bound: CHECK_BOUND[dtype],
      };
      if (difference.max <= CHECK_BOUND[dtype]) return { backend, record: { ...identity, check } };
      throw new UserError(
        `${wanted === 'auto' ? '' : '--device '}${device} in ${dtype} gives wrong numbers: on the run's first ${difference.tokens} tokens its log-probabilities differ from the CPU's by up to ${difference.max.toPrecision(3)} nats (${difference.mean.toPrecision(2)} on average), expected at most ${CHECK_BOUND[dtype]}`,
      );
    } catch (error) {
      await backend.close();
      if (last || signal?.aborted) throw error;
      warn(`${device} is not used: ${messageOf(error)}`);
    }
  }
  throw new Error('no device was tried');
}

/**
 * The devices to try for what is asked, best first: every accelerator that works and is worth it, then the CPU.
 * @throws UserError where a named device can't be used, or not in this precision
 */
export async function chooseDevices(
  { device, dtype }: { readonly device: Device | 'auto'; readonly dtype: Dtype },
  warn: (message: string) => void,
  probes: Probes = { findAccelerators, probeDevice },
): Promise<readonly Device[]> {
  if (dtype === 'int8') {
    if (device === 'auto' || device === 'cpu') return ['cpu'];
    throw new UserError(
      `--dtype int8: runs on the CPU only, found --device ${device}; fp16 is for accelerators`,
    );
  }
  if (device === 'cpu') {
    if (dtype === 'fp32') return ['cpu'];
    throw new UserError('--dtype fp16: needs an accelerator, found --device cpu; int8 is for the CPU');
  }
  if (device !== 'auto') {
    const { problem } = await probes.probeDevice(device);
    if (problem !== null) throw new UserError(`--device ${device}: cannot be used: ${problem}`);
    return [device];
  }
  const found = await probes.findAccelerators();
  const usable = found.filter(({ problem }) => problem === null).map((probe) => probe.device);
  if (usable.length === 0 && found.length > 0) {
    const reasons = found.map((probe) => `${probe.device}: ${probe.problem}`).join('; ');
    warn(`no accelerator is used (${reasons})`);
  }
  if (dtype === 'fp32') return [...usable, 'cpu'];
  if (usable.length > 0) return usable;
  throw new UserError('--dtype fp16: needs an accelerator, and none was found; `evalgpt doctor` says why');
}

async function onReference(
  model: Model,
  requests: readonly Request[],
  signal: AbortSignal | undefined,
): Promise<Scored[]> {
  const backend = await model.open({ device: 'cpu', dtype: 'fp32', tokensToCompute: 0 });
  try {
    return await scoreAll(model.architecture, requests, backend, signal);
  } finally {
    await backend.close();
  }
}
